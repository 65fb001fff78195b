/** What an admitted request knows of its own admission, whichever adapter let it in. */

import { invalid } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Resource } from "../core/resource.ts";

/** How a request was let in. */
export interface Admission {
  readonly lane: string;
  readonly flow: string;
  /** What chose the lane: a rule with its line, the route, or the application's own function. */
  readonly rule: string;
  /** Milliseconds spent queued. */
  readonly waitMs: number;
  /** The instant after which nobody waits for the reply, on `performance.now()`. */
  readonly deadline: number;
  /** Aborts when the client leaves before its reply is whole, and when the time is up. Made on first read. */
  readonly signal: AbortSignal;
}

const HELD = Symbol("laneway.held");

interface Holding {
  [HELD]?: Held;
}

/** A class, for of what lives as long as a request nothing may be a literal (see `around.ts`). */
class Held {
  readonly resource: Resource;
  readonly admission: Admission;
  readonly before: Held | undefined;

  constructor(resource: Resource, admission: Admission, before: Held | undefined) {
    this.resource = resource;
    this.admission = admission;
    this.before = before;
  }
}

/** Notes on a request that it was let in. */
export function hold(request: object, resource: Resource, admission: Admission): void {
  const holding = request as Holding;
  holding[HELD] = new Held(resource, admission, holding[HELD]);
}

/**
 * How a request was let in; undefined when it was not, or was skipped. With several resources, by the innermost.
 *
 * @example
 * const rows = await search(query, { signal: admissionOf(req)?.signal });
 */
export function admissionOf(request: object): Admission | undefined {
  return (request as Holding)[HELD]?.admission;
}

/** The error for a request that holds a seat of this resource already: two for one piece of work would deadlock. */
export function alreadyAdmitted(request: object, resource: Resource): LanewayError | undefined {
  for (let held = (request as Holding)[HELD]; held !== undefined; held = held.before) {
    if (held.resource.name !== resource.name) continue;
    return invalid(
      `resource "${resource.name}"`,
      "one adapter for each request",
      `a second one on a request that was let in already, in lane "${held.admission.lane}"`,
      "register it once, or, where a route needs a lane of its own, by a rule of the policy or on the routes only",
    );
  }
  return undefined;
}

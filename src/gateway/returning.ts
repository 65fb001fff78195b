/**
 * Requests that were refused after they had waited, and come back: their SDK says so by a counter, and it is the same
 * client with the same body. They keep the credit for what they have waited.
 */

import { createHash } from "node:crypto";
import type { LanewayError } from "../core/errors.ts";
import { ReturnCredit } from "../calls/credit.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";

/** Only of SDKs that say it is a request known to be repeated. */
const COUNTER = "x-stainless-retry-count";

export class Returning {
  private readonly credit = new ReturnCredit<string>();

  /** Notes what a refused request has waited, `beforeMs` of it in earlier submissions. */
  refused(call: Call, route: Route, { waitMs }: LanewayError, beforeMs: number): void {
    const ms = waitMs + beforeMs;
    if (ms > 0 && call.header(COUNTER) !== undefined)
      this.credit.refused(keyOf(call, route), ms, performance.now());
  }

  /** What this request has waited before, in milliseconds. */
  waitedMs(call: Call, route: Route): number {
    const retries = route.upstream.provider.clientRetries((name) => call.header(name));
    return retries > 0 ? this.credit.take(keyOf(call, route), performance.now()) : 0;
  }
}

/** Who asks for what. The body may be anything, so its hash stands for it. */
function keyOf(call: Call, { classification }: Route): string {
  const hash = createHash("sha1").update(`${classification.flow}\n${call.path}\n`);
  if (call.body !== undefined) hash.update(call.body);
  return hash.digest("base64");
}

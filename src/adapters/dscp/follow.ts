/** The marks of the policy in force, by lane: followed through reloads, looked up for each reply and connection. */

import { LanewayError } from "../../core/errors.ts";
import type { Policy } from "../../policy/policy.ts";
import { warnIfUnable } from "./connection.ts";
import { harmText, markingHarm, mayHarm } from "./harm.ts";
import { hostQueues } from "./host-queues.ts";
import { laneMarks, typeOfService } from "./marks.ts";
import type { MarkedPolicy } from "./marks.ts";
import { warnOnce } from "./warn.ts";

/** A lane's mark as packets carry it. */
export interface LaneTos {
  /** 0 is the most important lane. */
  readonly rank: number;
  /** The byte of the header: 0 for what is not marked. */
  readonly tos: number;
}

/** What belongs to no lane, and every lane of a policy without marks. */
const UNMARKED: LaneTos = Object.freeze({ rank: Infinity, tos: 0 });

/** What of a `Laneway` is needed. */
export interface Marked {
  readonly policy: Policy;
}

/** Looks a lane's mark up, in whatever policy is in force. */
export class FollowedMarks {
  readonly #laneway: Marked;
  #policy: Policy;
  #byLane: ReadonlyMap<string, LaneTos>;

  /** @throws LanewayError `LANEWAY_INVALID` for marks that this host's queues are not ready for. */
  constructor(laneway: Marked) {
    this.#laneway = laneway;
    this.#policy = laneway.policy;
    this.#byLane = acceptedMarks(laneway.policy);
  }

  /** Compares one reference when nothing changed, so that each request can ask. */
  of(lane: string | undefined): LaneTos {
    if (this.#laneway.policy !== this.#policy) this.#follow();
    return (lane === undefined ? undefined : this.#byLane.get(lane)) ?? UNMARKED;
  }

  /** Whether the policy in force has marks at all. */
  get on(): boolean {
    if (this.#laneway.policy !== this.#policy) this.#follow();
    return this.#byLane.size > 0;
  }

  /** An edit whose marks are refused leaves the marks before it in force: traffic goes on. */
  #follow(): void {
    this.#policy = this.#laneway.policy;
    try {
      this.#byLane = acceptedMarks(this.#policy);
    } catch (error) {
      warnOnce("LANEWAY_MARKS_KEPT", `the old marks stay in force: ${(error as Error).message}`);
    }
  }
}

/**
 * The marks of a policy, by lane; empty for a policy without.
 *
 * @throws LanewayError `LANEWAY_INVALID` for marks that this host's queues are not ready for.
 */
function acceptedMarks(policy: MarkedPolicy): Map<string, LaneTos> {
  const { network, lanes, defaultLane } = policy;
  if (network === undefined) return new Map();
  warnIfUnable();
  const marks = laneMarks(lanes, network.profile);
  const why = network.checkQueue && mayHarm(marks, defaultLane) ? refusal(policy) : undefined;
  if (why !== undefined) {
    const advice =
      "make them ready by the script of laneway network, choose profile: safe, or mark all the same with checkQueue: false";
    throw new LanewayError(`network: ${network.profile}: ${why}; ${advice}`, {
      code: "LANEWAY_INVALID",
      reason: "invalid",
    });
  }
  return new Map(marks.map(({ lane, codePoint }, rank) => [lane, { rank, tos: typeOfService(codePoint) }]));
}

/** Why these marks must not be set on this host; undefined when they may. */
function refusal({ lanes, defaultLane, network }: MarkedPolicy): string | undefined {
  const host = hostQueues();
  if (typeof host === "string") return host;
  const [first, ...more] = markingHarm(laneMarks(lanes, network!.profile), defaultLane, host);
  if (first === undefined) return undefined;
  return `${harmText(first)}${more.length === 0 ? "" : `, and ${more.length} more`}`;
}

/** The lanes' time-outs as the policy in force has them for each resource, worked out once for each policy. */

import type { Policy } from "../policy/policy.ts";

/** Looks time-outs up. */
export class Timeouts {
  #policy: Policy | undefined;
  readonly #byResource = new Map<string, ReadonlyMap<string, number>>();

  /** Milliseconds that a task of this lane may take in all; Infinity for a lane that there is not. */
  of(policy: Policy, resource: string, lane: string): number {
    if (policy !== this.#policy) {
      this.#byResource.clear();
      this.#policy = policy;
    }
    let lanes = this.#byResource.get(resource);
    if (lanes === undefined) {
      const own = policy.resources[resource]?.lanes ?? [];
      lanes = new Map(own.map(({ name, timeoutMs }) => [name, timeoutMs]));
      this.#byResource.set(resource, lanes);
    }
    return lanes.get(lane) ?? Infinity;
  }
}

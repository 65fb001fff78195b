/** Whether two policies decide alike: a short digest of all that the scheduler sees of them, and of nothing secret. */

import { createHash } from "node:crypto";
import { resourceOptions } from "../../policy/options.ts";
import { withOwnRequests } from "../../policy/policy.ts";
import type { Policy } from "../../policy/policy.ts";

/**
 * The same for policies under which the scheduler decides alike, whatever their comments, rules, keys and upstreams.
 *
 * @example
 * policyDigest(await loadPolicy("laneway.yaml")); // => "9f2c41d08be7"
 */
export function policyDigest(given: Policy): string {
  const policy = withOwnRequests(given);
  const resources = Object.values(policy.resources).map((resource) => [
    resourceOptions(policy, resource),
    // Which models share a budget is a function in the options, and JSON has none.
    resource.budgets,
  ]);
  return createHash("sha256").update(JSON.stringify(resources)).digest("hex").slice(0, 12);
}

/** Every policy that a simulation can be played under, by name: the real scheduler and the stand-ins. */

import { Resource } from "../../src/index.ts";
import * as standIns from "./stand-ins.ts";
import type { Policy } from "./world.ts";

export type PolicyName =
  | "laneway"
  | "firstInFirstOut"
  | "strictPriority"
  | "agingWithoutBudget"
  | "staticRetryAfter"
  | "unfadingEstimate"
  | "expiredOnly"
  | "firstThatFits";

export const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  laneway: (options) => new Resource(options),
  firstInFirstOut: standIns.firstInFirstOut,
  strictPriority: standIns.strictPriority,
  agingWithoutBudget: standIns.agingWithoutBudget,
  staticRetryAfter: standIns.staticRetryAfter,
  unfadingEstimate: standIns.unfadingEstimate,
  expiredOnly: standIns.expiredOnly,
  firstThatFits: standIns.firstThatFits,
};

/** Bugs in what an adaptive limit learns, and from what: promise 14. */

import type { Mutant } from "./mutant.ts";

const ADAPTIVE = "src/core/limit/adaptive.ts";
const FEED = "src/core/limit/feed.ts";
const HERE = "test/core/14-adaptive.test.ts";

export const OF_LIMITS: readonly Mutant[] = [
  {
    name: "a limit grows although more at once brings no more",
    promise: 14,
    file: ADAPTIVE,
    find: "    const error = targetAt(slower) - smooth;",
    replace: "    const error = targetAt(slower) - Math.min(0, smooth);",
    killedBy: HERE,
  },
  {
    name: "runs that take longer for reasons of their own count as a queue",
    promise: 14,
    file: ADAPTIVE,
    find: "((before.cost - low.cost) * left + (after.cost - low.cost) * right) / spread",
    replace: "((before.cost - this.#base) * left + (after.cost - this.#base) * right) / spread",
    killedBy: HERE,
  },
  {
    name: "tasks that fail say nothing",
    promise: 14,
    file: ADAPTIVE,
    find: "    if (this.#tooManyFail(now)) return;\n",
    replace: "",
    killedBy: HERE,
  },
  {
    name: "a stall is seen only when something ends",
    promise: 14,
    file: ADAPTIVE,
    find: "    if (this.#isStalled(seatsInUse, now)) return this.#stall(now);\n",
    replace: "",
    killedBy: HERE,
  },
  {
    name: "a limit that limits nothing is judged all the same",
    promise: 14,
    file: "src/core/limit/window.ts",
    find: "return this.#queuedMs > this.lasted(now) / 2;",
    replace: "return this.lasted(now) > 0;",
    killedBy: HERE,
  },
  {
    name: "an adaptive limit passes its bounds",
    promise: 14,
    file: ADAPTIVE,
    find: "    this.#seats = Math.min(this.max, Math.max(this.#min, seats));",
    replace: "    this.#seats = Math.max(1, seats);",
    killedBy: HERE,
  },
  {
    name: "an adaptive limit takes the seats of floors",
    promise: 14,
    file: FEED,
    find: "  scheduler.limit.atLeast?.(floors + 1);\n",
    replace: "  void floors;\n",
    killedBy: HERE,
  },
  {
    name: "an adaptive limit never leaves its least",
    promise: 14,
    file: ADAPTIVE,
    find: "    const high = Math.min(this.max, Math.max(estimate, low + 1));",
    replace: "    const high = estimate;",
    killedBy: HERE,
  },
  {
    name: "a task that is put back was no failure",
    promise: 14,
    file: "src/core/put-back.ts",
    find: "if (way === undefined) learn(task, runMs, inUse, true, now);",
    replace: "if (way === undefined) learn(task, runMs, inUse, false, now);",
    killedBy: HERE,
  },
  {
    name: "a task that ended too late was no failure",
    promise: 14,
    file: FEED,
    find: "failed || task.is(OVERDUE)",
    replace: "failed && task.is(OVERDUE)",
    killedBy: HERE,
  },
  {
    name: "a limit grows while the process is at its bound",
    promise: 14,
    file: ADAPTIVE,
    find: "    if (beside === undefined || beside.level < 1) return true;",
    replace: "    if (beside === undefined || beside.level < 9) return true;",
    killedBy: HERE,
  },
  {
    name: "an update forgets what was learned",
    promise: 14,
    file: "src/core/resource.ts",
    find: "  if (before instanceof AdaptiveLimit) return before.within(config, saturation);\n",
    replace: "",
    killedBy: HERE,
  },
];

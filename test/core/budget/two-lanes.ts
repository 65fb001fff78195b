/** What most tests of budgets begin with: seats for everybody, two lanes without floors, and a scarce budget. */

import assert from "node:assert/strict";
import { simulated } from "../simulated.ts";
import type { Options, Simulated } from "../simulated.ts";

export const LONG = { timeoutMs: 1e7, queue: { timeoutMs: 1e7 } };

/** Two lanes without floors, seats for everybody: only budget is scarce. */
export function twoLanes(budgets: NonNullable<Options["budgets"]>, more: Partial<Options> = {}): Simulated {
  return simulated({
    limit: 100,
    lanes: [
      { name: "high", ...LONG },
      { name: "low", ...LONG },
    ],
    defaultLane: "low",
    aging: false,
    budgets,
    ...more,
  });
}

/** Takes so many input tokens at once and gives the seat back. */
export function spend({ resource }: Simulated, inputTokens: number, budget = ""): void {
  const permit = resource.tryAcquire({ cost: { requests: 0, inputTokens }, budget });
  assert.ok(permit !== undefined, `${inputTokens} tokens are there to be spent`);
  permit.release();
}

export function left({ resource }: Simulated, name = ""): number {
  return Math.round(resource.budget(name).left.inputTokens * 1e6) / 1e6;
}

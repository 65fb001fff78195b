/**
 * Bugs planted one at a time in a copy of the source, to show that the tests would find them: at least one for every
 * promise of the scheduler that is built. `npm run mutants` plants them.
 */

import type { Mutant } from "./mutant.ts";
import { OF_BUDGETS } from "./of-budgets.ts";
import { OF_DATABASES } from "./of-databases.ts";
import { OF_LIMITS } from "./of-limits.ts";
import { ONCE_REAL } from "./once-real.ts";
import { WHAT_BECOMES_OF_IT } from "./what-becomes-of-it.ts";
import { WHO_GOES_NEXT } from "./who-goes-next.ts";

/** Promises that have code: 17 waits for preemption. */
export const BUILT: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18];

export const MUTANTS: readonly Mutant[] = [
  ...WHO_GOES_NEXT,
  ...WHAT_BECOMES_OF_IT,
  ...OF_BUDGETS,
  ...OF_LIMITS,
  ...OF_DATABASES,
  ...ONCE_REAL,
];

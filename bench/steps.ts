/** Do the steps of an admission and a release stay the same, however many wait? Counted, not timed. */

import { coreSteps } from "../test/simulation/steps.ts";
import { atMost } from "./question.ts";
import type { Question } from "./question.ts";

const SIZES = [1_000, 100_000, 1_000_000];

export const question: Question = {
  asks: "Do the steps of an admission and a release stay the same, however many wait?",
  unit: "steps",
  cases: Object.fromEntries(
    SIZES.map((waiting) => [`${waiting} waiting`, { exact: true, measure: () => coreSteps(waiting) }]),
  ),
  rows: (of) => {
    const steps = SIZES.map((waiting) => of(`${waiting} waiting`));
    return [
      atMost(
        {
          question:
            "counted steps of an admission + release, the most of 1,000 / 100,000 / 1,000,000 waiting",
          ours: Math.max(...steps),
          peer: "the least of them",
          theirs: Math.min(...steps),
          unit: "steps",
        },
        1.5,
      ),
    ];
  },
};

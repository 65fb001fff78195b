// example: no-run main.ts runs it

import { runInLane } from "laneway";

const REPORTS = 20;

/** Starts twenty reports in the lane bulk, then one payment in the lane critical, and prints who was served when. */
export async function payBehindReports(
  name: string,
  report: () => PromiseLike<unknown>,
  pay: () => PromiseLike<unknown>,
): Promise<void> {
  let done = 0;
  const reports = Array.from({ length: REPORTS }, () =>
    // The `await` inside: many query builders begin only when they are awaited, and then it must be in the lane.
    runInLane("bulk", async () => {
      await report();
      done++;
    }),
  );
  await runInLane("critical", async () => await pay());
  console.log(`${name}: paid after ${done} of ${REPORTS} reports`);
  await Promise.all(reports);
}

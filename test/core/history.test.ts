/** Random histories of everything at once, beside those that the file of each promise plays. */

import { test } from "node:test";
import { keepEveryPromise } from "./history.ts";

test("no history breaks a promise", async () => {
  await keepEveryPromise({ count: 400, firstSeed: 200_000 });
});

test("no history in which lanes, limits and queues change all the time does", async () => {
  await keepEveryPromise({
    count: 200,
    firstSeed: 210_000,
    with: { updates: 0.25, requeues: 0.3, wide: 0.3, tinyQueues: 0.8 },
  });
});

test("no history by weight does", async () => {
  await keepEveryPromise({ count: 150, firstSeed: 220_000, with: { order: "weighted" } });
});

test("no history in shadow mode does", async () => {
  await keepEveryPromise({ count: 100, firstSeed: 190_000, with: { shadow: 1 } });
});

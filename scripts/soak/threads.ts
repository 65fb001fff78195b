/** Worker threads whose tasks end them, throw, run for ever or are given up: every seat comes back, and every thread ends. */

import { Piscina } from "piscina";
import { ThreadPool } from "../../src/adapters/threads.ts";
import type { ThreadTaskOptions } from "../../src/adapters/threads.ts";
import { isAtRest, judgeCounters, offeredTo, sumOf } from "./counters.ts";
import type { Part, Round } from "./part.ts";
import { holdsWithin, pause } from "./process-watch.ts";

const TASKS = 40;
const AT_REST_MS = 20_000;
const FILE: URL = new URL("../../test/adapters/threads/work.ts", import.meta.url);
const LANES = ["critical", "high", "normal", "low", "bulk"];
const LEFT = new Error("left");

/** Each round is one pool. */
export const threads: Part = {
  name: "threads",
  what: "worker threads that exit, throw, never end or are given up",
  unit: "tasks",
  share: 1,
  // Node keeps a kilobyte or more of each thread that has ended, whoever started it.
  isComparable: () => false,
  async round(round: Round) {
    const pool = new ThreadPool({
      Piscina,
      filename: FILE,
      threads: round.random.whole(1, 4),
      idleTimeoutMs: round.random.pick([10, 60_000]),
    });
    const tasks = Array.from({ length: TASKS }, async () => {
      await pause(round.random.whole(0, 200));
      await one(round, pool);
    });
    const isEarly = round.chance(0.3);
    if (isEarly) await pause(round.random.whole(0, 300));
    else await Promise.all(tasks);
    await round.settles("a close", pool.close({ timeoutMs: round.random.pick([0, 500]) }));
    await Promise.all(tasks);
    await holdsWithin(AT_REST_MS, () => isAtRest(pool.resource.snapshot()));
    judgeCounters(round, pool.resource);
    // One that came after the close is refused by the pool itself.
    const offered = sumOf(pool.resource.snapshot(), offeredTo);
    round.expect(
      isEarly ? offered <= TASKS : offered === TASKS,
      `${TASKS} tasks, but ${offered} are counted`,
    );
    round.work = TASKS;
  },
};

async function one(round: Round, pool: ThreadPool): Promise<void> {
  const { random } = round;
  const stop = new AbortController();
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const [name, task] = random.pick<readonly [string, unknown]>([
    ["default", 1],
    ["default", "a"],
    ["readFiles", undefined],
    ["fail", "planned"],
    ["exit", 3],
    ["forever", cells],
    ["untilTold", cells],
    ["no such function", 1],
    ["default", () => "what cannot be copied"],
  ]);
  const isEndless = name === "forever" || name === "untilTold";
  const options: ThreadTaskOptions = {
    name,
    lane: random.pick(LANES),
    signal: stop.signal,
    ...(isEndless ? { timeoutMs: random.whole(50, 400) } : {}),
  };
  if (random.next() < 0.2) setTimeout(() => stop.abort(LEFT), random.whole(0, 200));
  const outcome = await round.settles(`the task ${name}`, pool.run(task, options));
  round.count(`${name}: ${outcome.status}`);
}

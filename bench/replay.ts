/** What a replay of a recording costs, and how near it comes to what was recorded. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePolicy } from "../src/policy/policy.ts";
import { seeded } from "../src/testing/random.ts";
import { readRecordings } from "../src/verify/recording/read.ts";
import { openRecording } from "../src/verify/recording/write.ts";
import { prepare, simulatePolicy } from "../src/verify/replay/simulate.ts";
import { arrival } from "../test/verify/recorded.ts";
import { POLICIES, fidelity } from "../test/verify/replay/fidelity.ts";
import { under, workedMicroseconds } from "./question.ts";
import type { Question } from "./question.ts";

const PER_SECOND = 1_000;
const HOUR = 3_600 * PER_SECOND;
/** Of 55 seats nine in ten are busy: lanes wait, and nothing is shed. */
const POLICY = "resources: { db: { limit: 55 } }";
const RUN_MS = 50;
const SEEDS = [1, 2, 3];

/** An hour of arrivals on five lanes, as a gateway writes it. Writing them is not what is measured. */
async function writeHour(file: string): Promise<void> {
  const policy = await parsePolicy(POLICY);
  const writer = await openRecording({
    file,
    policy,
    resources: [],
    log: console.error,
    pendingMax: Infinity,
  });
  const random = seeded(1);
  const lanes = policy.lanes.map(({ name }) => name);
  let atMs = 0;
  for (let count = 1; count <= HOUR; count++) {
    atMs += random.exponential(1_000 / PER_SECOND);
    const flow = `flow ${random.whole(1, 200)}`;
    writer.arrival(arrival({ atMs, lane: random.pick(lanes), flow, runMs: random.exponential(RUN_MS) }));
    if (count % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await writer.close();
}

async function replayHour(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "laneway-replay-"));
  try {
    const file = join(folder, "hour.jsonl");
    await writeHour(file);
    const policy = await parsePolicy(POLICY);
    const before = workedMicroseconds();
    const { lanes } = simulatePolicy(prepare(await readRecordings([file]), policy, 1)[0]!, policy, new Map());
    const seconds = (workedMicroseconds() - before) / 1e6;
    const served = lanes.reduce((sum, lane) => sum + lane.served, 0);
    if (served !== HOUR) throw new Error(`expected ${HOUR} tasks served, found ${served}`);
    return seconds;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The largest difference of a lane's 99th percentile, in per cent. */
async function largestDifference(): Promise<number> {
  let largest = 0;
  for (const name of Object.keys(POLICIES))
    for (const seed of SEEDS)
      for (const { recordedMs, replayedMs } of await fidelity(name, seed))
        largest = Math.max(largest, (Math.abs(replayedMs - recordedMs) / recordedMs) * 100);
  return largest;
}

export const question: Question = {
  asks: "What does a replay of a recording cost, and is it true to what was recorded?",
  unit: "",
  cases: {
    hour: { measure: replayHour },
    difference: { exact: true, measure: largestDifference },
  },
  rows: (of) => [
    under(
      "simulate: an hour of 1,000 arrivals a second, read and replayed, processor time",
      of("hour"),
      10,
      "s",
    ),
    under("simulate: largest difference of a lane's p99 wait, nine runs replayed", of("difference"), 10, "%"),
  ],
};

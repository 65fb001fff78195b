/** A run in simulated time, written down as a gateway would, read back and replayed: how far apart are the two? */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resourceOptions } from "../../../src/policy/options.ts";
import { simulate } from "../../../src/testing/simulate.ts";
import type { Load } from "../../../src/testing/simulate.ts";
import { readRecordings } from "../../../src/verify/recording/read.ts";
import { prepare, recordedLanes, simulatePolicy } from "../../../src/verify/replay/simulate.ts";
import { recordedTask, threeLanes, writeArrivals } from "../recorded.ts";

/** A change of the policy of three lanes and ten seats. */
export const POLICIES: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "by weight": (text) => text.replace("limit: 10", "limit: 10, order: weighted"),
  "with short queues": (text) => text.replace("name: bulk,", "name: bulk, queue: { max: 30, timeout: 2s },"),
};

/** More than ten seats can serve, so that every lane waits and the lowest is shed where its queue is short. */
const LOADS: readonly Load[] = [
  {
    lane: "critical",
    ratePerSecond: 40,
    runMs: (random) => random.exponential(40),
    flow: (n) => `c${n % 7}`,
  },
  { lane: "normal", ratePerSecond: 60, runMs: (random) => random.exponential(60), flow: (n) => `n${n % 5}` },
  { lane: "bulk", ratePerSecond: 40, runMs: (random) => random.whole(20, 200), flow: (n) => `b${n % 3}` },
];

const DURATION_MS = 60_000;

/** One lane, as it was recorded and as it was replayed; waits are 99th percentiles in milliseconds. */
export interface Compared {
  readonly lane: string;
  readonly recordedMs: number;
  readonly replayedMs: number;
  readonly recordedServed: number;
  readonly replayedServed: number;
}

export async function fidelity(name: string, seed: number): Promise<Compared[]> {
  const policy = await threeLanes(POLICIES[name]);
  const { name: _name, memory: _memory, ...resource } = resourceOptions(policy, policy.resources["db"]!);
  const { tasks } = await simulate({
    resource: { name: "db", ...resource, detectDeadlock: false },
    loads: LOADS,
    durationMs: DURATION_MS,
    seed,
  });
  const over = tasks.filter(({ startedAt, refused }) => startedAt !== undefined || refused !== undefined);
  const folder = await mkdtemp(join(tmpdir(), "laneway-fidelity-"));
  try {
    const file = join(folder, "recording.jsonl");
    await writeArrivals(
      file,
      policy,
      over.map((task) => recordedTask(task, "db")),
    );
    const prepared = prepare(await readRecordings([file]), policy, seed)[0]!;
    const recorded = recordedLanes(prepared, policy, new Map());
    return simulatePolicy(prepared, policy, new Map()).lanes.map(({ lane, waitMs, served }, rank) => ({
      lane,
      recordedMs: recorded[rank]!.waitMs.p99,
      replayedMs: waitMs.p99,
      recordedServed: recorded[rank]!.served,
      replayedServed: served,
    }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { Policy } from "../../src/policy/policy.ts";
import type { RecordedArrival } from "../../src/verify/recording/format.ts";
import { readRecordings } from "../../src/verify/recording/read.ts";
import type { Recording } from "../../src/verify/recording/read.ts";
import { openRecording } from "../../src/verify/recording/write.ts";
import type { WriterOptions } from "../../src/verify/recording/write.ts";
import type { SimulatedTask } from "../../src/testing/simulate.ts";

/** An arrival that ran at once for 10 ms, but for what is given. */
export function arrival(given: Partial<RecordedArrival> = {}): RecordedArrival {
  return {
    atMs: 0,
    resource: "db",
    lane: "normal",
    flow: "",
    width: 1,
    waitMs: 0,
    runMs: 10,
    outcome: "finished",
    reason: undefined,
    requestBytes: undefined,
    replyBytes: undefined,
    timeoutMs: undefined,
    budget: undefined,
    inputTokens: undefined,
    outputTokens: undefined,
    ...given,
  };
}

/** A path in a folder that is removed after the test. */
export function scratchFile(t: TestContext, name = "recording.jsonl"): string {
  const folder = mkdtempSync(join(tmpdir(), "laneway-recording-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, name);
}

/** Writes a recording of these arrivals; its path. */
export async function writeRecording(
  t: TestContext,
  policy: Policy,
  arrivals: readonly RecordedArrival[],
  options: Partial<WriterOptions> = {},
): Promise<string> {
  const file = options.file ?? scratchFile(t);
  await writeArrivals(file, policy, arrivals, options);
  return file;
}

export async function writeArrivals(
  file: string,
  policy: Policy,
  arrivals: readonly RecordedArrival[],
  options: Partial<WriterOptions> = {},
): Promise<void> {
  const resources = Object.values(policy.resources).map(({ name, limit, lanes }) => ({
    name,
    limit: typeof limit === "number" ? limit : limit.start,
    adaptive: typeof limit !== "number",
    lanes: lanes.map((lane) => lane.name),
  }));
  const writer = await openRecording({ policy, resources, log: console.error, ...options, file });
  for (const each of arrivals) writer.arrival(each);
  await writer.close();
}

/** Writes arrivals and reads them back. */
export async function recordingOf(
  t: TestContext,
  policy: Policy,
  arrivals: readonly RecordedArrival[],
): Promise<Recording> {
  return readRecordings([await writeRecording(t, policy, arrivals)]);
}

/** What a simulated run would have recorded of a task. */
export function recordedTask(task: SimulatedTask, resource: string): RecordedArrival {
  const { arrivedAt, startedAt, lane, flow, width, runMs, refused } = task;
  const hasRun = startedAt !== undefined;
  return arrival({
    atMs: arrivedAt,
    resource,
    lane,
    flow,
    width,
    waitMs: hasRun ? startedAt - arrivedAt : 0,
    runMs: hasRun ? runMs : 0,
    outcome: hasRun ? "finished" : "rejected",
    reason: hasRun ? undefined : refused,
  });
}

/** A policy of one resource, `db`, with three lanes, as text. */
export const THREE_LANES = `
lanes:
  - { name: critical, reservation: 40%, lendable: 50%, objective: { wait: 100ms } }
  - { name: normal, reservation: 20%, objective: { wait: 500ms } }
  - { name: bulk, objective: { wait: 5m } }
resources:
  db: { limit: 10 }
`;

export async function threeLanes(change: (text: string) => string = (text) => text): Promise<Policy> {
  return parsePolicy(change(THREE_LANES), { file: "laneway.yaml" });
}

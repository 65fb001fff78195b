import assert from "node:assert/strict";
import { appendFile, readFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { test } from "node:test";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { readRecordings } from "../../../src/verify/recording/read.ts";
import { openRecording, RecordingWriter } from "../../../src/verify/recording/write.ts";
import { arrival, scratchFile, threeLanes, writeRecording } from "../recorded.ts";

test("what was written is read back, in order of arrival and to the nanosecond", async (t) => {
  const policy = await threeLanes();
  const file = await writeRecording(t, policy, [
    arrival({ atMs: 12.3456789, lane: "bulk", flow: "a", width: 3, waitMs: 1.5, runMs: 20.25 }),
    arrival({ atMs: 2.5, lane: "critical", flow: "b", outcome: "rejected", reason: "lane-full", runMs: 0 }),
    arrival({ atMs: 7, flow: "a", timeoutMs: 250.5, requestBytes: 10, replyBytes: 2_000 }),
  ]);
  const { arrivals, resources, policies, dropped, remarks } = await readRecordings([file]);
  const rows = [...arrivals.inOrder(0)].map((index) => [
    arrivals.atMs[index],
    arrivals.lanes.list[arrivals.lane[index]!],
    arrivals.width[index],
    arrivals.waitMs[index],
    arrivals.runMs[index],
    arrivals.outcomeOf(index),
    arrivals.reasons.list[arrivals.reason[index]!],
    arrivals.timeoutMs[index],
  ]);
  assert.deepEqual(rows, [
    [2.5, "critical", 1, 0, 0, "rejected", "lane-full", NaN],
    [7, "normal", 1, 0, 10, "finished", "", 250.5],
    [12.345679, "bulk", 3, 1.5, 20.25, "finished", "", NaN],
  ]);
  assert.deepEqual(resources.get("db"), {
    name: "db",
    limit: 10,
    adaptive: false,
    lanes: ["critical", "normal", "bulk"],
  });
  assert.deepEqual([policies.length, dropped, remarks], [1, 0, []]);
});

test("flows stand in it as salted hashes: the same for one flow, other ones in the next recording", async (t) => {
  const policy = await threeLanes();
  const flows = ["tenant-secret", "other", "tenant-secret", ""];
  const arrivals = flows.map((flow) => arrival({ flow }));
  const first = await writeRecording(t, policy, arrivals);
  const second = await writeRecording(t, policy, arrivals);
  assert.doesNotMatch(await readFile(first, "utf8"), /tenant|other/);
  const names = async (file: string): Promise<string[]> => {
    const read = (await readRecordings([file])).arrivals;
    return [...read.inOrder(0)].map((index) => read.flows.list[read.flow[index]!]!);
  };
  const [one, two] = [await names(first), await names(second)];
  assert.equal(one[0], one[2]);
  assert.notEqual(one[0], one[1]);
  assert.equal(one[3], "");
  assert.notEqual(one[0], two[0]);
});

test("of a budget's name only a pattern of the policy is written, for a caller may send any text as a model", async (t) => {
  const policy = await parsePolicy(`
resources:
  claude: { provider: anthropic, upstream: "http://127.0.0.1:1", limit: 4, budgets: { requests: 60/min, models: { claude-haiku-*: { requests: 600/min } } } }
`);
  const file = await writeRecording(t, policy, [
    arrival({ resource: "claude", budget: "0/claude-haiku-*", inputTokens: 12, outputTokens: 7 }),
    arrival({ resource: "claude", budget: "0/my prompt as a model", inputTokens: 1, outputTokens: 1 }),
  ]);
  assert.doesNotMatch(await readFile(file, "utf8"), /prompt/);
  const { arrivals } = await readRecordings([file]);
  assert.match(arrivals.budgets.list[arrivals.budget[0]!]!, /^[\w-]{10}\/claude-haiku-\*$/);
  assert.match(arrivals.budgets.list[arrivals.budget[1]!]!, /^[\w-]{10}\/[\w-]{10}$/);
  assert.deepEqual([arrivals.inputTokens[0], arrivals.outputTokens[0]], [12, 7]);
});

test("what the disk cannot take is dropped and counted, told once, and the file says how many", async (t) => {
  const policy = await threeLanes();
  const file = scratchFile(t);
  const said: string[] = [];
  const writer = await openRecording({
    file,
    policy,
    resources: [],
    log: (line) => said.push(line),
    pendingMax: 1_000,
  });
  // All in one turn: nothing can be written meanwhile.
  for (let count = 0; count < 500; count++) writer.arrival(arrival({ atMs: count }));
  assert.equal(writer.arrivals + writer.dropped, 500);
  assert.ok(writer.dropped > 400, `${writer.dropped} dropped`);
  const { dropped, arrivals } = writer;
  await writer.close();
  assert.deepEqual(said, ["the recording cannot keep up with the disk: arrivals are left out until it can"]);
  const read = await readRecordings([file]);
  assert.deepEqual([read.arrivals.count, read.dropped], [arrivals, dropped]);
});

test("a disk that is full ends the recording, and nothing else", async () => {
  const said: string[] = [];
  const full: Pick<FileHandle, "appendFile" | "close"> = {
    appendFile: () => Promise.reject(new Error("ENOSPC: no space left on device")),
    close: () => Promise.resolve(),
  };
  const options = { file: "full", policy: await threeLanes(), resources: [] };
  const log = (line: string): void => void said.push(line);
  const writer = new RecordingWriter(full as FileHandle, { ...options, log }, "");
  writer.arrival(arrival());
  await writer.close();
  writer.arrival(arrival());
  assert.deepEqual(said, ["the recording has ended, it cannot be written: ENOSPC: no space left on device"]);
  assert.equal(writer.dropped, 1);
});

test("a file that is there is continued, also where the one before was killed in the middle of a line", async (t) => {
  const policy = await threeLanes();
  const file = await writeRecording(t, policy, [arrival({ atMs: 1 })]);
  await appendFile(file, '[5,"db","norm');
  await writeRecording(t, policy, [arrival({ atMs: 2 }), arrival({ atMs: 3 })], { file });
  const { arrivals, remarks } = await readRecordings([file]);
  assert.equal(arrivals.count, 3);
  assert.deepEqual(remarks, [`${file}:4: this line was cut; everything before it is used`]);
});

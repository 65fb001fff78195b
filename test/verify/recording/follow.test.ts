import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Laneway } from "../../../src/policy/laneway.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { TestClock } from "../../../src/testing/clock.ts";
import { LanewayRecorder, recordedResources } from "../../../src/verify/recording/follow.ts";
import { readRecordings } from "../../../src/verify/recording/read.ts";
import type { Recording } from "../../../src/verify/recording/read.ts";
import { openRecording } from "../../../src/verify/recording/write.ts";
import { scratchFile, threeLanes } from "../recorded.ts";

interface Recorded {
  readonly clock: TestClock;
  readonly laneway: Laneway;
  readonly recorder: LanewayRecorder;
  readonly file: string;
  read(): Promise<Recording>;
}

async function recording(t: TestContext, policy: Policy): Promise<Recorded> {
  const clock = new TestClock(1_000);
  const laneway = new Laneway(policy, { clock });
  const file = scratchFile(t);
  const resources = recordedResources(laneway);
  const now = (): number => clock.now();
  const writer = await openRecording({ file, policy, resources, log: (line) => t.diagnostic(line), now });
  const recorder = new LanewayRecorder(laneway, writer);
  const read = async (): Promise<Recording> => {
    recorder.stop();
    await writer.close();
    return readRecordings([file]);
  };
  t.after(() => recorder.stop());
  return { clock, laneway, recorder, file, read };
}

test("each task is written down as it ends: when it came, what it waited, how long it held its seat", async (t) => {
  const { clock, laneway, read } = await recording(
    t,
    await threeLanes((text) => text.replace("limit: 10", "limit: 1")),
  );
  const db = laneway.resource("db");
  const note = { requestBytes: 5, replyBytes: 70, timeoutMs: 900 };
  const first = db.run(() => clock.sleep(40), { lane: "bulk" });
  await clock.advance(10);
  const second = db.run(() => clock.sleep(20), { lane: "critical", flow: "a", note });
  const left = new AbortController();
  const third = db.run(() => clock.sleep(20), { lane: "normal", signal: left.signal });
  const gone = assert.rejects(third, /left/);
  await clock.advance(5);
  left.abort(new Error("left"));
  await clock.advance(100);
  await Promise.all([first, second, gone]);
  const { arrivals } = await read();
  const rows = [...arrivals.inOrder(0)].map((index) => [
    arrivals.lanes.list[arrivals.lane[index]!],
    arrivals.atMs[index],
    arrivals.waitMs[index],
    arrivals.runMs[index],
    arrivals.outcomeOf(index),
    arrivals.timeoutMs[index],
  ]);
  assert.deepEqual(rows, [
    ["bulk", 0, 0, 40, "finished", NaN],
    ["normal", 10, 5, 0, "cancelled", NaN],
    ["critical", 10, 30, 20, "finished", 900],
  ]);
});

test("a policy that is edited is noted, and the resources it brings are followed", async (t) => {
  const { laneway, recorder, read } = await recording(t, await threeLanes());
  await laneway.resource("db").run(() => undefined);
  laneway.update(await threeLanes((text) => `${text}  cache: { limit: 3 }\n`));
  recorder.follow();
  await laneway.resource("cache").run(() => undefined);
  const { arrivals, policies, resources } = await read();
  assert.deepEqual([arrivals.count, policies.length, [...resources.keys()]], [2, 2, ["db", "cache"]]);
});

test("in shadow mode a run is as long as it really was, though its seat was only a thought", async (t) => {
  const policy = await threeLanes((text) => `${text.replace("limit: 10", "limit: 1")}\nenforce: false\n`);
  const { clock, laneway, read } = await recording(t, policy);
  const db = laneway.resource("db");
  const both = [db.run(() => clock.sleep(30)), db.run(() => clock.sleep(50))];
  await clock.advance(100);
  await Promise.all(both);
  const { arrivals } = await read();
  assert.deepEqual(
    [...arrivals.inOrder(0)].map((index) => arrivals.runMs[index]),
    [30, 50],
  );
});

test("nothing of what was asked is in the file", async (t) => {
  const { laneway, file, read } = await recording(t, await threeLanes());
  await laneway.resource("db").run(() => undefined, {
    id: "request-secret",
    flow: "flow-secret",
    rule: "path /secret/**",
    note: { path: "/secret", prompt: "secret" },
  });
  await read();
  assert.doesNotMatch(await readFile(file, "utf8"), /secret/);
});

/** Promise 13: shed, late and slow tasks leave a record that says why, and a refusal an honest time to come back. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { inspect } from "node:util";
import type { LanewayError } from "../../src/core/errors.ts";
import { isLanewayError } from "../../src/core/errors.ts";
import type { TaskRecord } from "../../src/core/snapshot.ts";
import { runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { simulated } from "./simulated.ts";
import type { Simulated } from "./simulated.ts";

/** The refusal that a promise ends with; one that is never settled is a failure, not a hang. */
async function refusalOf(promise: Promise<unknown>): Promise<LanewayError> {
  const outcome = promise.then(
    () => "a result",
    (thrown: unknown) => thrown,
  );
  const turn = new Promise((resolve) => setImmediate(() => resolve("nothing in the same tick")));
  const error: unknown = await Promise.race([outcome, turn]);
  assert.ok(isLanewayError(error), `expected a refusal, found ${String(error)}`);
  return error;
}

/** One seat, held by a bulk task, with one more waiting in a queue of one. */
function full(): Simulated {
  const made = simulated({
    limit: 1,
    aging: false,
    lanes: [{ name: "critical" }, { name: "bulk", queue: { max: 1, timeoutMs: 500 }, timeoutMs: 5_000 }],
  });
  void made.trace.submit("runs", 100, { lane: "bulk" });
  void made.trace.submit("waits", 100, { lane: "bulk" });
  return made;
}

test("a rejected task leaves what it was, what chose its lane, who stood before it and when to come back", async () => {
  const { clock, resource } = full();
  await clock.advance(30);
  const note = { trace: "4bf92f35" };
  const task = {
    lane: "bulk",
    flow: "tenant-7",
    id: "export-1",
    rule: "laneway.yaml:17 path /export/**",
    note,
  };
  const error = await refusalOf(resource.run(() => undefined, task));
  const expected: TaskRecord = {
    id: "export-1",
    resource: "db",
    lane: "bulk",
    flow: "tenant-7",
    rule: "laneway.yaml:17 path /export/**",
    outcome: "rejected",
    reason: "lane-full",
    arrivedAt: 30,
    endedAt: 30,
    waitMs: 0,
    runMs: 0,
    position: 1,
    seatsHeldBy: { critical: 0, bulk: 1 },
    budget: undefined,
    retryAfterMs: 1_000,
    note,
    late: false,
    slow: false,
    outOfTurn: false,
  };
  assert.deepEqual(resource.records(), [expected]);
  assert.equal(error.retryAfterMs, 1_000);
  assert.deepEqual([error.resource, error.lane, error.flow, error.waitMs], ["db", "bulk", "tenant-7", 0]);
});

test("an evicted task's record says for how long it waited, behind whom, and what put it out", async () => {
  const { clock, resource, trace } = simulated({
    limit: 1,
    lanes: [{ name: "critical" }, { name: "bulk" }],
    queue: { max: 2, whenFull: "evict" },
  });
  void trace.submit("runs", 100, { lane: "bulk" });
  void trace.submit("older", 100, { lane: "bulk" });
  const newest = resource.run(() => undefined, { lane: "bulk" });
  newest.catch(() => undefined);
  await clock.advance(40);
  void trace.submit("urgent", 10, { lane: "critical" });
  const error = await refusalOf(newest);
  assert.equal(error.code, "LANEWAY_EVICTED");
  const [record] = resource.records();
  assert.deepEqual(
    [record?.outcome, record?.reason, record?.waitMs, record?.position, record?.seatsHeldBy],
    ["evicted", "outranked", 40, 1, { critical: 0, bulk: 1 }],
  );
});

test("a task that waited too long and one that ran too long are both late, with the time each took", async () => {
  const { clock, resource, trace } = simulated({
    limit: 1,
    lanes: [{ name: "only", timeoutMs: 50, queue: { timeoutMs: 20 } }],
  });
  void trace.submit("runs", 80);
  void trace.submit("waits", 10);
  await clock.advance(100);
  assert.deepEqual(
    resource
      .records()
      .map(({ outcome, reason, waitMs, runMs, late }) => ({ outcome, reason, waitMs, runMs, late })),
    [
      { outcome: "timedOut", reason: "queue", waitMs: 20, runMs: 0, late: true },
      { outcome: "failed", reason: "task", waitMs: 0, runMs: 80, late: true },
    ],
  );
});

test("a run of many medians is slow, once the lane has been measured", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  await Promise.all([resource.run(() => clock.sleep(1_000)), clock.advance(1_000)]);
  for (let i = 0; i < 20; i++) await Promise.all([resource.run(() => clock.sleep(10)), clock.advance(10)]);
  assert.deepEqual(resource.records(), [], "the first run is long, but there was nothing to compare it with");
  await Promise.all([resource.run(() => clock.sleep(39)), clock.advance(39)]);
  await Promise.all([resource.run(() => clock.sleep(500), { id: "the slow one" }), clock.advance(500)]);
  const [record, ...others] = resource.records();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [record?.id, record?.outcome, record?.slow, record?.runMs],
    ["the slow one", "finished", true, 500],
  );
});

test("a task picked out of turn says so", async () => {
  const { clock, resource, trace } = simulated({
    limit: 1,
    aging: { afterMs: 100, budget: 0.5 },
    lanes: [{ name: "critical" }, { name: "bulk" }],
  });
  for (let i = 0; i < 30; i++) void trace.submit(`c${i}`, 20, { lane: "critical" });
  void resource.run(() => clock.sleep(20), { lane: "bulk", id: "old" });
  await clock.advance(1_000);
  const outOfTurn = resource.records().filter((record) => record.lane === "bulk");
  assert.deepEqual(
    outOfTurn.map((record) => [record.id, record.outOfTurn, record.outcome]),
    [["old", true, "finished"]],
  );
  assert.ok(outOfTurn[0]!.waitMs < 600, "it did not wait for all of the higher lane");
});

test("a task that ends well is kept by nobody, but a subscriber gets its record until it unsubscribes", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "a" }, { name: "b" }] });
  const heard: TaskRecord[] = [];
  const stop = resource.onRecord((record) => heard.push(record));
  const tasks = ["b", "b", "b"].map((lane, i) =>
    resource.run(() => clock.sleep(10), { lane, flow: `f${i}` }),
  );
  await clock.advance(30);
  await Promise.all(tasks);
  stop();
  await Promise.all([resource.run(() => clock.sleep(1)), clock.advance(1)]);
  assert.deepEqual(resource.records(), []);
  assert.deepEqual(
    heard.map(({ outcome, flow, waitMs, position, seatsHeldBy }) => ({
      outcome,
      flow,
      waitMs,
      position,
      seatsHeldBy,
    })),
    [
      { outcome: "finished", flow: "f0", waitMs: 0, position: 0, seatsHeldBy: {} },
      { outcome: "finished", flow: "f1", waitMs: 10, position: 0, seatsHeldBy: { a: 0, b: 1 } },
      { outcome: "finished", flow: "f2", waitMs: 20, position: 1, seatsHeldBy: { a: 0, b: 1 } },
    ],
  );
  assert.equal(new Set(heard.map(({ id }) => id)).size, 3, "generated identifiers differ");
});

test("a cancelled wait goes to subscribers but takes no place among what went wrong", async () => {
  const { resource } = full();
  const heard: string[] = [];
  resource.onRecord(({ outcome }) => heard.push(outcome));
  const caller = new AbortController();
  const wait = resource.run(() => undefined, { lane: "critical", signal: caller.signal });
  caller.abort(new Error("gone"));
  await assert.rejects(wait, /gone/);
  assert.deepEqual([heard, resource.records()], [["cancelled"], []]);
});

test("the last 256 records are kept, newest last, and the list handed out is the reader's own", async () => {
  const { resource } = full();
  for (let i = 0; i < 300; i++) await refusalOf(resource.run(() => undefined, { lane: "bulk", id: `n${i}` }));
  const records = resource.records() as TaskRecord[];
  assert.deepEqual([records.length, records[0]?.id, records[255]?.id], [256, "n44", "n299"]);
  records.length = 0;
  assert.equal(resource.records().length, 256);
});

test("what chose the lane of the context is in the record, as the lane is", async () => {
  const { resource } = full();
  await runInLane({ lane: "bulk", rule: "the route's lane" }, () => refusalOf(resource.run(() => undefined)));
  assert.equal(resource.records()[0]?.lane, "bulk");
  assert.equal(resource.records()[0]?.rule, "the route's lane");
});

const THROWING_LISTENER = `
  import { Resource } from ${JSON.stringify(new URL("../../src/node/resource.ts", import.meta.url).href)};
  const reported = [];
  process.on("unhandledRejection", (error) => reported.push(error.message));
  const resource = new Resource({ name: "db", limit: 1 });
  const heard = [];
  resource.onRecord(() => { throw new Error("a bug in a listener"); });
  resource.onRecord(({ outcome }) => heard.push(outcome));
  const results = await Promise.all([1, 2, 3].map((n) => resource.run(async () => n)));
  const { seatsInUse, waiting } = resource.snapshot();
  setImmediate(() => console.log(JSON.stringify({ results, heard, reported, seatsInUse, waiting })));
`;

test("a listener that throws stops neither the tasks nor the other listeners, and is not swallowed", () => {
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", THROWING_LISTENER], {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.notEqual(stdout, "", `the program said nothing; its errors: ${stderr}`);
  assert.deepEqual(JSON.parse(stdout), {
    results: [1, 2, 3],
    heard: ["finished", "finished", "finished"],
    reported: Array.from({ length: 3 }, () => "a bug in a listener"),
    seatsInUse: 0,
    waiting: 0,
  });
});

/** A resource of one seat whose tasks take 100 ms, measured, full, with this jitter. */
async function measured(random: () => number): Promise<{ clock: TestClock; resource: Resource }> {
  const clock = new TestClock();
  const lanes = [{ name: "only", queue: { max: 2, timeoutMs: 100_000 }, timeoutMs: 200_000 }];
  const resource = new Resource({ name: "db", limit: 1, clock, random, lanes });
  for (let i = 0; i < 5; i++) await Promise.all([resource.run(() => clock.sleep(100)), clock.advance(100)]);
  for (let i = 0; i < 3; i++) void resource.run(() => clock.sleep(100));
  return { clock, resource };
}

test("each one told to come back is told a later time, by one run each, up to 59 seconds", async () => {
  const { resource } = await measured(() => 0);
  const told: number[] = [];
  for (let i = 0; i < 650; i++) told.push((await refusalOf(resource.run(() => undefined))).retryAfterMs!);
  // Two wait, so the first one finds room after those two and its own place in line.
  assert.deepEqual(told.slice(0, 4), [300, 400, 500, 600]);
  assert.equal(Math.max(...told), 59_000);
  assert.ok(
    told.every((ms, i) => i === 0 || ms >= told[i - 1]!),
    "nobody was told to come before the one before",
  );
});

test("those who were told leave the line as time passes", async () => {
  const { clock, resource } = await measured(() => 0);
  for (let i = 0; i < 10; i++) await refusalOf(resource.run(() => undefined));
  await clock.advance(1_300);
  for (let i = 0; i < 3; i++) void resource.run(() => clock.sleep(100));
  assert.equal((await refusalOf(resource.run(() => undefined))).retryAfterMs, 300);
});

test("the jitter is the given chance, upwards by a tenth at most", async () => {
  const first = async (random: number): Promise<number> => {
    const { resource } = await measured(() => random);
    return (await refusalOf(resource.run(() => undefined))).retryAfterMs!;
  };
  assert.deepEqual([await first(0), await first(0.5)], [300, 315]);
  assert.ok((await first(1)) <= 331, "a tenth, rounded up");
});

test("nobody is told to come back where that is pointless", async () => {
  const { clock, resource } = full();
  const passed = await refusalOf(resource.run(() => undefined, { deadline: clock.now() }));
  assert.deepEqual(
    [passed.code, passed.reason, passed.retryAfterMs],
    ["LANEWAY_DEADLINE", "passed", undefined],
  );
  assert.doesNotMatch(passed.message, /try again/);
});

test("a permit that is printed shows itself, and not the scheduler behind it", async () => {
  const { resource } = simulated({ limit: 1 });
  const permit = await resource.acquire({ lane: "bulk", flow: "tenant-7" });
  const shown = { lane: "bulk", flow: "tenant-7", waitMs: 0 };
  assert.equal(inspect(permit), inspect(shown));
  assert.equal(inspect({ permit }), inspect({ permit: shown }));
  assert.deepEqual(JSON.parse(JSON.stringify(permit)), shown);
});

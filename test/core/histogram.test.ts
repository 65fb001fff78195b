import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { Histogram, TOTAL_BOUNDS_MS } from "../../src/core/histogram.ts";
import { Resource } from "../../src/core/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";

/** Numbers that look random and are the same every time. */
function* chances(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** How many of these lie up to each bound and beyond the one before. */
function countedBy(values: readonly number[]): number[] {
  const counts = Array.from({ length: TOTAL_BOUNDS_MS.length + 1 }, () => 0);
  for (const ms of values) {
    const bound = TOTAL_BOUNDS_MS.findIndex((most) => ms <= most);
    counts[bound === -1 ? TOTAL_BOUNDS_MS.length : bound]!++;
  }
  return counts;
}

describe("the totals of a histogram", () => {
  it("are exact: each duration in its bucket, the bounds themselves and their neighbours included", () => {
    for (const bound of TOTAL_BOUNDS_MS) {
      const values = [bound, bound - 1e-3, bound + 1e-3, bound * (1 - 1e-12), bound * (1 + 1e-12)];
      const histogram = new Histogram(0);
      for (const ms of values) histogram.record(ms, 0);
      assert.deepEqual(histogram.totals().counts, countedBy(values), `${bound} ms`);
    }
  });

  it("forget nothing, however long nobody asks and however often the window turns", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const next = chances(seed);
      const chance = (): number => next.next().value;
      const histogram = new Histogram(0);
      const values: number[] = [];
      let now = 0;
      for (let i = 0; i < 2_000; i++) {
        if (chance() < 0.01) now += chance() * 200_000;
        const ms = chance() < 0.05 ? 0 : 10 ** (chance() * 10 - 3);
        histogram.record(ms, now);
        values.push(ms);
        if (chance() < 0.005) histogram.quantiles([0.5], now);
      }
      const { counts, count, sumMs } = histogram.totals();
      assert.deepEqual(counts, countedBy(values), `seed ${seed}`);
      assert.equal(count, values.length);
      const sum = values.reduce((total, ms) => total + ms, 0);
      assert.ok(Math.abs(sumMs - sum) <= sum * 1e-9);
    }
  });

  it("leave the window as it was: quantiles of the last one to two minutes, within 3.2 %", () => {
    const histogram = new Histogram(0);
    for (let i = 0; i < 1_000; i++) histogram.record(900, 0);
    for (const near of [0.999, 1, 1.001, 2.49, 2.5, 2.51, 99, 100, 101]) {
      const fresh = new Histogram(0);
      for (let i = 0; i < 7; i++) fresh.record(near, 10);
      const [p50] = fresh.quantiles([0.5], 10);
      assert.ok(Math.abs(p50! - near) <= near * 0.032, `${near} ms is told as ${p50}`);
      assert.equal(fresh.perMinute(60_000), 7);
    }
    assert.ok(histogram.quantiles([0.5], 50_000)[0]! > 850);
    assert.deepEqual(histogram.quantiles([0.5], 200_000), [0]);
    assert.equal(histogram.totals().count, 1_000);
  });
});

describe("the measures of a resource", () => {
  it("count what became of tasks: waits, runs, whole durations, aged picks, tries, what outlived its time", async () => {
    const clock = new TestClock();
    const resource = new Resource(
      {
        name: "db",
        limit: 1,
        lanes: [{ name: "top", timeoutMs: 5_000 }, { name: "low" }],
        aging: { afterMs: 1_000, budget: 0.5 },
        budgets: { requests: 100 },
      },
      { clock, random: () => 0.5 },
    );
    const of = (name: string) => resource.measures().lanes.find((lane) => lane.name === name)!;
    const top = resource.run(() => clock.sleep(300), { lane: "top" });
    const low = resource.run(() => clock.sleep(40), { lane: "low" });
    await clock.advance(400);
    await Promise.all([top, low]);
    assert.deepEqual([of("top").waits.sumMs, of("top").runs.sumMs, of("top").durations.sumMs], [0, 300, 300]);
    assert.deepEqual(
      [of("low").waits.sumMs, of("low").runs.sumMs, of("low").durations.sumMs],
      [300, 40, 340],
    );
    assert.equal(of("low").used.requests, 1);

    const permit = await resource.acquire({ lane: "low" });
    await clock.advance(10);
    const again = permit.requeue({ afterMs: 100 });
    await clock.advance(100);
    (await again).release();
    assert.deepEqual([of("low").requeued, of("low").preempted, of("low").durations.count], [1, 0, 2]);
    assert.equal(of("low").durations.sumMs, 340 + 110);
    assert.equal(of("low").used.requests, 3);

    const controller = new AbortController();
    const last = await resource.acquire({ lane: "low", signal: controller.signal });
    await clock.advance(20);
    const given = assert.rejects(last.requeue({ afterMs: 1_000 }), { name: "AbortError" });
    controller.abort();
    await given;
    assert.deepEqual([of("low").durations.count, of("low").durations.sumMs], [3, 340 + 110 + 20]);

    const overdue = resource.run(() => clock.sleep(6_000), { lane: "top" });
    const told = assert.rejects(overdue, { code: "LANEWAY_TIMEOUT" });
    await clock.advance(6_000);
    await told;
    assert.equal(of("top").overdue, 1);

    const running = resource.run(() => clock.sleep(2_000), { lane: "top" });
    const waiting = [
      resource.run(() => clock.sleep(1), { lane: "low" }),
      resource.run(() => clock.sleep(1), { lane: "top" }),
    ];
    await clock.advance(2_100);
    await Promise.all([running, ...waiting]);
    assert.equal(of("low").agedPicks, 1);
  });
});

describe("a listener that looks around", () => {
  it("gets with each record what it saw when the task was submitted, put back or not, and others get nothing", async () => {
    const clock = new TestClock();
    const resource = new Resource(
      { name: "db", limit: 1, lanes: [{ name: "one", queue: { max: 1 } }] },
      { clock, random: () => 0.5 },
    );
    let around = "";
    const seen: unknown[] = [];
    const plain: unknown[] = [];
    const stop = resource.onRecord(
      (record, trace) => seen.push([record.outcome, trace]),
      () => around,
    );
    resource.onRecord((_record, trace: unknown) => plain.push(trace));
    around = "first";
    const permit = await resource.acquire();
    around = "second";
    const waits = resource.run(() => 1);
    around = "third";
    await assert.rejects(
      resource.run(() => 1),
      { reason: "lane-full" },
    );
    around = "nobody";
    const back = permit.requeue();
    (await back).release();
    await waits;
    assert.deepEqual(seen, [
      ["rejected", "third"],
      ["finished", "first"],
      ["finished", "second"],
    ]);
    assert.deepEqual(plain, [undefined, undefined, undefined]);
    stop();
    await resource.run(() => 1);
    assert.equal(seen.length, 3);
    assert.equal(plain.length, 4);
  });

  it("leaves a task what it came with: its signal, its id, its rule and its note", async () => {
    const resource = new Resource({ name: "db", limit: 1 }, { clock: new TestClock(), random: () => 0.5 });
    const found: unknown[] = [];
    resource.onRecord(
      ({ outcome, id, rule, note }, trace) => found.push([outcome, id, rule, note, trace]),
      () => "a trace",
    );
    const permit = await resource.acquire({ id: "first" });
    const controller = new AbortController();
    const note = {};
    const given = assert.rejects(
      resource.run(() => 1, { signal: controller.signal, id: "second", rule: "a rule", note }),
      { name: "AbortError" },
    );
    controller.abort();
    await given;
    permit.release();
    assert.deepEqual(found, [
      ["cancelled", "second", "a rule", note, "a trace"],
      ["finished", "first", undefined, undefined, "a trace"],
    ]);
  });

  it("does not keep a task from running by a look that throws, and what it threw is not swallowed", () => {
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", THROWING_LOOK], {
      encoding: "utf8",
      timeout: 10_000,
    });
    assert.notEqual(stdout, "", `the program said nothing; its errors: ${stderr}`);
    assert.deepEqual(JSON.parse(stdout), { result: 7, seen: ["finished"], reported: ["a bug in a look"] });
  });
});

// A runner of tests takes an unhandled rejection for a failure of its own.
const THROWING_LOOK = `
  import { Resource } from ${JSON.stringify(new URL("../../src/node/resource.ts", import.meta.url).href)};
  const reported = [];
  process.on("unhandledRejection", (error) => reported.push(error.message));
  const resource = new Resource({ name: "db", limit: 1 });
  const seen = [];
  resource.onRecord(({ outcome }, trace) => seen.push(trace ?? outcome), () => { throw new Error("a bug in a look"); });
  const result = await resource.run(() => 7);
  setImmediate(() => console.log(JSON.stringify({ result, seen, reported })));
`;

/** `resource.map`: many items through one lane, in order, with no more of them pulled than can run. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestClock } from "../../src/testing/clock.ts";
import { simulated } from "./simulated.ts";

/** Collects all results, with the time of each. */
async function collect<T>(results: AsyncIterable<T>, clock: TestClock): Promise<string[]> {
  const found: string[] = [];
  for await (const result of results) found.push(`${clock.now()}: ${String(result)}`);
  return found;
}

/** An input that notes what is asked of it. */
function* input(count: number, notes: string[]): Generator<number> {
  try {
    for (let i = 0; i < count; i++) {
      notes.push(`pulled ${i}`);
      yield i;
    }
  } finally {
    notes.push("closed");
  }
}

test("results come in the order of the items, however long each takes", async () => {
  const { clock, resource } = simulated({ limit: 3 });
  const collected = collect(
    resource.map([30, 10, 20, 5], (ms) => clock.sleep(ms).then(() => ms), { lane: "normal" }),
    clock,
  );
  await clock.advance(100);
  assert.deepEqual(await collected, ["30: 30", "30: 10", "30: 20", "35: 5"]);
});

test("items of an async input are mapped as well, and an empty input yields nothing", async () => {
  const { clock, resource } = simulated({ limit: 2 });
  async function* letters(): AsyncGenerator<string> {
    yield* ["a", "b"];
  }
  assert.deepEqual(
    await collect(
      resource.map(letters(), (letter) => letter.toUpperCase()),
      clock,
    ),
    ["0: A", "0: B"],
  );
  assert.deepEqual(
    await collect(
      resource.map([], () => assert.fail("called")),
      clock,
    ),
    [],
  );
});

test("at most the limit is submitted, and the input is pulled only when the lane has room", async () => {
  const { clock, resource } = simulated({ limit: 2, lanes: [{ name: "only", queue: { max: 1 } }] });
  const notes: string[] = [];
  let most = 0;
  resource.onRecord(({ outcome }) => assert.equal(outcome, "finished", "nothing was shed"));
  const collected = collect(
    resource.map(input(6, notes), async (item) => {
      const { waiting, seatsInUse } = resource.snapshot();
      most = Math.max(most, waiting + seatsInUse);
      await clock.sleep(10);
      return item;
    }),
    clock,
  );
  await clock.advance(5);
  assert.deepEqual(notes, ["pulled 0", "pulled 1"]);
  await clock.advance(100);
  assert.deepEqual(await collected, ["10: 0", "10: 1", "20: 2", "20: 3", "30: 4", "30: 5"]);
  assert.equal(most, 2);
});

test("while others fill the lane, nothing is pulled", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 1 } }] });
  void trace.submit("other1", 50);
  void trace.submit("other2", 50);
  const notes: string[] = [];
  const collected = collect(
    resource.map(input(1, notes), (item) => item),
    clock,
  );
  await clock.advance(49);
  assert.deepEqual(notes, []);
  await clock.advance(100);
  assert.deepEqual([await collected, notes], [["100: 0"], ["pulled 0", "closed"]]);
});

test("an item that was shed is submitted again, after the time it was told, and keeps its place in the results", async () => {
  const { clock, resource } = simulated({
    limit: 2,
    lanes: [{ name: "high" }, { name: "low", queue: { timeoutMs: 20 } }],
  });
  const tries: string[] = [];
  resource.onRecord(({ lane, outcome }) => lane === "low" && tries.push(outcome));
  void resource.run(() => clock.sleep(200), { lane: "high" });
  void resource.run(() => clock.sleep(200), { lane: "high" });
  const collected = collect(
    resource.map(["a", "b"], (item) => clock.sleep(10).then(() => item), { lane: "low" }),
    clock,
  );
  await clock.advance(20);
  assert.deepEqual(tries, ["timedOut", "timedOut"]);
  await clock.advance(10_000);
  assert.deepEqual(
    (await collected).map((line) => line.split(" ")[1]),
    ["a", "b"],
  );
});

test("an error of fn ends the map in the item's turn, closes the input and starts nothing more", async () => {
  const { clock, resource } = simulated({ limit: 2 });
  const notes: string[] = [];
  const results = resource.map(input(10, notes), async (item) => {
    notes.push(`started ${item}`);
    await clock.sleep(item === 0 ? 50 : 10);
    if (item === 1) throw new Error("item 1 is bad");
    return item;
  });
  const found: number[] = [];
  const mapped = assert.rejects(async () => {
    for await (const item of results) found.push(item);
  }, /item 1 is bad/);
  await clock.advance(200);
  await mapped;
  assert.deepEqual(found, [0]);
  assert.deepEqual(notes, ["pulled 0", "started 0", "pulled 1", "started 1", "closed"]);
});

test("an error that is ours but not for want of room is not tried again", async () => {
  const { clock, resource } = simulated({ limit: 1 });
  let calls = 0;
  const mapped = collect(
    resource.map(["a"], () => clock.sleep(100 * ++calls), { timeoutMs: 50 }),
    clock,
  );
  const judged = assert.rejects(mapped, { code: "LANEWAY_DEADLINE", reason: "passed" });
  await clock.advance(10_000);
  await judged;
  assert.equal(calls, 1);
});

test("a consumer that leaves early closes the input and takes back what waits and what runs", async () => {
  const { clock, resource } = simulated({ limit: 2 });
  const notes: string[] = [];
  const results = resource.map(input(10, notes), async (item, { signal }) => {
    signal.addEventListener("abort", () => notes.push(`told ${item}`));
    await clock.sleep(item === 0 ? 10 : 1_000);
    return item;
  });
  const left = (async () => {
    for await (const item of results) return item;
    return undefined;
  })();
  await clock.advance(10);
  assert.equal(await left, 0);
  assert.deepEqual(notes, ["pulled 0", "pulled 1", "told 1", "closed"]);
  await clock.advance(2_000);
  assert.deepEqual([resource.snapshot().waiting, resource.snapshot().seatsInUse], [0, 0]);
});

test("the caller's abort ends the map with its reason, whether it waits for room, for a seat or for a result", async () => {
  for (const stage of ["room", "seat", "result"] as const) {
    const { clock, resource } = simulated({
      limit: 1,
      lanes: [{ name: "only", queue: { max: stage === "room" ? 0 : 1 } }],
    });
    if (stage !== "result") void resource.run(() => clock.sleep(1_000));
    const caller = new AbortController();
    const mapped = collect(
      resource.map([1, 2], (_, { signal }) => stopped(signal), { signal: caller.signal }),
      clock,
    );
    const judged = assert.rejects(mapped, /enough/, stage);
    await clock.advance(10);
    caller.abort(new Error("enough"));
    await clock.advance(0);
    await judged;
  }
});

test("the caller's abort ends the map at once while a shed item pauses", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "only", queue: { timeoutMs: 20 } }] });
  void resource.run(() => clock.sleep(10_000));
  const caller = new AbortController();
  let ended = -1;
  void collect(
    resource.map([1], (item) => item, { signal: caller.signal }),
    clock,
  ).catch(() => (ended = clock.now()));
  await clock.advance(100);
  caller.abort(new Error("enough"));
  await clock.advance(5_000);
  assert.equal(ended, 100);
});

/** A task that runs until it is told to stop. */
function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

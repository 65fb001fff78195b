/** Shadow mode (`enforce: false`): everything is decided, counted and explained, and nothing held back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { simulated } from "./simulated.ts";
import type { Simulated } from "./simulated.ts";

/** One seat and a queue of one, in name only. */
function shadowed(): Simulated {
  return simulated({
    limit: 1,
    enforce: false,
    lanes: [{ name: "only", timeoutMs: 100, queue: { max: 1, timeoutMs: 20 } }],
  });
}

test("every run starts at once, and what would have become of it is counted", async () => {
  const { clock, resource, trace } = shadowed();
  for (const name of ["runs", "waits", "rejected"]) void trace.submit(name, 15);
  assert.deepEqual(trace.started, ["runs", "waits", "rejected"]);
  const [lane] = resource.snapshot().lanes;
  assert.deepEqual(
    [lane?.running, lane?.waiting, lane?.rejected, lane?.reasons],
    [1, 1, 1, { "lane-full": 1 }],
  );
  await clock.advance(50);
  assert.deepEqual(trace.events.slice(3), ["15: runs ends", "15: waits ends", "15: rejected ends"]);
  const [after] = resource.snapshot().lanes;
  assert.deepEqual([after?.admitted, after?.finished, after?.running, after?.waiting], [2, 2, 0, 0]);
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("every permit is had at once, waiting or not, and given back without harm", async () => {
  const { resource } = shadowed();
  const held = [
    await resource.acquire(),
    resource.tryAcquire(),
    await resource.acquire(),
    resource.tryAcquire(),
  ];
  assert.ok(held.every((permit) => permit !== undefined && permit.waitMs === 0));
  for (const permit of held) permit!.release();
  for (const permit of held) permit!.release();
  const { seatsInUse, waiting } = resource.snapshot();
  assert.deepEqual([seatsInUse, waiting], [0, 0]);
});

test("no time-out cuts a task short, and each is counted", async () => {
  const { clock, resource, trace } = shadowed();
  let aborted = false;
  const runs = resource.run(({ signal }) => {
    signal.addEventListener("abort", () => (aborted = true));
    return clock.sleep(500).then(() => "an answer");
  });
  void trace.submit("waits", 500);
  await clock.advance(600);
  assert.deepEqual(
    [await runs, aborted, trace.events],
    ["an answer", false, ["0: waits starts", "500: waits ends"]],
  );
  const [lane] = resource.snapshot().lanes;
  assert.deepEqual(
    [lane?.reasons, lane?.timedOut, lane?.failed, lane?.seats],
    [{ queue: 1, task: 1 }, 1, 1, 0],
  );
});

test("a permit put back is the same permit after its pause: nothing queues", async () => {
  const { clock, resource } = shadowed();
  const others = [await resource.acquire(), await resource.acquire()];
  const permit = await resource.acquire();
  const again = permit.requeue({ afterMs: 10 });
  await clock.advance(10);
  (await again).release();
  for (const other of others) other.release();
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("a task that throws settles as it would, and its seat is counted free", async () => {
  const { resource } = shadowed();
  const held = await resource.acquire();
  const thrown = resource.run(() => {
    throw new Error("of its own");
  });
  await assert.rejects(thrown, /of its own/);
  await assert.rejects(
    resource.run(async () => {
      throw new Error("later");
    }),
    /later/,
  );
  held.release();
  assert.deepEqual([resource.snapshot().seatsInUse, resource.snapshot().waiting], [0, 0]);
});

test("the caller's abort reaches the permit's signal before and after the wait would have timed out", async () => {
  for (const waitsFor of [5, 50]) {
    const { clock, resource } = shadowed();
    void resource.run(() => clock.sleep(80));
    const caller = new AbortController();
    let seen: unknown;
    void resource.run(
      ({ signal }) => {
        signal.addEventListener("abort", () => (seen = signal.reason));
        return clock.sleep(90);
      },
      { signal: caller.signal },
    );
    await clock.advance(waitsFor);
    caller.abort("gone");
    assert.equal(seen, "gone", `aborted after ${waitsFor} ms`);
    await clock.advance(200);
  }
});

test("producers are not held back", async () => {
  const { clock, resource, trace } = shadowed();
  for (const name of ["runs", "waits"]) void trace.submit(name, 15);
  let told = false;
  void resource.ready().then(() => (told = true));
  await clock.advance(0);
  assert.equal(told, true);
});

test("switched on, it holds back what comes from then on", async () => {
  const { clock, resource, trace } = shadowed();
  void trace.submit("before1", 30);
  void trace.submit("before2", 30);
  resource.update({ enforce: true });
  void trace.submit("after", 10);
  await clock.advance(100);
  assert.deepEqual(trace.events, [
    "0: before1 starts",
    "0: before2 starts",
    "0: after refused: LANEWAY_REJECTED lane-full",
    "30: before1 ends",
    "30: before2 ends",
  ]);
});

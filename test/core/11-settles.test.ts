/** Promise 11: every promise settles, once, in the same tick as its cause; seats come back whatever a task does. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

const ONE = { limit: 1, lanes: [{ name: "only" }] };
const gone = new Error("the caller has gone");
const isGone = (error: unknown) => error === gone;

/** What the promise has become once the reactions that are due have run; time stands still. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  let settled = "pending";
  promise.then(
    () => (settled = "resolved"),
    (error: unknown) =>
      (settled = error instanceof Error && "reason" in error ? String(error.reason) : String(error)),
  );
  for (let i = 0; i < 5; i++) await Promise.resolve();
  return settled;
}

test("a signal that is aborted already: neither run nor acquire starts anything", async () => {
  const { resource } = simulated(ONE);
  const signal = AbortSignal.abort(gone);
  await assert.rejects(
    resource.run(() => assert.fail("must not run"), { signal }),
    isGone,
  );
  await assert.rejects(resource.acquire({ signal }), isGone);
  assert.equal(resource.tryAcquire({ signal }), undefined);
  const { cancelled, admitted } = resource.snapshot().lanes[0]!;
  assert.deepEqual([cancelled, admitted, resource.snapshot().seatsInUse], [2, 0, 0]);
});

test("an abort while waiting: out of the queue at once, with the signal's reason", async () => {
  const { resource } = simulated(ONE);
  const held = await resource.acquire();
  const leaver = new AbortController();
  const waits = [
    resource.run(() => assert.fail("must not run"), { signal: leaver.signal }),
    resource.acquire({ signal: leaver.signal }),
  ];
  assert.equal(resource.snapshot().waiting, 2);
  leaver.abort(gone);
  assert.equal(resource.snapshot().waiting, 0);
  for (const wait of waits) await assert.rejects(wait, isGone);
  assert.equal(resource.snapshot().lanes[0]!.cancelled, 2);
  held.release();
});

test("an abort between the turn and the start: the function is not called and the seat goes on", async () => {
  const { resource } = simulated(ONE);
  const held = await resource.acquire();
  const leaver = new AbortController();
  const mine = resource.run(() => assert.fail("must not run"), { signal: leaver.signal });
  const next = resource.run(() => "next");
  held.release(); //                 the seat is mine already
  leaver.abort(gone); //             but my function has not been called
  await assert.rejects(mine, isGone);
  assert.equal(await next, "next");
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("an abort while running reaches the permit's signal; the run goes on until the function ends", async () => {
  const { clock, resource } = simulated(ONE);
  const leaver = new AbortController();
  let seen: unknown;
  const run = resource.run(
    async ({ signal }) => {
      signal.addEventListener("abort", () => (seen = signal.reason));
      await clock.sleep(50);
      return "done";
    },
    { signal: leaver.signal },
  );
  leaver.abort(gone);
  assert.equal(seen, gone);
  assert.equal(resource.snapshot().seatsInUse, 1);
  await clock.advance(50);
  assert.equal(await run, "done");
});

test("an abort while a task backs off ends it at once", async () => {
  const { resource } = simulated(ONE);
  const leaver = new AbortController();
  const permit = await resource.acquire({ signal: leaver.signal });
  const again = permit.requeue({ afterMs: 1_000 });
  leaver.abort(gone);
  await assert.rejects(again, isGone);
  const { admitted, failed, cancelled } = resource.snapshot().lanes[0]!;
  assert.deepEqual([admitted, failed, cancelled, resource.snapshot().waiting], [1, 1, 0, 0]);
});

test("an abort after the end changes nothing, and no listener stays on the caller's signal", async () => {
  const { resource } = simulated(ONE);
  const signal = new AbortController().signal;
  let listeners = 0;
  signal.addEventListener = () => void listeners++;
  signal.removeEventListener = () => void listeners--;
  const held = await resource.acquire({ signal });
  void held.signal;
  const run = resource.run(() => 1, { signal });
  held.release();
  assert.equal(await run, 1);
  assert.equal(listeners, 0);
});

test("a second release is a no-op, by release() or by the end of a using block", async () => {
  const { resource } = simulated({ limit: 2, lanes: [{ name: "only" }] });
  const a = await resource.acquire();
  const b = await resource.acquire();
  a.release();
  a.release();
  a[Symbol.dispose]();
  assert.equal(resource.snapshot().seatsInUse, 1);
  assert.equal(resource.snapshot().lanes[0]!.finished, 1);
  b.release();
});

test("a permit in a log says who and for how long, not the whole scheduler", async () => {
  const { resource } = simulated(ONE);
  const permit = await resource.acquire({ flow: "tenant-7" });
  assert.equal(JSON.stringify({ permit }), '{"permit":{"lane":"only","flow":"tenant-7","waitMs":0}}');
  permit.release();
});

test("a permit in a using block is released at its end, also by a throw", async () => {
  const { resource } = simulated(ONE);
  const block = async (fails: boolean) => {
    using permit = await resource.acquire();
    assert.equal(permit.lane, "only");
    if (fails) throw gone;
  };
  await block(false);
  await assert.rejects(block(true), isGone);
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("release inside run and again at its end frees the seat once", async () => {
  const { clock, resource } = simulated(ONE);
  const run = resource.run(async (permit) => {
    permit.release();
    await clock.sleep(10);
  });
  const other = await resource.acquire();
  await clock.advance(10);
  await run;
  assert.equal(resource.snapshot().seatsInUse, 1);
  other.release();
});

test("a function that throws, rejects or returns nothing gives its seat back, and its caller gets what it threw", async () => {
  const { resource } = simulated(ONE);
  await assert.rejects(
    resource.run(() => {
      throw gone;
    }),
    isGone,
  );
  await assert.rejects(
    resource.run(async () => Promise.reject(gone)),
    isGone,
  );
  // oxlint-disable-next-line no-throw-literal, only-throw-error -- users do that, and it must pass unchanged
  await assert.rejects(
    resource.run(() => {
      throw undefined;
    }),
    (error) => error === undefined,
  );
  assert.equal(await resource.run(() => {}), undefined);
  const { finished, failed } = resource.snapshot().lanes[0]!;
  assert.deepEqual([finished, failed, resource.snapshot().seatsInUse], [1, 3, 0]);
});

test("a thenable that misbehaves settles its task once and frees one seat", async () => {
  const { resource } = simulated(ONE);
  const twice = {
    // oxlint-disable-next-line no-thenable -- the subject of this test
    then: (resolve: (value: string) => void, reject: (error: Error) => void) => {
      resolve("a");
      reject(gone);
      resolve("b");
    },
  };
  assert.equal(await resource.run(() => twice as PromiseLike<string>), "a");
  const { finished, failed } = resource.snapshot().lanes[0]!;
  assert.deepEqual([finished, failed, resource.snapshot().seatsInUse], [1, 0, 0]);
  const throwing = {
    // oxlint-disable-next-line no-thenable -- the subject of this test
    then: () => {
      throw gone;
    },
  };
  await assert.rejects(
    resource.run(() => throwing as unknown as PromiseLike<string>),
    isGone,
  );
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("a task that outlives its time-out is answered at once; its seat stays taken until it really ends", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "only", timeoutMs: 50 }] });
  let end!: () => void;
  let aborted: unknown;
  const late = resource.run(({ signal }) => {
    signal.addEventListener("abort", () => (aborted = signal.reason));
    return new Promise<void>((resolve) => (end = resolve));
  });
  const answered = assert.rejects(late, { code: "LANEWAY_TIMEOUT", reason: "task" });
  await clock.advance(50);
  await answered;
  assert.equal((aborted as { reason?: string }).reason, "task");
  assert.equal(resource.snapshot().seatsInUse, 1);
  assert.equal(resource.tryAcquire(), undefined);
  await clock.advance(1_000);
  end();
  await clock.advance(0);
  const { failed, finished, reasons } = resource.snapshot().lanes[0]!;
  assert.deepEqual([resource.snapshot().seatsInUse, failed, finished, reasons], [0, 1, 0, { task: 1 }]);
  const record = resource.records().at(-1)!;
  assert.deepEqual(
    [record.late, record.outcome, record.reason, record.runMs],
    [true, "failed", "task", 1_050],
  );
});

test("answered(): once a reply has begun the task's time-out no longer applies, the caller's signal does", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "only", timeoutMs: 50 }] });
  const leaver = new AbortController();
  const run = resource.run(
    async (permit) => {
      permit.answered();
      await clock.sleep(500);
      return permit.signal.aborted;
    },
    { signal: leaver.signal },
  );
  await clock.advance(400);
  leaver.abort(gone);
  await clock.advance(100);
  assert.equal(await run, true);
});

test("every cause settles the waiter in its own tick, without time moving on", async () => {
  const { clock, resource } = simulated({
    limit: 1,
    lanes: [{ name: "a", queue: { max: 2 } }, { name: "b" }],
    queue: { max: 2, whenFull: "evict" },
  });
  const held = await resource.acquire({ lane: "a" });
  const outranked = resource.acquire({ lane: "b" });
  const cancelled = new AbortController();
  const leaving = resource.acquire({ lane: "b", signal: cancelled.signal });
  const waiting = resource.acquire({ lane: "a" });
  assert.equal(await outcome(leaving), "outranked");
  const full = resource.acquire({ lane: "b" });
  assert.equal(await outcome(full), "resource-full");
  held.release();
  assert.equal(await outcome(waiting), "resolved");
  assert.equal(await outcome(outranked), "pending");
  const drained = resource.drain({ timeoutMs: 30 });
  assert.equal(await outcome(resource.acquire({ lane: "a" })), "draining");
  const given = outcome(outranked);
  await clock.advance(30);
  await given;
  assert.equal(await outcome(outranked), "drain-timeout");
  (await waiting).release();
  assert.equal(await drained, false);
  assert.equal(clock.now(), 30);
});

test("a drain refuses newcomers, finishes what was accepted, and says so", async () => {
  const { clock, resource, trace } = simulated(ONE);
  for (const name of ["running", "waiting"]) void trace.submit(name, 10);
  const drained = resource.drain();
  void trace.submit("newcomer", 10);
  assert.equal(resource.tryAcquire(), undefined);
  await clock.advance(30);
  assert.equal(await drained, true);
  assert.deepEqual(trace.started, ["running", "waiting"]);
  assert.ok(trace.events.includes("0: newcomer refused: LANEWAY_DRAINING draining"));
  assert.equal(resource.snapshot().draining, true);
  assert.equal(await resource.drain(), true);
});

test("a drain waits for a task that backs off, and two drains both resolve", async () => {
  const { clock, resource } = simulated(ONE);
  const permit = await resource.acquire();
  const again = permit.requeue({ afterMs: 100 });
  const drains = [resource.drain({ timeoutMs: 1_000 }), resource.drain({ timeoutMs: 20 })];
  const givenUp = assert.rejects(again, { code: "LANEWAY_DRAINING", reason: "drain-timeout" });
  await clock.advance(20);
  await givenUp;
  assert.deepEqual(await Promise.all(drains), [true, true]);
});

test("what is put back after the time of a drain has passed is given up at once", async () => {
  const { resource, clock } = simulated(ONE);
  const permit = await resource.acquire();
  const drained = resource.drain({ timeoutMs: 10 });
  await clock.advance(10);
  assert.equal(await drained, false);
  await assert.rejects(permit.requeue({ afterMs: 500 }), {
    code: "LANEWAY_DRAINING",
    reason: "drain-timeout",
  });
  const { seatsInUse, waiting } = resource.snapshot();
  assert.deepEqual({ seatsInUse, waiting }, { seatsInUse: 0, waiting: 0 });
});

test("a drain of an idle resource is over at once", async () => {
  assert.equal(await simulated(ONE).resource.drain(), true);
});

test("no history leaves a promise unsettled or a seat behind", async () => {
  await keepEveryPromise({
    count: 120,
    firstSeed: 110_000,
    with: { throws: 0.3, neverEnds: 0.1, cancelled: 0.3, drains: 0.5 },
  });
});

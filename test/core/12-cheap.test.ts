/** Promise 12: admission, release and cancelling do not grow with the backlog; what few tasks need is made on demand. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { LanewayError } from "../../src/core/errors.ts";
import { Task } from "../../src/core/task.ts";
import { Resource } from "../../src/node/resource.ts";
import { CountingClock } from "./history/counting-clock.ts";
import { schedulerOf } from "./inside.ts";
import { simulated } from "./simulated.ts";

const ENDLESS = new Promise<never>(() => {});
const FLOW_NAMES = 200_000;
const MOST_REMEMBERED = 5_000;

test("a refusal carries no stack, and leaves the stacks of other errors alone", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 0 } }] });
  void resource.run(() => ENDLESS);
  const limit = Error.stackTraceLimit;
  const refused = await resource.run(() => undefined).catch((error: unknown) => error);
  assert.ok(refused instanceof LanewayError);
  assert.equal(refused.code, "LANEWAY_REJECTED");
  assert.equal(refused.stack?.includes("\n    at "), false);
  assert.equal(Error.stackTraceLimit, limit);
  assert.match(new Error("elsewhere").stack ?? "", /\n {4}at /);
});

test("a wrong option keeps its stack, for it is a bug of the caller's", () => {
  const { resource } = simulated({ limit: 1 });
  assert.throws(
    () => resource.tryAcquire({ width: 0 }),
    (error: Error) => /\n {4}at .*12-cheap/.test(error.stack ?? ""),
  );
});

test("ten thousand waiters, each with an earlier time-out than the one before, share one timer", async () => {
  const clock = new CountingClock();
  const resource = new Resource({
    name: "db",
    limit: 1,
    clock,
    lanes: [{ name: "only", queue: { max: 20_000 } }],
  });
  const waits = [resource.run(() => new Promise(() => {})).catch(() => undefined)];
  for (let i = 0; i < 10_000; i++)
    waits.push(resource.run(() => undefined, { timeoutMs: 20_000 - i }).catch(() => undefined));
  assert.equal(clock.pending, 1);
  assert.ok(clock.set <= 2, `${clock.set} timers were set for 10,000 waiters`);
  await clock.inner.advance(120_000);
  await Promise.all(waits);
  assert.equal(clock.most, 1);
});

test("a lane that is gone leaves no parking behind for which the timer would go on when all is over", async () => {
  const clock = new CountingClock();
  const [keep, gone] = [{ name: "keep", queue: { timeoutMs: 1_500 } }, { name: "gone" }];
  const resource = new Resource({
    name: "db",
    limit: 3,
    lanes: [keep, gone],
    budgets: { inputTokens: 60 },
    clock,
  });
  resource.tryAcquire({ lane: "keep", budget: "key", cost: { inputTokens: 60 } })!.release();
  const late = assert.rejects(resource.acquire({ lane: "keep", budget: "key", cost: { inputTokens: 1 } }));
  await clock.inner.advance(700);
  const held = await resource.acquire({ lane: "gone" });
  const wide = resource.acquire({ lane: "gone", width: 3 });
  // The wide one waits in the other lane now, which is gone for all but the one that runs.
  resource.update({ lanes: [keep] });
  held.release();
  (await wide).release();
  resource.budget("key").correct({ inputTokens: -60 });
  await clock.inner.advance(900);
  await late;
  assert.equal(clock.pending, 0);
});

test("the permit's signal is made when it is read, and not for those who never look", async (t) => {
  let made = 0;
  const Original = globalThis.AbortController;
  class Counting extends Original {
    constructor() {
      super();
      made++;
    }
  }
  globalThis.AbortController = Counting;
  t.after(() => (globalThis.AbortController = Original));
  const { resource } = simulated({ limit: 1 });
  const caller = new Original();
  await Promise.all([1, 2, 3].map(() => resource.run(async () => undefined, { signal: caller.signal })));
  assert.equal(made, 0);
  await resource.run(
    ({ signal }) => {
      assert.equal(getEventListeners(caller.signal, "abort").length, 1);
      assert.equal(signal.aborted, false);
    },
    { signal: caller.signal },
  );
  const permit = await resource.acquire();
  assert.equal(permit.signal, permit.signal);
  assert.equal(made, 2);
});

test("no listener stays on the caller's signal, however its task ended", async () => {
  const { clock, resource } = simulated({
    limit: 1,
    lanes: [{ name: "only", queue: { max: 3, timeoutMs: 50 } }],
  });
  const { signal } = new AbortController();
  const first = resource.run(({ signal: own }) => (own.aborted ? undefined : clock.sleep(20)), { signal });
  const others = Array.from({ length: 5 }, () => resource.run(() => clock.sleep(40), { signal }));
  const over = Promise.allSettled([first, ...others]);
  assert.equal(getEventListeners(signal, "abort").length, 4); // the first, and the three that may queue
  await clock.advance(200);
  const ends = await over;
  assert.equal(ends.filter(({ status }) => status === "fulfilled").length, 2);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

/** A clock that moves on by itself: a millisecond each time it is read. */
function ticking(): { now(): number; after(): () => void } {
  let now = 0;
  return { now: () => now++, after: () => () => {} };
}

test("flows that come and go are forgotten, whether they were served or refused", () => {
  const resource = new Resource({
    name: "db",
    limit: 4,
    clock: ticking(),
    lanes: [{ name: "served" }, { name: "refused", queue: { max: 8 }, ceiling: 1 }],
  });
  const { byName } = schedulerOf(resource);
  resource.tryAcquire({ lane: "refused" });
  for (let i = 0; i < FLOW_NAMES; i++) {
    resource.tryAcquire({ lane: "served", flow: `tenant-${i}` })!.release();
    if (i % 4 === 0)
      resource.run(() => undefined, { lane: "refused", flow: `tenant-${i}` }).catch(() => undefined);
  }
  for (const lane of ["served", "refused"]) {
    const { remembered } = byName.get(lane)!.fair;
    assert.ok(remembered < MOST_REMEMBERED, `lane "${lane}" remembers ${remembered} flows`);
  }
  assert.ok(resource.snapshot().lanes[1]!.rejected > 10_000, "few were refused");
});

test("a hundred thousand tasks that end at once are handed their seat one after the other, not inside each other", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 200_000 } }] });
  const held = await resource.acquire();
  let depth = 0;
  let deepest = 0;
  let ran = 0;
  const all = Array.from({ length: 100_000 }, () =>
    resource.run(() => {
      deepest = Math.max(deepest, ++depth);
      ran++;
      depth--;
    }),
  );
  held.release();
  await Promise.all(all);
  assert.deepEqual([ran, deepest], [100_000, 1]);
});

/** Counts how often tasks are looked at: what a walk over the backlog could not hide. */
function counted(work: () => void): number {
  const state = Object.getOwnPropertyDescriptor(Task.prototype, "state")!;
  const returned = Object.getOwnPropertyDescriptor(Task.prototype, "returned")!;
  let looks = 0;
  const counting = (property: PropertyDescriptor): PropertyDescriptor => ({
    ...property,
    get(this: Task) {
      looks++;
      return property.get!.call(this) as unknown;
    },
  });
  Object.defineProperties(Task.prototype, { state: counting(state), returned: counting(returned) });
  try {
    work();
  } finally {
    Object.defineProperties(Task.prototype, { state, returned });
  }
  return looks;
}

interface Steps {
  readonly admit: number;
  readonly cancel: number;
}

/** Looks at tasks for each release and hand-over, and for each cancelled wait, behind so many waiters of 100 flows. */
function stepsBehind(backlog: number): Steps {
  const names = ["a", "b", "c", "d", "e"];
  const resource = new Resource({
    name: "db",
    limit: 1,
    clock: ticking(),
    lanes: names.map((name) => ({ name, queue: { max: 200_000, timeoutMs: 1e9 }, timeoutMs: 1e9 })),
  });
  const { lanes } = schedulerOf(resource);
  const held: Task[] = [resource.tryAcquire() as Task];
  const leavers: AbortController[] = [];
  for (let i = 0; i < backlog; i++) {
    const leaver = new AbortController();
    if (i % (backlog / 200) === 0) leavers.push(leaver);
    const wait = resource.acquire({ lane: names[i % 5]!, flow: `f${i % 100}`, signal: leaver.signal });
    wait.catch(() => undefined);
  }
  const cancel = counted(() => leavers.slice(0, 100).forEach((leaver) => leaver.abort()));
  const admit = counted(() => {
    for (let i = 0; i < 100; i++) {
      const next = lanes.find(({ waiting }) => waiting > 0)!.fair.peek()!.head!;
      held.pop()!.release();
      held.push(next);
    }
  });
  return { admit: admit / 100, cancel: cancel / 100 };
}

test("a release and a cancelled wait look at as many tasks behind 40,000 waiters as behind 1,000", () => {
  const few = stepsBehind(1_000);
  const many = stepsBehind(40_000);
  assert.ok(few.admit > 0 && few.cancel > 0, "nothing was counted");
  assert.ok(many.admit <= 1.5 * few.admit, `${few.admit} looks for an admission grew to ${many.admit}`);
  assert.ok(
    many.cancel <= 1.5 * few.cancel,
    `${few.cancel} looks for a cancelled wait grew to ${many.cancel}`,
  );
});

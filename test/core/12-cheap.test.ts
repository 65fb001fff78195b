/** Promise 12: cheap whatever the backlog, one timer, no stack, nothing made that nobody reads. Counted, not timed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import { IndexedHeap } from "../../src/core/heap.ts";
import type { Permit } from "../../src/core/permit.ts";
import { Task } from "../../src/core/task.ts";
import { Resource } from "../../src/node/resource.ts";
import { CountingClock } from "./history/counting-clock.ts";
import { simulated } from "./simulated.ts";

const ENDLESS = { timeoutMs: 1e9, queue: { max: 10_000_000, timeoutMs: 1e9 } };
const FIVE = ["critical", "high", "normal", "low", "bulk"].map((name) => ({ name, ...ENDLESS }));

/** Comparisons of heaps and looks at a task's state while `work` runs: what grows when an algorithm scans. */
async function steps(work: () => Promise<void>): Promise<number> {
  let count = 0;
  const undo: (() => void)[] = [];
  const patched = new Set<object>();
  for (const method of ["add", "update", "remove"] as const) {
    const original = IndexedHeap.prototype[method];
    IndexedHeap.prototype[method] = function (this: IndexedHeap<unknown>, item: unknown): void {
      countComparisons(Object.getPrototypeOf(this) as object);
      original.call(this, item);
    };
    undo.push(() => (IndexedHeap.prototype[method] = original));
  }
  function countComparisons(heap: object): void {
    if (patched.has(heap)) return;
    patched.add(heap);
    const before = Reflect.get(heap, "before") as (a: unknown, b: unknown) => boolean;
    const counting = function (this: unknown, a: unknown, b: unknown): boolean {
      count++;
      return before.call(this, a, b);
    };
    Reflect.set(heap, "before", counting);
    undo.push(() => Reflect.set(heap, "before", before));
  }
  const state = Object.getOwnPropertyDescriptor(Task.prototype, "state")!;
  Object.defineProperty(Task.prototype, "state", {
    ...state,
    get(this: Task) {
      count++;
      return state.get!.call(this) as unknown;
    },
  });
  undo.push(() => Object.defineProperty(Task.prototype, "state", state));
  try {
    await work();
  } finally {
    for (const restore of undo) restore();
  }
  return count;
}

interface Backlog {
  readonly resource: Resource;
  /** Those that have got the seat, in order. */
  readonly granted: Permit[];
  readonly leavers: readonly AbortController[];
  submit(n: number, signal?: AbortSignal): void;
}

/** A resource with so many waiters, spread over five lanes and as many flows as asked. */
function backlog(waiters: number, flows: number): Backlog {
  const resource = new Resource({ name: "db", limit: 1, lanes: FIVE, clock: new CountingClock() });
  const granted = [resource.tryAcquire({ lane: "bulk" })!];
  const submit = (n: number, signal?: AbortSignal): void => {
    const task = { lane: FIVE[n % 5]!.name, flow: `f${n % flows}`, ...(signal === undefined ? {} : { signal }) };
    resource.acquire(task).then(
      (permit) => granted.push(permit),
      () => undefined,
    );
  };
  const leavers = Array.from({ length: 200 }, () => new AbortController());
  for (let n = 0; n < waiters; n++) submit(n, n % (waiters / 200) === 0 ? leavers[n / (waiters / 200)]!.signal : undefined);
  return { resource, granted, leavers, submit };
}

/** Steps of one release, the hand-over to the next waiter and the arrival of a newcomer, at a steady backlog. */
async function admission(waiters: number): Promise<number> {
  const { granted, submit } = backlog(waiters, 100);
  const rounds = 300;
  const counted = await steps(async () => {
    for (let n = 0; n < rounds; n++) {
      granted.shift()!.release();
      submit(n);
      for (let i = 0; i < 5; i++) await Promise.resolve();
    }
  });
  return counted / rounds;
}

/** Steps of one waiter that leaves the queue. */
async function cancellation(waiters: number): Promise<number> {
  const { resource, leavers } = backlog(waiters, 100);
  const counted = await steps(async () => {
    for (const leaver of leavers) leaver.abort();
    await Promise.resolve();
  });
  assert.equal(resource.snapshot().waiting, waiters - leavers.length);
  return counted / leavers.length;
}

test("the steps of an admission and a release do not grow with the backlog", async () => {
  const few = await admission(1_000);
  const many = await admission(100_000);
  assert.ok(few > 1, "nothing was counted");
  assert.ok(many <= 1.5 * few, `${many} steps with 100,000 waiting, ${few} with 1,000`);
});

test("the steps of a cancellation do not grow with the backlog", async () => {
  const few = await cancellation(1_000);
  const many = await cancellation(100_000);
  assert.ok(few > 1, "nothing was counted");
  assert.ok(many <= 1.5 * few, `${many} steps with 100,000 waiting, ${few} with 1,000`);
});

test("a refusal carries no stack; a wrong option, which is a bug of the caller's, does", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only", queue: { max: 0 } }] });
  const held = await resource.acquire();
  const refused = await resource.acquire().catch((error: unknown) => error);
  assert.ok(isLanewayError(refused));
  assert.doesNotMatch(refused.stack ?? "", /\n\s+at /);
  const limit = Error.stackTraceLimit;
  assert.ok(limit > 0, "the limit of stacks is put back");
  assert.match(new Error("another").stack ?? "", /\n\s+at /);
  assert.throws(
    () => resource.tryAcquire({ lane: "nowhere" }),
    (error: Error) => /\n\s+at /.test(error.stack ?? ""),
  );
  held.release();
});

test("a thousand waiters with time-outs and deadlines set one timer", async () => {
  const clock = new CountingClock();
  const resource = new Resource({ name: "db", limit: 1, clock });
  const held = await resource.acquire();
  for (let i = 0; i < 1_000; i++)
    resource.acquire({ lane: "bulk", ...(i % 2 === 0 ? { timeoutMs: 1_000 + (i % 7) } : {}) }).catch(() => undefined);
  assert.equal(clock.pending, 1);
  assert.ok(clock.set < 5, `${clock.set} timers were set`);
  await clock.inner.advance(1_010);
  assert.equal(clock.most, 1);
  assert.equal(resource.snapshot().waiting, 500);
  held.release();
});

test("an uncontended run sets no timer of its own: ten thousand in a row set at most one each tenth of a second", async () => {
  const clock = new CountingClock();
  const resource = new Resource({ name: "db", limit: 4, clock });
  for (let i = 0; i < 10_000; i++) await resource.run(() => i);
  assert.ok(clock.set <= 1, `${clock.set} timers were set in no time`);
});

test("the permit's signal is made when somebody reads it, and once", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  const Original = globalThis.AbortController;
  let made = 0;
  globalThis.AbortController = class extends Original {
    constructor() {
      super();
      made++;
    }
  };
  try {
    await resource.run(() => 1);
    await resource.run(async () => Promise.resolve(2));
    (await resource.acquire()).release();
    assert.equal(made, 0);
    await resource.run((permit) => assert.equal(permit.signal, permit.signal));
    assert.equal(made, 1);
  } finally {
    globalThis.AbortController = Original;
  }
});

test("a task that ends well leaves no record unless somebody listens", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  for (let i = 0; i < 100; i++) await resource.run(() => i);
  assert.equal(resource.records().length, 0);
  let heard = 0;
  const stop = resource.onRecord(() => heard++);
  await resource.run(() => 1);
  stop();
  await resource.run(() => 2);
  assert.equal(heard, 1);
});

/** Promise 8: a released seat is handed over in the same call, and a function starts in its own caller's context. */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

const ONE = { limit: 1, lanes: [{ name: "only", queue: { max: 1_000_000 } }] };

for (let distance = 0; distance <= 9; distance++) {
  test(`a newcomer that comes ${distance} microtasks after the release does not get the waiter's seat`, async () => {
    const { clock, resource, trace } = simulated(ONE);
    let end!: () => void;
    const running = resource.run(() => new Promise<void>((resolve) => (end = resolve)));
    void trace.submit("waiter", 10);
    end();
    for (let i = 0; i < distance; i++) await Promise.resolve();
    assert.equal(resource.tryAcquire(), undefined);
    void trace.submit("newcomer", 10);
    await running;
    assert.equal(resource.tryAcquire(), undefined);
    await clock.advance(50);
    assert.deepEqual(trace.started, ["waiter", "newcomer"]);
  });
}

test("between release() and the waiter's continuation no seat is free, not for one microtask", async () => {
  const { resource } = simulated(ONE);
  const first = await resource.acquire();
  const second = resource.acquire();
  first.release();
  assert.equal(resource.tryAcquire(), undefined);
  assert.deepEqual([resource.snapshot().seatsInUse, resource.snapshot().waiting], [1, 0]);
  for (let i = 0; i < 10; i++) {
    await Promise.resolve();
    assert.equal(resource.tryAcquire(), undefined);
  }
  (await second).release();
  resource.tryAcquire()!.release();
});

test("the function of a queued run starts in its own caller's async context, never in the releaser's", async () => {
  const { resource } = simulated(ONE);
  const context = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const blocker = await context.run("blocker", () => resource.acquire());
  const runs = ["a", "b", "c"].map((name) =>
    context.run(name, () =>
      resource.run(async () => {
        seen.push(context.getStore());
        await Promise.resolve();
        seen.push(context.getStore());
      }),
    ),
  );
  context.run("releaser", () => blocker.release());
  await Promise.all(runs);
  assert.deepEqual(seen, ["a", "a", "b", "b", "c", "c"]);
});

test("what follows an acquire runs in its own caller's async context", async () => {
  const { resource } = simulated(ONE);
  const context = new AsyncLocalStorage<string>();
  const blocker = await resource.acquire();
  const seen = context.run("mine", async () => {
    const permit = await resource.acquire();
    permit.release();
    return context.getStore();
  });
  context.run("releaser", () => blocker.release());
  assert.equal(await seen, "mine");
});

test("with detectDeadlock the user's own context is kept as well", async () => {
  const { resource } = simulated({ ...ONE, detectDeadlock: true });
  const context = new AsyncLocalStorage<string>();
  const blocker = await resource.acquire();
  const seen = context.run("mine", () => resource.run(() => context.getStore()));
  context.run("releaser", () => blocker.release());
  assert.equal(await seen, "mine");
});

test("release returns before the next function starts", async () => {
  const { resource } = simulated(ONE);
  const blocker = await resource.acquire();
  const order: string[] = [];
  const next = resource.run(() => order.push("started"));
  blocker.release();
  order.push("released");
  await next;
  assert.deepEqual(order, ["released", "started"]);
});

test("100,000 synchronous tasks that hand their seat on do not overflow the stack", async () => {
  const { resource } = simulated(ONE);
  const blocker = await resource.acquire();
  let depth = 0;
  let deepest = 0;
  let ran = 0;
  const runs = Array.from({ length: 100_000 }, () =>
    resource.run(() => {
      deepest = Math.max(deepest, ++depth);
      ran++;
      depth--;
    }),
  );
  blocker.release();
  await Promise.all(runs);
  assert.deepEqual([ran, deepest], [100_000, 1]);
});

test("twenty thousand acquires that release at once do not overflow the stack either", async () => {
  const { resource } = simulated(ONE);
  const blocker = await resource.acquire();
  const all = Promise.all(
    Array.from({ length: 20_000 }, () => resource.acquire().then((permit) => permit.release())),
  );
  blocker.release();
  await all;
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("when a seat is free the function starts at once, in the call of run itself", () => {
  const { resource } = simulated(ONE);
  let started = false;
  void resource.run(() => {
    started = true;
  });
  assert.ok(started);
});

test("no history starts a function in another's call or context", async () => {
  await keepEveryPromise({ count: 80, firstSeed: 80_000, with: { nested: 0.1, shadow: 0 } });
});

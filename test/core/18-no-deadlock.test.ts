/** Promise 18: a nested wait that could never end is refused, the newest first, naming both tasks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import type { Limit } from "../../src/core/limit/limit.ts";
import type { LaneOptions } from "../../src/core/options.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

const FOREVER = { timeoutMs: 1e8, queue: { timeoutMs: 1e8 } };
const ONE_LANE: LaneOptions[] = [{ name: "only", ...FOREVER }];
const DEADLOCK = { code: "LANEWAY_DEADLOCK", reason: "nested" };

function detecting(limit: number, lanes = ONE_LANE) {
  return simulated({ limit, lanes, detectDeadlock: true, aging: false });
}

test("a task that waits for the seat it holds itself is refused at once, and both are named", async () => {
  const { clock, resource } = detecting(1);
  const outer = resource.run(() => resource.run(() => "never", { id: "inner" }), { id: "outer" });
  await assert.rejects(outer, (error: unknown) => {
    assert.ok(isLanewayError(error));
    assert.deepEqual([error.code, error.reason, error.lane], ["LANEWAY_DEADLOCK", "nested", "only"]);
    assert.match(error.message, /task "inner" was submitted inside task "outer"/);
    assert.match(error.message, /do not take a second seat while holding one, or raise the limit/);
    return true;
  });
  assert.equal(clock.now(), 0);
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("when all seats are held by tasks that wait, the newest wait is refused and the others go on", async () => {
  const { resource } = detecting(2);
  const results = await Promise.allSettled(
    ["first", "second"].map((id) =>
      resource.run(
        async () => {
          await Promise.resolve();
          return resource.run(() => `${id} done`, { id: `${id} inner` });
        },
        { id },
      ),
    ),
  );
  assert.deepEqual(
    results.map((result) =>
      result.status === "fulfilled" ? result.value : (result.reason as { reason: string }).reason,
    ),
    ["first done", "nested"],
  );
});

test("a nested wait beside a task that will end is no deadlock", async () => {
  const { clock, resource } = detecting(2);
  const other = resource.run(() => clock.sleep(10));
  const nested = resource.run(() => resource.run(() => "done"));
  await clock.advance(10);
  assert.deepEqual(await Promise.all([other, nested]), [undefined, "done"]);
});

test("a task that waits for another resource is none of its business", async () => {
  const { resource } = detecting(1);
  const other = detecting(1).resource;
  assert.equal(await resource.run(() => other.run(() => "done")), "done");
});

test("two resources deep: the wait is found through a task of the other resource", async () => {
  const { resource } = detecting(1);
  const other = detecting(1).resource;
  await assert.rejects(
    resource.run(() => other.run(() => resource.run(() => "never"))),
    DEADLOCK,
  );
});

test("through await, timers of others and Promise.all the context is kept", async () => {
  const { clock, resource } = detecting(2);
  const outer = resource.run(async () => {
    await clock.sleep(5);
    return Promise.allSettled([
      resource.run(() => "a"),
      resource.run(() => "b"),
      resource.run(() => resource.run(() => "c")),
    ]);
  });
  await clock.advance(5);
  const inner = await outer;
  assert.deepEqual(
    inner.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected"],
  );
});

test("a task that submitted a wait and ended without it holds nothing", async () => {
  const { resource } = detecting(1);
  let forgotten!: Promise<string>;
  const outer = resource.run(() => {
    forgotten = resource.run(() => "ran after all").catch(() => "refused");
    return "outer";
  });
  // At the moment of the wait nothing else could ever free the seat, so it may be refused; but nothing hangs.
  assert.equal(await outer, "outer");
  assert.ok(["ran after all", "refused"].includes(await forgotten));
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("a deadlock that comes about only when a bystander ends is broken then", async () => {
  const { clock, resource } = detecting(2);
  const bystander = resource.run(() => clock.sleep(10));
  const outer = resource.run(() =>
    Promise.allSettled([resource.run(() => resource.run(() => resource.run(() => "too deep")))]),
  );
  await clock.advance(10);
  await bystander;
  assert.equal((await outer)[0].status, "rejected");
});

test("floors count: seats that other lanes keep are no way out", async () => {
  const { resource } = detecting(3, [
    { name: "critical", reservation: 2, lendable: 0, ...FOREVER },
    { name: "bulk", ...FOREVER },
  ]);
  await assert.rejects(
    resource.run(() => resource.run(() => "never", { lane: "bulk" }), { lane: "bulk" }),
    DEADLOCK,
  );
  assert.equal(
    await resource.run(() => resource.run(() => "floor", { lane: "critical" }), { lane: "bulk" }),
    "floor",
  );
});

test("a ceiling counts: free seats beyond it are no way out", async () => {
  const { resource } = detecting(5, [
    { name: "narrow", ceiling: 1, ...FOREVER },
    { name: "other", ...FOREVER },
  ]);
  await assert.rejects(
    resource.run(() => resource.run(() => "never", { lane: "narrow" }), { lane: "narrow" }),
    DEADLOCK,
  );
});

test("a wide nested wait for which too few seats can ever come free is refused", async () => {
  const { clock, resource } = detecting(3);
  const bystander = resource.run(() => clock.sleep(10));
  const outer = resource.run(() => resource.run(() => "never", { width: 3 }));
  // The bystander's seat will come free, the outer task's will not while it waits: two are not three.
  assert.equal(await codeOrPending(outer), "LANEWAY_DEADLOCK");
  await clock.advance(10);
  await bystander;
  assert.equal(await resource.run(() => resource.run(() => "fits", { width: 2 })), "fits");
});

test("the same in another lane: seats that its holders keep are not there for it", async () => {
  const { resource } = detecting(3, [
    { name: "a", ...FOREVER },
    { name: "b", ...FOREVER },
  ]);
  const inside = (width: number) =>
    resource.run(() => resource.run(() => "fits", { lane: "b", width }), { lane: "a" });
  assert.equal(await codeOrPending(inside(3)), "LANEWAY_DEADLOCK");
  assert.equal(await inside(2), "fits");
});

test("when a wide nested wait is refused, the seats that were parked for it are used at once", async () => {
  const { clock, resource } = detecting(4);
  const held = await resource.acquire();
  const outer = resource.run(async () => {
    await assert.rejects(
      resource.run(() => "never", { width: 3, flow: "wide" }),
      DEADLOCK,
    );
    await clock.sleep(100);
  });
  const narrow = resource.acquire({ flow: "narrow" });
  assert.equal(await codeOrPending(narrow), "still waiting"); // two seats are free, and parked for the wide one
  resource.update({ limit: 3 });
  assert.equal(await codeOrPending(narrow), "done");
  held.release();
  (await narrow).release();
  await clock.advance(100);
  await outer;
});

test("a nested task that is put back in a lane that is exempt by now goes on: it waits for nobody", async () => {
  const lanes: LaneOptions[] = [
    { name: "only", ...FOREVER },
    { name: "health", ...FOREVER },
  ];
  const { clock, resource } = detecting(2, lanes);
  const bystander = resource.run(() => clock.sleep(10));
  const outer = resource.run(() =>
    resource.run(
      async (permit) => {
        await bystander;
        resource.update({ limit: 1 });
        (await permit.requeue()).release();
        return "done";
      },
      { lane: "health" },
    ),
  );
  resource.update({ lanes: [lanes[0]!, { name: "health", exempt: true }] });
  await clock.advance(10);
  assert.equal(await codeOrPending(outer), "done");
  const left = resource.snapshot().lanes.map(({ running, failed }) => [running, failed]);
  assert.deepEqual(left, [
    [0, 0],
    [0, 0],
  ]);
});

test("a nested task that is put back is judged by the limit that its own run has changed", async () => {
  let changed = (): void => {};
  const limit: Limit & { current: number } = {
    current: 2,
    onChange: (tell) => (changed = tell),
    onRelease: () => moveTo(2),
  };
  const moveTo = (seats: number): void => {
    limit.current = seats;
    changed();
  };
  const clock = new TestClock();
  const resource = new Resource({
    name: "db",
    limit,
    lanes: [{ name: "only", ...FOREVER }],
    clock,
    detectDeadlock: true,
  });
  const bystander = await resource.acquire();
  const outer = resource.run(() =>
    resource.run(async (permit) => {
      moveTo(1);
      // The one seat there is now is the outer task's; what this run says of the limit makes it two again.
      (await permit.requeue()).release();
      return "done";
    }),
  );
  bystander.release();
  assert.equal(await codeOrPending(outer), "done");
});

test("a permit held by acquire() in the same function counts as well when it was taken inside a run", async () => {
  const { resource } = detecting(2);
  const outer = resource.run(async () => {
    const permit = await resource.acquire();
    try {
      return await resource.run(() => "never");
    } finally {
      permit.release();
    }
  });
  // An acquire is not a scope, so nobody can tell who holds its seat: this one waits, and its time-out ends it.
  assert.equal(await codeOrPending(outer), "still waiting");
});

test("off by default for a bare resource", async () => {
  const { clock, resource } = simulated({ limit: 1, lanes: [{ name: "only", timeoutMs: 100 }] });
  const outer = assert.rejects(
    resource.run(() => resource.run(() => "never")),
    { code: "LANEWAY_TIMEOUT" },
  );
  await clock.advance(100);
  await outer;
});

test("in no random nest does anybody hang: every run ends without help of a time-out", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    const clock = new TestClock();
    const resource = new Resource({
      name: "db",
      limit: random.whole(1, 4),
      clock,
      detectDeadlock: true,
      lanes: ONE_LANE,
      aging: false,
    });
    let open = 0;
    const nest = async (depth: number): Promise<void> => {
      await clock.sleep(random.exponential(5));
      if (depth > 0)
        await Promise.allSettled(Array.from({ length: random.whole(0, 2) }, () => submit(depth - 1)));
    };
    const submit = async (depth: number): Promise<void> => {
      open++;
      await resource
        .run(() => nest(depth))
        .catch((error: unknown) => assert.ok(isLanewayError(error) && error.code === "LANEWAY_DEADLOCK"));
      open--;
    };
    for (let i = 0; i < 6; i++) void submit(random.whole(0, 4));
    await clock.advance(100_000);
    assert.equal(open, 0, `${open} runs hang (seed ${seed})`);
  }
});

test("no history with nested runs hangs", async () => {
  await keepEveryPromise({ count: 80, firstSeed: 180_000, with: { nested: 0.4, shadow: 0 } });
});

/** What the promise has become when every reaction that is due has run. */
async function codeOrPending(promise: Promise<unknown>): Promise<string> {
  const settled = promise.then(
    () => "done",
    (error: unknown) => (isLanewayError(error) ? error.code : String(error)),
  );
  return Promise.race([
    settled,
    new Promise<string>((resolve) => setImmediate(() => resolve("still waiting"))),
  ]);
}

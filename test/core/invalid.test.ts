/** A wrong option is refused at once, with the place, what was expected there and what was found. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LaneOptions, ResourceOptions } from "../../src/core/options.ts";
import type { ResourceChanges } from "../../src/core/resource.ts";
import { Resource } from "../../src/node/resource.ts";
import { simulated } from "./simulated.ts";

type Anything = Record<string, unknown>;

function assertInvalid(work: () => unknown, message: string | RegExp): void {
  assert.throws(work, { name: "LanewayError", code: "LANEWAY_INVALID", reason: "invalid", message });
}

/** What a resource says to these options, laid over good ones. */
function refuses(options: Anything, message: string | RegExp): void {
  assertInvalid(() => new Resource({ name: "db", limit: 8, ...options }), message);
}

function refusesLane(lane: Anything, message: string | RegExp): void {
  refuses({ lanes: [{ name: "bulk", ...lane } as unknown as LaneOptions] }, message);
}

const SEATS_UP_TO = "a whole number from 1 to 1000000 (seats)";

test("a name and a limit are needed", () => {
  assertInvalid(
    () => new Resource(undefined as unknown as ResourceOptions),
    "Resource: expected an object of options, found undefined",
  );
  refuses({ name: undefined }, "Resource: name: expected a name, found undefined");
  refuses({ name: "" }, 'Resource: name: expected a name, found ""');
  for (const [limit, found] of [
    [0, "0"],
    [-3, "-3"],
    [1.5, "1.5"],
    [Number.NaN, "NaN"],
    [Infinity, "Infinity"],
    ["8", '"8"'],
    [undefined, "undefined"],
    [null, "null"],
  ] as const)
    refuses({ limit }, `resource "db": limit: expected ${SEATS_UP_TO}, found ${found}`);
  refuses({ limit: { current: 0 } }, `resource "db": limit: expected ${SEATS_UP_TO}, found 0`);
});

test("an unknown option is named, beside those there are", () => {
  refuses(
    { concurrency: 4 },
    /^resource "db": expected one of the options name, limit, lanes, .*, found "concurrency"$/,
  );
  refusesLane(
    { priority: 1 },
    /^resource "db", lane "bulk": expected one of the options name, reservation, .*, found "priority"$/,
  );
});

test("an unknown option inside queue or aging is named as well, and so is a wrong shape", () => {
  refuses({ queue: { length: 10 } }, /^resource "db": queue: expected .*"?length"?/);
  refuses({ queue: 10 }, /^resource "db": queue: expected .* found 10$/);
  refuses({ aging: { after: 10 } }, /^resource "db": aging: expected .*"?after"?/);
  refuses({ aging: true }, /^resource "db": aging: expected .* found true$/);
  refusesLane({ queue: { timeout: 10 } }, /^resource "db", lane "bulk": queue: expected .*"?timeout"?/);
  refusesLane({ aging: 10 }, /^resource "db", lane "bulk": aging: expected .* found 10$/);
});

test("lanes are a list of 1 to 64, each with a name of its own, at least one of them with seats", () => {
  refuses(
    { lanes: [] },
    'resource "db": lanes: expected a list of 1 to 64 lanes, most important first, found a list of 0',
  );
  refuses({ lanes: "bulk" }, /expected a list of 1 to 64 lanes, most important first, found "bulk"$/);
  refuses({ lanes: Array.from({ length: 65 }, (_, i) => ({ name: `l${i}` })) }, /found a list of 65$/);
  refuses({ lanes: ["bulk"] }, 'resource "db": lanes: expected an object for each lane, found "bulk"');
  refuses({ lanes: [{}] }, 'resource "db": lanes: expected a name for each lane, found undefined');
  refuses(
    { lanes: [{ name: "a" }, { name: "b" }, { name: "a" }] },
    'resource "db": lanes: expected each lane named once, found "a"',
  );
  refuses(
    { lanes: [{ name: "a", exempt: true }] },
    /expected at least one lane that takes seats, found "only exempt lanes"$/,
  );
  refuses(
    { lanes: [{ name: "a" }], defaultLane: "b" },
    'resource "db": defaultLane: expected one of a, found "b"',
  );
});

test("reservations fit into the limit, and each into its lane's ceiling", () => {
  const two = (first: unknown, second: unknown): Anything => ({
    lanes: [
      { name: "a", reservation: first },
      { name: "b", reservation: second },
    ],
  });
  refuses(
    two("60%", "41%"),
    'resource "db": lanes: expected reservations of at most 100 % in all, found "101 %"',
  );
  refuses(
    two(6, 3),
    'resource "db": lanes: expected reservations of at most the limit, 8 seats, in all, found "a 6 + b 3 = 9"',
  );
  refuses(two("50%", 5), /found "a 4 \+ b 5 = 9"$/);
  refusesLane(
    { reservation: 3, ceiling: 2 },
    'resource "db", lane "bulk": reservation: expected at most its ceiling, 2, found 3',
  );
  refusesLane(
    { reservation: "50%", ceiling: "40%" },
    /reservation: expected at most its ceiling, 40%, found "50%"$/,
  );
});

test("shares are whole seats or a percentage", () => {
  for (const [reservation, found] of [
    [-1, "-1"],
    [1.5, "1.5"],
    [Number.NaN, "NaN"],
    [Infinity, "Infinity"],
    [true, "true"],
  ] as const)
    refusesLane(
      { reservation },
      `resource "db", lane "bulk": reservation: expected a whole number from 0 to 1000000 (seats, or a percentage such as "40%"), found ${found}`,
    );
  for (const reservation of ["40", "101%", "-1%", "a lot"])
    refusesLane(
      { reservation },
      `resource "db", lane "bulk": reservation: expected seats or a percentage from "0%" to "100%", found "${reservation}"`,
    );
  refusesLane({ ceiling: 0 }, /ceiling: expected a whole number from 1 to 1000000 .*, found 0$/);
  refusesLane(
    { lendable: "half" },
    /lendable: expected seats or a percentage from "0%" to "100%", found "half"$/,
  );
});

test("numbers of a lane are finite and within their bounds", () => {
  const at = 'resource "db", lane "bulk": ';
  refusesLane({ weight: 0 }, `${at}weight: expected a number from 0.000001 to 1000000, found 0`);
  refusesLane({ timeoutMs: 0 }, `${at}timeoutMs: expected a number from 1 to 31536000000, found 0`);
  refusesLane({ timeoutMs: Infinity }, /timeoutMs: expected a number from 1 to 31536000000, found Infinity$/);
  refusesLane({ timeoutMs: "5s" }, /timeoutMs: expected a number from 1 to 31536000000, found "5s"$/);
  refusesLane({ queue: { max: -1 } }, `${at}queue.max: expected a whole number from 0 to 10000000, found -1`);
  refusesLane(
    { queue: { timeoutMs: Number.NaN } },
    /queue.timeoutMs: expected a number from 1 to 31536000000, found NaN$/,
  );
  refusesLane(
    { aging: { afterMs: -1 } },
    /aging.afterMs: expected a number from 0 to 31536000000, found -1$/,
  );
  refusesLane({ exempt: "yes" }, `${at}exempt: expected true or false, found "yes"`);
});

test("an exempt lane has no options about seats and queues", () => {
  for (const [key, value] of Object.entries({
    reservation: 1,
    lendable: 0,
    ceiling: 2,
    weight: 2,
    queue: {},
    aging: { afterMs: 1 },
  }))
    refusesLane(
      { exempt: true, [key]: value },
      new RegExp(
        `lane "bulk": ${key}: expected nothing, for an exempt lane takes no seat and never waits, found `,
      ),
    );
});

test("what concerns the whole resource is checked", () => {
  refuses({ order: "fifo" }, 'resource "db": order: expected "strict" or "weighted", found "fifo"');
  refuses(
    { aging: { budget: 0.6 } },
    'resource "db": aging.budget: expected a number from 0 to 0.5, found 0.6',
  );
  refuses(
    { aging: { afterMs: Number.NaN } },
    /aging.afterMs: expected a number from 0 to 31536000000, found NaN$/,
  );
  refuses(
    { queue: { max: 1.5 } },
    /^resource "db": queue.max: expected a whole number from 0 to \d+, found 1.5$/,
  );
  refuses(
    { queue: { whenFull: "drop" } },
    'resource "db": queue.whenFull: expected "reject" or "evict", found "drop"',
  );
  refuses({ enforce: 1 }, 'resource "db": enforce: expected true or false, found 1');
});

test("what the resource is given to call is checked before it is needed", () => {
  refuses({ flowWeight: 3 }, /^resource "db": flowWeight: expected .* found 3$/);
  refuses({ detectDeadlock: "yes" }, /^resource "db": detectDeadlock: expected true or false, found "yes"$/);
  refuses({ clock: {} }, /^resource "db": clock: expected .* found an object$/);
  refuses({ random: 0.5 }, /^resource "db": random: expected .* found 0.5$/);
});

test("a task's options are checked when it is submitted, by run, acquire and tryAcquire alike", () => {
  const { resource } = simulated({ limit: 2, lanes: [{ name: "a" }, { name: "b" }] });
  const wrong: readonly (readonly [Anything, string])[] = [
    [{ lane: "c" }, 'resource "db": lane: expected one of a, b, found "c"'],
    [{ lane: null }, 'resource "db": lane: expected one of a, b, found null'],
    [{ width: 0 }, "width: expected a whole number from 1 to 1000000 (seats), found 0"],
    [{ width: 1.5 }, "width: expected a whole number from 1 to 1000000 (seats), found 1.5"],
    [{ width: Number.NaN }, "width: expected a whole number from 1 to 1000000 (seats), found NaN"],
    [{ width: Infinity }, "width: expected a whole number from 1 to 1000000 (seats), found Infinity"],
    [{ timeoutMs: -1 }, "timeoutMs: expected a number from 0 to 31536000000, found -1"],
    [{ timeoutMs: Number.NaN }, "timeoutMs: expected a number from 0 to 31536000000, found NaN"],
    [{ flow: 7 }, "flow: expected a text, found 7"],
  ];
  for (const [options, message] of wrong) {
    assertInvalid(() => resource.run(() => undefined, options), message);
    assertInvalid(() => resource.acquire(options), message);
    assertInvalid(() => resource.tryAcquire(options), message);
  }
  assertInvalid(
    () => resource.tryAcquire({ deadline: Number.NaN }),
    /^deadline: expected a number from .*, found NaN$/,
  );
  assertInvalid(() => resource.ready({ lane: "c" }), 'resource "db": lane: expected one of a, b, found "c"');
  assertInvalid(() => resource.run(7 as unknown as () => void), "run: expected a function, found 7");
  assert.deepEqual([resource.snapshot().seatsInUse, resource.snapshot().waiting], [0, 0]);
});

test("a wrong signal is refused before the task queues, so that no seat is given to nobody", async () => {
  const { resource } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  const held = await resource.acquire();
  assertInvalid(
    () => resource.acquire({ signal: {} as AbortSignal }),
    /^signal: expected .* found an object$/,
  );
  held.release();
  assert.deepEqual([resource.snapshot().seatsInUse, resource.snapshot().waiting], [0, 0]);
});

test("a weight that flowWeight gives is checked, and named with its flow", () => {
  const { resource } = simulated({ limit: 1, flowWeight: () => 0 });
  assertInvalid(
    () => resource.tryAcquire({ flow: "tenant-7" }),
    'flowWeight("tenant-7"): expected a number from 0.000001 to 1000000, found 0',
  );
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("requeue and drain check what they are given", async () => {
  const { resource } = simulated({ limit: 1 });
  const permit = await resource.acquire();
  assertInvalid(
    () => permit.requeue({ afterMs: -1 }),
    "permit.requeue: afterMs: expected a number from 0 to 31536000000, found -1",
  );
  permit.release();
  assertInvalid(
    () => permit.requeue(),
    'permit.requeue: expected a permit that is held, found "one that was released"',
  );
  assertInvalid(
    () => resource.drain({ timeoutMs: Number.NaN }),
    "drain: timeoutMs: expected a number from 0 to 31536000000, found NaN",
  );
  assert.equal(resource.snapshot().draining, false, "a drain that was refused has not begun");
});

test("an update that is refused leaves everything as it was", async () => {
  const { clock, resource, trace } = simulated({
    limit: 2,
    lanes: [{ name: "a", reservation: 2 }, { name: "b" }],
  });
  for (let i = 0; i < 3; i++) void trace.submit(`b${i}`, 10, { lane: "b" });
  const before = resource.snapshot();
  const wrong: readonly (readonly [Anything, RegExp])[] = [
    [{ limit: 1 }, /expected reservations of at most the limit, 1 seats, in all/],
    [{ limit: 5, order: "fifo" }, /order: expected/],
    [{ limit: 5, lanes: [{ name: "c" }, { name: "c" }] }, /expected each lane named once/],
    [{ limit: 5, defaultLane: "c" }, /defaultLane: expected one of a, b/],
    [{ lanes: [{ name: "b" }], defaultLane: "a" }, /defaultLane: expected one of b/],
    [{ concurrency: 5 }, /found "concurrency"/],
    [{ limit: Number.NaN }, /limit: expected/],
  ];
  for (const [changes, message] of wrong) {
    assertInvalid(() => resource.update(changes), message);
    assert.deepEqual(resource.snapshot(), before);
  }
  resource.update({ order: "weighted" });
  await clock.advance(30);
  assert.equal(trace.started.length, 3);
});

test("an update refuses what it cannot change", () => {
  const { resource } = simulated({ limit: 2 });
  for (const changes of [
    { name: "other" },
    { clock: { now: () => 0, after: () => () => {} } },
    { flowWeight: () => 2 },
  ])
    assertInvalid(() => resource.update(changes as ResourceChanges), /^resource "db": update: expected /);
});

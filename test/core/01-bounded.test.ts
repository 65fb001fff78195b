/** Promise 1: no admission takes seats in use past the limit; guarantees never add up past it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limit } from "../../src/core/limit/limit.ts";
import { shares } from "../../src/core/seats.ts";
import type { Share, ShareSpec } from "../../src/core/seats.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import type { Random } from "../../src/testing/random.ts";
import { Recorder } from "../../src/testing/recorder.ts";
import { keepEveryPromise } from "./history.ts";
import { simulated } from "./simulated.ts";

const FIVE = [40, 30, 20, 10, 0].map((reservation, rank) =>
  spec(`${reservation}%`, rank === 0 ? "50%" : "100%"),
);

function spec(
  reservation: ShareSpec["reservation"],
  lendable: ShareSpec["lendable"] = "100%",
  ceiling: ShareSpec["ceiling"] = "100%",
): ShareSpec {
  return { reservation, lendable, ceiling };
}

test("two seats run two tasks, and the third starts when one of them ends", async () => {
  const { clock, trace } = simulated({ limit: 2, lanes: [{ name: "only" }] });
  for (const name of ["a", "b", "c"]) void trace.submit(name, name === "a" ? 10 : 30);
  await clock.advance(100);
  assert.deepEqual(trace.events, [
    "0: a starts",
    "0: b starts",
    "10: a ends",
    "10: c starts",
    "30: b ends",
    "40: c ends",
  ]);
});

test("after a shrink the excess drains: nothing starts until seats in use are below the new limit", async () => {
  const { clock, resource, trace } = simulated({ limit: 4, lanes: [{ name: "only" }] });
  for (const [name, ms] of [
    ["a", 10],
    ["b", 20],
    ["c", 30],
    ["d", 40],
    ["e", 10],
    ["f", 10],
  ] as const)
    void trace.submit(name, ms);
  await clock.advance(5);
  resource.update({ limit: 2 });
  assert.deepEqual([resource.snapshot().limit, resource.snapshot().seatsInUse], [2, 4]);
  await clock.advance(100);
  assert.deepEqual(trace.events.slice(4), [
    "10: a ends", // 3 in use
    "20: b ends", // 2 in use
    "30: c ends",
    "30: e starts",
    "40: d ends",
    "40: f starts",
    "40: e ends",
    "50: f ends",
  ]);
});

test("after a growth the waiters start in the same call", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  for (const name of ["a", "b", "c"]) void trace.submit(name, 10);
  resource.update({ limit: 3 });
  assert.equal(resource.snapshot().seatsInUse, 3);
  await clock.advance(10);
  assert.deepEqual(trace.started, ["a", "b", "c"]);
});

test("percentages become seats by largest remainder, ties to the higher lane", () => {
  assert.deepEqual(reservations(8, FIVE), [3, 2, 2, 1, 0]);
  assert.deepEqual(reservations(4, FIVE), [2, 1, 1, 0, 0]);
  assert.deepEqual(reservations(1, FIVE), [1, 0, 0, 0, 0]);
  assert.deepEqual(reservations(3, [spec("50%"), spec("50%")]), [2, 1]);
});

test("percentages that add up to less than the whole leave the rest to nobody", () => {
  assert.deepEqual(reservations(10, [spec("33%"), spec("33%")]), [3, 3]);
  assert.deepEqual(reservations(3, [spec("30%"), spec("20%")]), [1, 0]);
});

test("floors add up to at most the limit less one, cut from the lowest lane up", () => {
  assert.deepEqual(floors(4, [spec(2, 0), spec(2, 0)]), [2, 1]);
  assert.deepEqual(floors(1, [spec("40%", 0), spec("60%", 0)]), [0, 0]);
  assert.deepEqual(floors(8, FIVE), [1, 0, 0, 0, 0]);
});

test("fixed seats beyond a limit that shrank by itself are cut from the lowest lane up", async () => {
  assert.deepEqual(reservations(3, [spec(2), spec(2), spec(1)]), [2, 1, 0]);
  const limit = new MovingLimit(5);
  const clock = new TestClock();
  const resource = new Resource({
    name: "db",
    limit,
    clock,
    lanes: [
      { name: "a", reservation: 3 },
      { name: "b", reservation: 2 },
    ],
  });
  const trace = new Recorder(resource, clock);
  for (const name of ["b1", "b2", "b3", "b4"]) void trace.submit(name, 10, { lane: "b" });
  limit.become(2);
  assert.deepEqual(
    resource.snapshot().lanes.map((lane) => lane.reservation),
    [2, 0],
  );
  for (const name of ["b5", "b6"]) void trace.submit(name, 10, { lane: "b" });
  void trace.submit("a1", 10, { lane: "a" });
  await clock.advance(100);
  assert.deepEqual(trace.started, ["b1", "b2", "b3", "b4", "a1", "b5", "b6"]);
});

test("a limit that is given to a running resource is heard when it changes its mind", async () => {
  const { clock, resource, trace } = simulated({ limit: 1, lanes: [{ name: "only" }] });
  const limit = new MovingLimit(1);
  resource.update({ limit });
  for (const name of ["a", "b", "c"]) void trace.submit(name, 10);
  limit.become(3);
  await clock.advance(0);
  assert.deepEqual(trace.started, ["a", "b", "c"]);
});

test("a limit that has shrunk by itself below what is guaranteed stands in the way of no other change", () => {
  const limit = new MovingLimit(4);
  const resource = new Resource({
    name: "db",
    limit,
    clock: new TestClock(),
    lanes: [{ name: "a", reservation: 3 }],
  });
  limit.become(2);
  resource.update({ order: "weighted" });
  assert.equal(resource.snapshot().lanes[0]!.reservation, 2);
});

test("an estimator that changes its mind while it is told of a release finds that release done", async () => {
  const clock = new TestClock();
  const limit = new MovingLimit(1);
  const resource = new Resource({ name: "db", limit, clock, lanes: [{ name: "only" }] });
  const seen: number[][] = [];
  limit.onRelease = (_runMs, seatsInUse) => {
    limit.become(2);
    const { admitted, finished, running, seats } = resource.snapshot().lanes[0]!;
    seen.push([seatsInUse, admitted, finished, running, seats]);
  };
  for (let i = 0; i < 3; i++) void resource.run(() => clock.sleep(10));
  await clock.advance(10);
  // One seat was in use, one task has finished, and the two that waited have the two seats.
  assert.deepEqual(seen, [[1, 3, 1, 2, 2]]);
});

test("for every limit and every set of lanes the shares keep within the limit", () => {
  for (let seed = 1; seed <= 3_000; seed++) {
    const random = seeded(seed);
    const limit = random.whole(1, 30);
    const specs = Array.from({ length: random.whole(1, 6) }, () => randomSpec(random));
    const due = shares(limit, specs);
    const at = `seed ${seed}: ${JSON.stringify({ limit, specs, due })}`;
    assert.ok(sum(due, "reservation") <= limit, `reservations past the limit, ${at}`);
    assert.ok(sum(due, "floor") <= limit - 1, `floors past the limit less one, ${at}`);
    for (const share of due) {
      assert.ok(
        Object.values(share).every((seats) => Number.isInteger(seats) && seats >= 0),
        `not whole seats, ${at}`,
      );
      assert.ok(
        share.floor <= share.reservation && share.reservation <= share.ceiling && share.ceiling <= limit,
        at,
      );
      assert.ok(
        share.hold >= 1 &&
          share.hold <= share.ceiling &&
          share.hold <= limit - sum(due, "floor") + share.floor,
        at,
      );
    }
  }
});

test("no history of tasks, lanes and limits that change admits past the limit", async () => {
  await keepEveryPromise({ count: 120, firstSeed: 10_000, with: { updates: 0.12, wide: 0.3 } });
});

class MovingLimit implements Limit {
  current: number;
  onRelease: NonNullable<Limit["onRelease"]> = () => {};
  #changed = (): void => {};

  constructor(seats: number) {
    this.current = seats;
  }

  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  become(seats: number): void {
    this.current = seats;
    this.#changed();
  }
}

function reservations(limit: number, specs: readonly ShareSpec[]): number[] {
  return shares(limit, specs).map((share) => share.reservation);
}

function floors(limit: number, specs: readonly ShareSpec[]): number[] {
  return shares(limit, specs).map((share) => share.floor);
}

function sum(due: readonly Share[], key: keyof Share): number {
  return due.reduce((total, share) => total + share[key], 0);
}

function randomSpec(random: Random): ShareSpec {
  const reservation = random.next() < 0.5 ? (`${random.whole(0, 60)}%` as const) : random.whole(0, 8);
  const lendable = random.pick<ShareSpec["lendable"]>(["0%", "50%", "100%", 0, 1, 2]);
  return spec(
    reservation,
    lendable,
    random.next() < 0.6 ? "100%" : random.pick<ShareSpec["ceiling"]>(["10%", "50%", 1, 3]),
  );
}

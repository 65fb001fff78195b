import assert from "node:assert/strict";
import { test } from "node:test";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";

const POLICY = `
lanes:
  - { name: critical, reservation: 2 }
  - { name: bulk }
resources:
  db: { limit: 4 }
  http: { limit: { adaptive: true, min: 2, max: 50, start: 10 } }
`;
const MINUTE = 60_000;

async function made(text = POLICY): Promise<{ laneway: Laneway; clock: TestClock }> {
  const clock = new TestClock();
  return { laneway: new Laneway(await parsePolicy(text), { clock }), clock };
}

function limits(laneway: Laneway): number[] {
  return laneway.snapshot().resources.map(({ limit }) => limit);
}

function reservations(laneway: Laneway, resource = 0): number[] {
  return laneway.snapshot().resources[resource]!.lanes.map(({ reservation }) => reservation);
}

test("a limit and a reservation are changed for a time, and are as before when it is over", async () => {
  const { laneway, clock } = await made();
  const first = laneway.override({ resource: "db", limit: 8, durationMs: 10 * MINUTE, note: "sale" });
  laneway.override({ resource: "db", lane: "bulk", reservation: 5, durationMs: 5 * MINUTE });
  assert.deepEqual(
    [limits(laneway), reservations(laneway)],
    [
      [8, 10],
      [2, 5],
    ],
  );
  assert.equal(first.until - first.since, 10 * MINUTE);
  await clock.advance(5 * MINUTE);
  assert.deepEqual(
    [limits(laneway), reservations(laneway)],
    [
      [8, 10],
      [2, 0],
    ],
  );
  assert.deepEqual(laneway.overrides, [first]);
  await clock.advance(5 * MINUTE);
  assert.deepEqual([limits(laneway), reservations(laneway), laneway.overrides], [[4, 10], [2, 0], []]);
});

test("a limit that is learned stays where it is put, and is learned again from there", async () => {
  const { laneway, clock } = await made();
  laneway.override({ resource: "http", limit: 3, durationMs: MINUTE });
  assert.deepEqual(limits(laneway), [4, 3]);
  await clock.advance(MINUTE);
  assert.deepEqual(limits(laneway), [4, 3]);
  assert.deepEqual(laneway.policy.resources["http"]!.limit, { adaptive: true, min: 2, max: 50, start: 10 });
});

test("a lane is paused for a time, and what it queued meanwhile starts when that is over", async () => {
  const { laneway, clock } = await made();
  laneway.override({ resource: "db", lane: "bulk", state: "paused", durationMs: MINUTE });
  const queued = laneway.resource("db").run(() => "served", { lane: "bulk" });
  assert.equal(laneway.snapshot().resources[0]!.waiting, 1);
  await clock.advance(MINUTE);
  assert.equal(await queued, "served");
});

test("a reload of the policy keeps what fits it, and ends what does not", async () => {
  const { laneway, clock } = await made();
  const paused = laneway.override({ resource: "db", lane: "bulk", state: "paused", durationMs: MINUTE });
  laneway.override({ resource: "db", lane: "bulk", reservation: 2, durationMs: MINUTE });
  laneway.override({ resource: "http", limit: 7, durationMs: MINUTE });
  laneway.update(await parsePolicy(POLICY.replace("limit: 4", "limit: 3").replace(/ {2}http.*\n/, "")));
  assert.deepEqual(laneway.overrides, [paused]);
  assert.deepEqual([limits(laneway), reservations(laneway)], [[3], [2, 0]]);
  await clock.advance(MINUTE);
  assert.deepEqual([laneway.overrides, laneway.resource("db").snapshot().lanes[1]!.ceiling], [[], 3]);
});

test("one that ends early takes those along that fitted only with it", async () => {
  const { laneway } = await made();
  const wider = laneway.override({ resource: "db", limit: 8, durationMs: MINUTE });
  laneway.override({ resource: "db", lane: "bulk", reservation: 5, durationMs: MINUTE });
  assert.equal(laneway.endOverride("nobody"), false);
  assert.equal(laneway.endOverride(wider.id), true);
  assert.deepEqual([limits(laneway), reservations(laneway), laneway.overrides], [[4, 10], [2, 0], []]);
  laneway.override({ resource: "db", limit: 8, durationMs: MINUTE });
  laneway.close();
  assert.deepEqual(limits(laneway), [4, 10]);
});

test("what is wrong is refused with what there is, and changes nothing", async () => {
  const { laneway } = await made();
  const db = { resource: "db", durationMs: MINUTE };
  const wrong: readonly [object, RegExp][] = [
    [{ ...db, resource: "cache", limit: 1 }, /resource: expected one of db, http, found "cache"/],
    [{ ...db, lane: "low", state: "paused" }, /lane: expected one of critical, bulk, found "low"/],
    [{ ...db, lane: "bulk", limit: 1 }, /a limit is the resource's/],
    [{ ...db, lane: "bulk", reservation: 3 }, /at most the limit, 4 seats/],
    [{ ...db, limit: 0 }, /limit: expected .* found 0/],
    [{ ...db, lane: "bulk", state: "shut" }, /state/],
    [{ ...db, lane: "bulk", limit: 1, state: "paused" }, /exactly one of/],
    [{ ...db }, /exactly one of limit, reservation and state, found "none"/],
    [{ ...db, limit: 2, durationMs: 1 }, /from 60000/],
    [{ ...db, limit: 2, forever: true }, /a field out of/],
    [{ ...db, limit: 2, note: "x".repeat(201) }, /at most 200 characters/],
  ];
  for (const [request, message] of wrong)
    assert.throws(() => laneway.override(request as never), message, JSON.stringify(request));
  assert.deepEqual([limits(laneway), reservations(laneway), laneway.overrides], [[4, 10], [2, 0], []]);
});

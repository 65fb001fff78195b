/** Every ORM on a laned pool and a real server: its lanes, its transactions, its prepared statements. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Pool } from "pg";
import { lanedPool } from "../../../src/adapters/pg.ts";
import type { LanedPoolConfig } from "../../../src/adapters/pg.ts";
import { runInLane } from "../../../src/node/context.ts";
import { Resource } from "../../../src/node/resource.ts";
import { needsPackage } from "../../needs.ts";
import { databaseFor } from "../server.ts";
import { drizzleOrm } from "./drizzle.ts";
import { knexWithDialect, knexWithPool } from "./knex.ts";
import { kyselyOrm } from "./kysely.ts";
import { itemFor, itemIn, ORDERS } from "./orm.ts";
import type { AnyPool, OpenOrm, Orm } from "./orm.ts";
import { prismaOrm } from "./prisma.ts";
import { typeOrm } from "./typeorm.ts";

const ORMS: readonly Orm[] = [drizzleOrm, kyselyOrm, prismaOrm, typeOrm, knexWithPool, knexWithDialect];
const BULK = 12;
const CONNECTIONS = 4;
/** Connections that bulk may have at once: one of four is kept for critical. */
const BULK_AT_ONCE = CONNECTIONS - 1;

/** Prisma takes only pools of its own copy of the driver. */
const Laned: AnyPool = lanedPool(Pool);

test("ORMs on a laned pool", async (t) => {
  const database = await databaseFor(t);
  if (database === undefined) return;
  const { connectionString } = database;
  // The server may be gone first when a test fails.
  const admin = new Pool({ connectionString, max: 1 }).on("error", () => {});
  await admin.query(`${ORDERS}; truncate orders`);
  await admin.query("insert into orders values (1, 'item 1')");
  for (const orm of ORMS)
    await t.test(orm.name, async (inner) => {
      if (!orm.needs.every((name) => needsPackage(inner, "test/databases", name))) return;
      await admin.query("delete from orders where id > 1");
      await testOrm(inner, orm, connectionString);
    });
  await admin.end();
});

async function testOrm(t: TestContext, orm: Orm, connectionString: string): Promise<void> {
  const open = async (
    inner: TestContext,
    config: LanedPoolConfig = {},
    Class: AnyPool = Laned,
  ): Promise<OpenOrm> => {
    const opened = await orm.open(Class, { connectionString, ...config });
    inner.after(() => opened.close());
    return opened;
  };

  await t.test("a critical query runs before the bulk ones that queued first", async (inner) => {
    const on = await open(inner, { max: CONNECTIONS });
    const before = await bulkBeforeCritical(on);
    assert.ok(before <= BULK_AT_ONCE, `${before} bulk queries ended before the critical one`);
  });

  await t.test("on the driver's own pool it runs after them", async (inner) => {
    const on = await open(inner, { max: CONNECTIONS }, Pool);
    const before = await bulkBeforeCritical(on);
    assert.ok(before > BULK - CONNECTIONS, `only ${before} bulk queries ended before the critical one`);
  });

  await t.test("a query is of the lane that it is awaited in, or made in", async (inner) => {
    const resource = new Resource({ name: "db", limit: 2 });
    const on = await open(inner, { resource });
    const laneOf = async (query: () => PromiseLike<unknown>): Promise<string | undefined> => {
      const before = resource.snapshot().lanes;
      assert.equal(itemIn(await query()), "item 1");
      return resource.snapshot().lanes.find((lane, at) => lane.admitted > before[at]!.admitted)?.name;
    };
    assert.equal(await laneOf(() => on.itemOf(1)), "normal");
    assert.equal(await laneOf(() => runInLane("bulk", async () => await on.itemOf(1))), "bulk");
    // Most begin only when they are awaited, when the function is over.
    assert.equal(await laneOf(() => runInLane("bulk", () => on.itemOf(1))), "bulk");
  });

  await t.test("a transaction holds one seat of its lane from beginning to end", async (inner) => {
    const resource = new Resource({ name: "db", limit: 1 });
    const on = await open(inner, { resource });
    let running = 0;
    await runInLane("bulk", () =>
      on.addAll([2, 3], async () => {
        running = resource.snapshot().lanes.find(({ name }) => name === "bulk")!.running;
      }),
    );
    assert.equal(running, 1);
    assert.equal(itemIn(await on.itemOf(3)), itemFor(3));
    const broken = new Error("broken");
    await assert.rejects(
      on.addAll([4], () => Promise.reject(broken)),
      broken,
    );
    assert.equal(itemIn(await on.itemOf(4)), undefined);
    assert.equal(resource.snapshot().seatsInUse, 0);
  });

  await t.test(
    "in a request, a query beside its own transaction is refused with both places",
    async (inner) => {
      const resource = new Resource({ name: "db", limit: 1, detectDeadlock: true });
      const on = await open(inner, { resource });
      const nested = runInLane("high", () => on.addAll([5], async () => await on.itemOf(1)));
      const error = await nested.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      const said = saidBy(error);
      assert.ok(said.includes("LANEWAY_DEADLOCK"), String(error));
      assert.match(said.join("\n"), /asked for here:\n[^]*node_modules[^]*asked for here:\n[^]*node_modules/);
      assert.equal(itemIn(await on.itemOf(1)), "item 1");
      assert.equal(itemIn(await on.itemOf(5)), undefined);
      assert.equal(resource.snapshot().seatsInUse, 0);
    },
  );

  await t.test(
    "outside of any it is refused as well, or warned of and ended by its time-out",
    async (inner) => {
      const resource = new Resource({ name: "db", limit: 1, detectDeadlock: true });
      const on = await open(inner, { resource, connectionTimeoutMillis: 3_000 });
      const warnings: Error[] = [];
      const note = (warning: Error): unknown => warnings.push(warning);
      process.on("warning", note);
      inner.after(() => process.off("warning", note));
      const error = await on
        .addAll([6], async () => await on.itemOf(1))
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      const expected = orm.seesNestedAlone ? "LANEWAY_DEADLOCK" : "timeout exceeded when trying to connect";
      assert.ok(saidBy(error).includes(expected), String(error));
      const warned = warnings.filter(({ name }) => name === "LanewayNestedCheckoutWarning");
      assert.equal(warned.length, orm.seesNestedAlone ? 0 : 1);
      assert.equal(itemIn(await on.itemOf(6)), undefined);
      assert.equal(resource.snapshot().seatsInUse, 0);
    },
  );

  await t.test("a prepared statement stays prepared, whatever the lane", async (inner) => {
    const on = await open(inner, { max: 1 });
    if (on.itemPrepared === undefined) return;
    for (const lane of ["bulk", "critical", "bulk"])
      assert.equal(itemIn(await runInLane(lane, async () => await on.itemPrepared!(1))), "item 1");
    const { rows } = await on.pool.query(
      "select sum(generic_plans + custom_plans)::int as runs from pg_prepared_statements",
    );
    assert.deepEqual(rows, [{ runs: 3 }]);
  });
}

/** How many of the bulk queries ended before a critical one that came when all of them were running or queued. */
async function bulkBeforeCritical({ pool, sleep, itemOf }: OpenOrm): Promise<number> {
  // Every connection is open: what is asked is who gets one.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => sleep(0.02)));
  const isLaned = pool.constructor !== Pool;
  let ended = 0;
  const bulk = Array.from({ length: BULK }, () =>
    runInLane("bulk", async () => await sleep(0.1)).then(() => ended++),
  );
  const queued = BULK - (isLaned ? BULK_AT_ONCE : CONNECTIONS);
  // A pool that lets more of them run never has so many waiting.
  while (pool.waitingCount < queued && ended === 0) await turn();
  await runInLane("critical", async () => await itemOf(1));
  const before = ended;
  await Promise.all(bulk);
  return before;
}

/** The codes and texts of an error and of what it was caused by. */
function saidBy(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  return ["code" in error ? error.code : undefined, error.message, ...saidBy(error.cause)];
}

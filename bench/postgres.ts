/**
 * Do lanes keep a database pool fast for what is important, and what do they cost? A real PostgreSQL, `pg.Pool` beside
 * `LanedPool`, in one process. Takes half a minute.
 */

import { Pool } from "pg";
import { LanedPool } from "../src/adapters/pg.ts";
import type { LanedPoolConfig } from "../src/adapters/pg.ts";
import { Resource } from "../src/node/resource.ts";
import { startDatabase } from "../test/databases/server.ts";
import type { BenchRow } from "./row.ts";
import { beside, over, under } from "./question.ts";

const CONNECTIONS = 4;
const BULK = 40;
const MANY = 60;
const BULK_SECONDS = 0.1;
const CRITICAL = 5;
const ROUNDS = 9;
const ROUND_MS = 1_000;
const AT_ONCE = 16;

/** Runs all; rows for the report. */
export async function postgresBench(): Promise<BenchRow[]> {
  const database = await startDatabase({ own: true });
  const { connectionString } = database;
  const laned = (config: LanedPoolConfig): LanedPool =>
    new LanedPool({ connectionString, max: CONNECTIONS, ...config });
  try {
    const plain = await behindBulk(() => new Pool({ connectionString, max: CONNECTIONS }));
    const reserved = await behindBulk(() => laned({}));
    const noReserve = { name: "db", limit: CONNECTIONS, lanes: [{ name: "critical" }, { name: "bulk" }] };
    const preempting = await behindBulk(() => laned({ resource: new Resource(noReserve) }), {
      preemptible: true,
    });
    // So many that three connections have no last round with one of them idle.
    const many = { count: MANY };
    const [whole, less] = [
      await behindBulk(() => new Pool({ connectionString, max: CONNECTIONS }), many),
      await behindBulk(() => laned({}), many),
    ];
    const what = `${CONNECTIONS} connections, ${BULK} bulk queries of 100 ms, then critical`;
    return [
      under(`${what}: first critical, a seat reserved`, reserved.firstMs, 10, "ms"),
      under(`${what}: first critical, no reserve, bulk preemptible`, preempting.firstMs, 30, "ms"),
      beside({
        question: `${what}: first critical`,
        ours: reserved.firstMs,
        peer: "pg.Pool",
        theirs: plain.firstMs,
        unit: "ms",
      }),
      // Three of four connections are bulk's while one is kept.
      over(
        `${CONNECTIONS} connections, ${MANY} bulk queries of 100 ms: throughput, of pg.Pool's less the reserved seat`,
        ((100 * whole.bulkMs) / less.bulkMs) * (CONNECTIONS / (CONNECTIONS - 1)),
        95,
        "%",
      ),
      over(
        "`select 1`, uncontended: throughput, of pg.Pool's",
        await throughput(connectionString, false),
        95,
        "%",
      ),
      over(
        "a prepared `select`, uncontended: throughput, of pg.Pool's",
        await throughput(connectionString, true),
        95,
        "%",
      ),
    ];
  } finally {
    await database.stop();
  }
}

/** How long the first critical query takes behind a queue of bulk ones, and bulk as a whole. */
async function behindBulk(
  make: () => Pool,
  { preemptible = false, count = BULK } = {},
): Promise<{ firstMs: number; bulkMs: number }> {
  const pool = quiet(make());
  const inLane = (lane: string): Pool =>
    pool instanceof LanedPool ? pool.inLane(lane, { preemptible: preemptible && lane === "bulk" }) : pool;
  // Opening connections is not what is asked.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query("select pg_sleep(0.02)")));
  const from = performance.now();
  const bulk = Array.from({ length: count }, () => inLane("bulk").query(`select pg_sleep(${BULK_SECONDS})`));
  const done = Promise.all(bulk).then(() => performance.now() - from);
  await inLane("critical").query("select 1");
  const firstMs = performance.now() - from;
  for (let i = 1; i < CRITICAL; i++) await inLane("critical").query("select 1");
  const bulkMs = await done;
  await pool.end();
  return { firstMs, bulkMs };
}

/** The median over rounds in which both take turns, in per cent of the driver's own pool. */
async function throughput(connectionString: string, prepared: boolean): Promise<number> {
  const options = { connectionString, max: AT_ONCE };
  const pools = [quiet(new Pool(options)), quiet(new LanedPool(options))];
  const query = prepared ? { name: "one", text: "select $1::int", values: [1] } : { text: "select 1" };
  const round = async (pool: Pool): Promise<number> => {
    let count = 0;
    const until = performance.now() + ROUND_MS;
    const worker = async (): Promise<void> => {
      for (; performance.now() < until; count++) await pool.query(query);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return count;
  };
  const ratios: number[] = [];
  for (const pool of pools) await round(pool);
  for (let i = 0; i < ROUNDS; i++) {
    const [theirs, ours] = [await round(pools[0]!), await round(pools[1]!)];
    ratios.push((100 * ours) / theirs);
  }
  await Promise.all(pools.map((pool) => pool.end()));
  return ratios.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

/** The server may be gone before the last connection is closed. */
function quiet(pool: Pool): Pool {
  return pool.on("error", () => {});
}

/**
 * Do lanes keep a database pool fast for what is important, and what do they cost? A real PostgreSQL, `pg.Pool` beside
 * `LanedPool`. Takes three minutes.
 */

import { fork, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Pool } from "pg";
import { LanedPool } from "../src/adapters/pg.ts";
import type { LanedPoolConfig } from "../src/adapters/pg.ts";
import { Resource } from "../src/node/resource.ts";
import { startDatabase } from "../test/databases/server.ts";
import type { BenchRow } from "./row.ts";
import { beside, median, over, under } from "./question.ts";

const CONNECTIONS = 4;
const BULK = 40;
const MANY = 60;
const BULK_SECONDS = 0.1;
const CRITICAL = 5;
const CONTENDED_ROUNDS = 3;
const POOL = fileURLToPath(new URL("postgres-pool.ts", import.meta.url));
const PROCESSES = 5;
/** Short and many: on a machine that has other work too, only the middle of many rounds says something. */
const ROUNDS = 20;
const QUERIES = 1_500;
/** The compiler has settled by then: after eight thousand a laned query takes some 4 us more than a plain one, then 1 to 2. */
const WARM_UP = 60_000;
const CORE = "1";
const canPin = spawnSync("sh", ["-c", "command -v taskset"]).status === 0;

/** Runs all; rows for the report. */
export async function postgresBench(): Promise<BenchRow[]> {
  const database = await startDatabase({ own: true });
  try {
    const { connectionString, pid } = database;
    return [...(await contended(connectionString)), ...(await uncontended(connectionString, pid))];
  } finally {
    await database.stop();
  }
}

/** A few connections with many bulk queries before a critical one. */
async function contended(connectionString: string): Promise<BenchRow[]> {
  const laned = (config: LanedPoolConfig): LanedPool =>
    new LanedPool({ connectionString, max: CONNECTIONS, ...config });
  const plain = await behindBulk(() => new Pool({ connectionString, max: CONNECTIONS }));
  const reserved = await behindBulk(() => laned({}), { rounds: CONTENDED_ROUNDS });
  const noReserve = { name: "db", limit: CONNECTIONS, lanes: [{ name: "critical" }, { name: "bulk" }] };
  const preempting = await behindBulk(() => laned({ resource: new Resource(noReserve) }), {
    preemptible: true,
    rounds: CONTENDED_ROUNDS,
  });
  // So many that three connections have no last round with one of them idle.
  const many = { count: MANY };
  const [whole, less] = [
    await behindBulk(() => new Pool({ connectionString, max: CONNECTIONS }), many),
    await behindBulk(() => laned({}), many),
  ];
  const what = `${CONNECTIONS} connections, ${BULK} bulk queries of 100 ms, then critical`;
  return [
    under(`${what}: wait of the first critical, a seat reserved`, reserved.firstMs, 10, "ms"),
    under(`${what}: wait of the first critical, no reserve, bulk preemptible`, preempting.firstMs, 30, "ms"),
    beside({
      question: `${what}: wait of the first critical`,
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
  ];
}

/** Short queries, with fewer at once than there are connections. */
async function uncontended(connectionString: string, pid: number | undefined): Promise<BenchRow[]> {
  toOneCore(pid);
  return [
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
}

/**
 * The server and the pools on one core, so that the clock counts what a query costs on both sides and nothing else. On two,
 * each query also wakes a process on the other core, which costs some 3 us or nothing, by chance of who just slept: the
 * same two pools then had 76 to 113 % of each other's throughput.
 */
function toOneCore(pid: number | undefined): void {
  if (pid !== undefined && canPin) spawnSync("taskset", ["-acp", CORE, String(pid)], { stdio: "ignore" });
}

interface Behind {
  /** How much longer than the same query alone. */
  readonly firstMs: number;
  readonly bulkMs: number;
}

/** How long the first critical query waits behind a queue of bulk ones, and how long bulk takes as a whole. */
async function behindBulk(
  make: () => Pool,
  { preemptible = false, count = BULK, rounds = 1 } = {},
): Promise<Behind> {
  const runs: Behind[] = [];
  for (let i = 0; i < rounds; i++) runs.push(await onceBehindBulk(quiet(make()), preemptible, count));
  return {
    firstMs: median(runs.map(({ firstMs }) => firstMs)),
    bulkMs: median(runs.map((run) => run.bulkMs)),
  };
}

async function onceBehindBulk(pool: Pool, preemptible: boolean, count: number): Promise<Behind> {
  const inLane = (lane: string): Pool =>
    pool instanceof LanedPool ? pool.inLane(lane, { preemptible: preemptible && lane === "bulk" }) : pool;
  const critical = async (): Promise<number> => {
    const from = performance.now();
    await inLane("critical").query("select 1");
    return performance.now() - from;
  };
  // Opening connections is not what is asked.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query("select pg_sleep(0.02)")));
  const alone: number[] = [];
  for (let i = 0; i < CRITICAL; i++) alone.push(await critical());
  const from = performance.now();
  const bulk = Array.from({ length: count }, () => inLane("bulk").query(`select pg_sleep(${BULK_SECONDS})`));
  const done = Promise.all(bulk).then(() => performance.now() - from);
  const firstMs = (await critical()) - median(alone);
  for (let i = 1; i < CRITICAL; i++) await critical();
  const bulkMs = await done;
  await pool.end();
  return { firstMs, bulkMs };
}

/**
 * The median over rounds in which both take turns, in per cent of the driver's own pool. Each pool has a process of its own,
 * for in one the code that both share is compiled for both; and there are several, for no two are compiled alike.
 */
async function throughput(connectionString: string, prepared: boolean): Promise<number> {
  const ratios: number[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    const args = [connectionString, prepared ? "prepared" : "simple"];
    const [plain, laned] = [await startPool("plain", args), await startPool("laned", args)];
    try {
      for (const pool of [plain, laned]) await ask(pool, WARM_UP);
      for (let round = 0; round < ROUNDS; round++) {
        const isFirst = round % 2 === 0;
        const before = await ask(isFirst ? plain : laned, QUERIES);
        const after = await ask(isFirst ? laned : plain, QUERIES);
        ratios.push((100 * (isFirst ? after : before)) / (isFirst ? before : after));
      }
    } finally {
      for (const pool of [plain, laned]) pool.disconnect();
    }
  }
  return median(ratios);
}

async function startPool(kind: "plain" | "laned", args: readonly string[]): Promise<ChildProcess> {
  const child = fork(POOL, [kind, ...args]);
  toOneCore(child.pid);
  await answerOf(child);
  return child;
}

/** Queries a millisecond, over one round. */
async function ask(pool: ChildProcess, queries: number): Promise<number> {
  pool.send(queries);
  return (await answerOf(pool)) as number;
}

/** What a pool says next. One that has ended says nothing any more. */
async function answerOf(pool: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const { signal } = ended;
  const tell = (): void => ended.abort(new Error("bench/postgres-pool.ts ended before it answered"));
  pool.once("exit", tell);
  try {
    return ((await once(pool, "message", { signal })) as [unknown])[0];
  } finally {
    pool.removeListener("exit", tell);
  }
}

/** The server may be gone before the last connection is closed. */
function quiet(pool: Pool): Pool {
  return pool.on("error", () => {});
}

if (import.meta.main)
  for (const { question, ours, unit, bar, met } of await postgresBench())
    console.log(`${met === false ? "MISSED" : "      "} ${question}: ${ours.toFixed(1)} ${unit} (${bar})`);

/**
 * Draws what a flood of reports does to critical queries on `pg.Pool` and on `LanedPool`, from a run on a real server:
 * docs/images/database-lanes.svg, and what it shows as database-lanes.json. Takes half a minute.
 *
 *     node bench/postgres-plot.ts
 */

import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "pg";
import { LanedPool } from "../src/adapters/pg.ts";
import { runInLane } from "../src/node/context.ts";
import type { Curve } from "../src/verify/plot/plot.ts";
import { svgPlot } from "../src/verify/plot/svg.ts";
import { startDatabase } from "../test/databases/server.ts";

const CONNECTIONS = 4;
const CRITICAL_EVERY_MS = 50;
/** Four connections do 40 of them a second. */
const REPORT_SECONDS = 0.1;
const REPORTS_EVERY_MS = 1_000 / 60;
const FLOOD = { fromMs: 2_000, untilMs: 6_000 };
const END_MS = 12_000;
const EACH_MS = 100;

interface Answer {
  readonly dueMs: number;
  readonly tookMs: number;
}

/** How long critical queries take, by the instant at which they were due. */
async function critical(pool: Pool): Promise<readonly Answer[]> {
  // Opening connections is not what is asked.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.query("select pg_sleep(0.05)")));
  const start = performance.now();
  const answers: Promise<Answer>[] = [];
  const reports: Promise<unknown>[] = [];
  const now = (): number => performance.now() - start;
  const ask = async (dueMs: number): Promise<Answer> => {
    // A timer may be a millisecond early.
    const from = Math.min(dueMs, now());
    await runInLane("critical", () => pool.query("select 1"));
    return { dueMs, tookMs: now() - from };
  };
  let nextReport = FLOOD.fromMs;
  for (let dueMs = 0; dueMs < END_MS; dueMs += CRITICAL_EVERY_MS) {
    for (; nextReport < Math.min(dueMs, FLOOD.untilMs); nextReport += REPORTS_EVERY_MS)
      reports.push(runInLane("bulk", () => pool.query(`select pg_sleep(${REPORT_SECONDS})`)));
    await sleep(Math.max(0, dueMs - now()));
    answers.push(ask(dueMs));
  }
  await Promise.all(reports);
  return Promise.all(answers);
}

/** The slowest of each tenth of a second. */
function curve(label: string, answers: readonly Answer[]): Curve {
  const points = [];
  for (let xMs = 0; xMs < END_MS; xMs += EACH_MS) {
    const due = answers.filter(({ dueMs }) => dueMs >= xMs && dueMs < xMs + EACH_MS);
    points.push({ xMs, yMs: Math.round(10 * Math.max(...due.map(({ tookMs }) => tookMs))) / 10 });
  }
  return { label, points };
}

/** What a pool makes of it; the server may be gone before its last connection is closed. */
async function measured(label: string, pool: Pool): Promise<Curve> {
  pool.on("error", () => {});
  const answers = await critical(pool);
  await pool.end();
  return curve(label, answers);
}

const database = await startDatabase({ own: true });
try {
  const { connectionString } = database;
  const options = { connectionString, max: CONNECTIONS };
  const plain = await measured("pg.Pool", new Pool(options));
  const laned = await measured("LanedPool", new LanedPool(options));
  const plot = {
    title: "Four connections, a flood of reports: what critical queries take",
    xLabel: "time",
    yLabel: "response time (slowest of 0.1 s)",
    xMaxMs: END_MS,
    curves: [plain, laned],
    event: { xMs: FLOOD.fromMs, label: "60 reports a second, for 4 s" },
  };
  const images = new URL("../docs/images/", import.meta.url);
  writeFileSync(new URL("database-lanes.svg", images), svgPlot(plot));
  writeFileSync(new URL("database-lanes.json", images), `${JSON.stringify(plot, undefined, 2)}\n`);
} finally {
  await database.stop();
}

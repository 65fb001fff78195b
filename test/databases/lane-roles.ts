/** A server whose roles are the lanes of one policy: what the tests of `laneway postgres` have in common. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { Client } from "pg";
import type { ClientConfig } from "pg";
import { folderWith, laneway } from "../cli/command.ts";
import { databaseFor } from "./server.ts";
import type { Database } from "./server.ts";

/** Three lanes of 10 connections: 2 kept for critical, at most 4 for bulk. */
export const POLICY = `
lanes:
  - { name: critical, reservation: 2, lendable: 0 }
  - { name: normal }
  - { name: bulk, ceiling: 4, timeout: 300ms }
resources: { main-db: { limit: 10 } }
`;
/** Its lanes. */
export const LANES: readonly string[] = ["critical", "normal", "bulk"];
/** 10 for the lanes, 3 for superusers, and 1 for the connection that the test itself looks with. */
const SETTINGS = { max_connections: 14, superuser_reserved_connections: 3, reserved_connections: 2 };

/** What `laneway postgres` prints for a policy. */
export async function printed(t: TestContext, policy: string, ...args: string[]): Promise<string> {
  const cwd = await folderWith(t, { "laneway.yaml": policy });
  const { code, out, err } = await laneway(["postgres", ...args], { cwd });
  assert.equal(code, 0, err);
  return out;
}

/** A server with as many connections as these lanes expect. */
export async function serverForLanes(t: TestContext): Promise<Database | undefined> {
  return databaseFor(t, { own: true, settings: SETTINGS });
}

/** A client that is closed after the test, however it ends. */
export async function connect(
  t: TestContext,
  database: Database,
  config: ClientConfig = {},
): Promise<Client> {
  const { host, port, user, password } = database;
  const client = new Client({ host, port, user, password, database: database.database, ...config });
  // A server that stops closes its connections; what a query sees of it fails that query.
  client.on("error", () => {});
  t.after(() => client.end());
  await client.connect();
  return client;
}

/** Gives every role that the SQL made a password, as a team would. */
export async function setPasswords(admin: Client, lanes: readonly string[] = LANES): Promise<void> {
  for (const lane of lanes) await admin.query(`ALTER ROLE app_${lane} PASSWORD 'secret'`);
}

/** The login of a lane's role. */
export const as = (lane: string): ClientConfig => ({ user: `app_${lane}`, password: "secret" });

/** All roles, with everything that the SQL may change. */
export async function rolesOf(admin: Client): Promise<unknown[]> {
  const { rows } = await admin.query(`
    SELECT rolname, rolcanlogin, rolconnlimit, rolconfig, shobj_description(pg_roles.oid, 'pg_authid') AS description,
      ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = pg_roles.oid) AS member_of
    FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' ORDER BY rolname`);
  return rows;
}

/** Waits until the server has forgotten the clients of a test before. */
export async function gone(admin: Client): Promise<void> {
  for (;;) {
    const { rows } = await admin.query("SELECT FROM pg_stat_activity WHERE usename LIKE 'app%'");
    if (rows.length === 0) return;
  }
}

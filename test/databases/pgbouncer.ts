/** A pgbouncer for one test, in front of a database, with a generated file of aliases. */

import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { freePort, startProgram } from "../programs.ts";

const HOST = "127.0.0.1";

/** What it is started with. */
export interface PgbouncerOptions {
  /** The file that `laneway postgres --pgbouncer` prints. */
  readonly aliases: string;
  /** Passwords by user. */
  readonly users: Readonly<Record<string, string>>;
  /** An alias that was there before: `own`. */
  readonly own: string;
  /** Its console's user, one of them. */
  readonly admin: string;
  /** Lines of an HBA file; without it a password is enough for any alias. */
  readonly hba?: string;
}

const TRIES = 3;

/** Starts it and stops it after the test. Returns the port. */
export async function startPgbouncer(t: TestContext, options: PgbouncerOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "laneway-pgbouncer-"));
  t.after(() => rm(folder, { recursive: true }));
  // It refuses to run as root, and is to read its files as somebody else.
  await chmod(folder, 0o755);
  const users = Object.entries(options.users).map(([name, word]) => `${quoted(name)} ${quoted(word)}\n`);
  await writeFile(join(folder, "lanes.ini"), options.aliases);
  await writeFile(join(folder, "users.txt"), users.join(""));
  if (options.hba !== undefined) await writeFile(join(folder, "hba.conf"), options.hba);
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    await writeFile(join(folder, "pgbouncer.ini"), settings(folder, port, options));
    const said = await start(t, join(folder, "pgbouncer.ini"));
    if (said.includes(`listening on ${HOST}:${port}`) && said.includes("process up")) return port;
    // Between the look for a free port and the start somebody else may have taken it.
    if (tries === TRIES) throw new Error(`pgbouncer did not start:\n${said}`);
  }
}

function settings(folder: string, port: number, { own, admin, aliases, hba }: PgbouncerOptions): string {
  return [
    "[databases]",
    `own = ${own}`,
    "[pgbouncer]",
    `listen_addr = ${HOST}`,
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "pool_mode = session",
    `auth_type = ${hba === undefined ? "scram-sha-256" : "hba"}`,
    ...(hba === undefined ? [] : [`auth_hba_file = ${join(folder, "hba.conf")}`]),
    `auth_file = ${join(folder, "users.txt")}`,
    `admin_users = ${admin}`,
    // As the file's comment says.
    /^; {3}(ignore_startup_parameters = .*)$/m.exec(aliases)![1]!,
    `%include ${join(folder, "lanes.ini")}`,
    "",
  ].join("\n");
}

/** What it said until it was up, or had ended. */
function start(t: TestContext, file: string): Promise<string> {
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  return startProgram(t, ["pgbouncer", ...user, file], "process up");
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

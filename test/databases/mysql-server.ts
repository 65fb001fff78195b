/** A real MariaDB for one test file: its own data, its own port, stopped with the test. */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { needsPackage, needsProgram } from "../needs.ts";
import { freePort, killed } from "../programs.ts";

/** A MariaDB that runs, and how to reach it: options of mysql2. */
export interface MysqlServer {
  readonly options: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
  /** The server's process, to break it. */
  readonly pid: number;
  /** Stops the server and removes its data. */
  stop(): Promise<void>;
}

/** What the tests use of mysql2, whose own types are there only when it is installed. */
export interface Mysql2 {
  createPool(options: object): MysqlPool;
}

/** A pool of `mysql2/promise`. */
export interface MysqlPool extends Queries {
  getConnection(): Promise<MysqlConnection>;
  end(): Promise<void>;
  on(event: string, listener: () => void): unknown;
  readonly pool: MysqlCallbackPool;
}

/** A connection of `mysql2/promise`. */
export interface MysqlConnection extends Queries, NodeJS.EventEmitter {
  readonly threadId: number;
  /** The one of `mysql2` inside. */
  readonly connection: object;
  beginTransaction(): Promise<void>;
  rollback(): Promise<void>;
  release(): void;
  destroy(): void;
}

interface Queries {
  query(sql: string, values?: readonly unknown[]): Promise<[Record<string, unknown>[], unknown]>;
  execute(sql: string, values?: readonly unknown[]): Promise<[Record<string, unknown>[], unknown]>;
}

type Answer = (error: Error | null, rows: unknown) => void;

/** A pool of `mysql2`. */
export interface MysqlCallbackPool {
  getConnection(callback: (error: Error | null, connection: MysqlCallbackConnection) => void): void;
  releaseConnection(connection: object): void;
  query(sql: string, callback?: Answer): { on(event: string, listener: () => void): void };
  execute(sql: string, values: readonly unknown[], callback: Answer): void;
  end(callback: (error?: Error | null) => void): void;
  promise(): MysqlPool;
  readonly config: object;
}

/** A connection of `mysql2`. */
export interface MysqlCallbackConnection {
  query(sql: string, callback: Answer): void;
  release(): void;
}

/** The driver, in the form with promises; `createPool(…).pool` is the one with callbacks. */
export function loadMysql(): Mysql2 {
  return createRequire(import.meta.url)("mysql2/promise") as Mysql2;
}

const HOST = "127.0.0.1";
const USER = "mysql";
const TRIES = 3;
const READY = "ready for connections";

/** Nothing here is worth a disk's time. */
const FLAGS = [
  "--no-defaults",
  "--skip-networking=0",
  "--skip-name-resolve",
  "--skip-log-bin",
  `--bind-address=${HOST}`,
  "--innodb-flush-log-at-trx-commit=0",
  "--innodb-buffer-pool-size=16M",
  "--innodb-log-file-size=4M",
  "--max-connections=200",
];

/**
 * Starts a server for a test and stops it after it; undefined, and the test skipped, when it or mysql2 is not installed.
 *
 * @example
 * const server = await mysqlFor(t);
 * if (server === undefined) return;
 */
export async function mysqlFor(t: TestContext): Promise<MysqlServer | undefined> {
  if (!needsPackage(t, "test/databases", "mysql2")) return undefined;
  if (!needsProgram(t, "mariadbd", "apt-get install mariadb-server")) return undefined;
  for (let tries = 1; ; tries++) {
    try {
      const server = await startMysql();
      t.after(() => server.stop());
      return server;
    } catch (error) {
      // Between the look for a free port and the start somebody else may have taken it.
      if (tries === TRIES) throw error;
    }
  }
}

async function startMysql(): Promise<MysqlServer> {
  const folder = await mkdtemp(join(tmpdir(), "laneway-mysql-"));
  const port = await freePort();
  const asRoot = process.getuid?.() === 0;
  const data = join(folder, "data");
  let child: ChildProcess | undefined;
  try {
    // The server will not run as root, and its own user has to reach the folder.
    if (asRoot) spawnSync("chown", [USER, folder]);
    await chmod(folder, 0o755);
    const user = asRoot ? [`--user=${USER}`] : [];
    install([`--datadir=${data}`, ...user]);
    const paths = [
      `--datadir=${data}`,
      `--socket=${join(folder, "socket")}`,
      `--pid-file=${join(folder, "pid")}`,
    ];
    child = spawn("mariadbd", [...FLAGS, ...paths, `--port=${port}`, ...user], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await untilReady(child);
  } catch (error) {
    await stop(child, folder);
    throw error;
  }
  const running = child;
  let stopped: Promise<void> | undefined;
  return {
    options: { host: HOST, port, user: "root", database: "test" },
    pid: running.pid!,
    stop: () => (stopped ??= stop(running, folder)),
  };
}

function install(flags: readonly string[]): void {
  const made = spawnSync(
    "mariadb-install-db",
    ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-name-resolve", ...flags],
    { encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`mariadb-install-db failed:\n${made.stdout}${made.stderr}`);
}

/** The server says on its error log when it listens. */
async function untilReady(child: ChildProcess): Promise<void> {
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`MariaDB did not start:\n${said}`)));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes(READY)) resolve();
    });
  });
  child.removeAllListeners("exit");
}

async function stop(child: ChildProcess | undefined, folder: string): Promise<void> {
  // Nothing of it is kept: an orderly end would only write to the disk.
  if (child !== undefined) await killed(child);
  await rm(folder, { recursive: true, force: true });
}

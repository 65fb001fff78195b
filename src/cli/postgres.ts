/** `laneway postgres`: the lanes as roles and pools of a database server, where they hold for every process. */

import { isLanewayError } from "../core/errors.ts";
import { defaultPolicy, loadPolicy } from "../policy/policy.ts";
import type { Policy } from "../policy/policy.ts";
import { PolicyError } from "../policy/problems.ts";
import { data, talk, unreadable } from "./output.ts";
import { pgbouncerIni } from "./postgres/pgbouncer.ts";
import type { DatabaseAddress } from "./postgres/pgbouncer.ts";
import { PlanError, planServer } from "./postgres/plan.ts";
import type { ServerPlan } from "./postgres/plan.ts";
import { applySql, undoSql } from "./postgres/sql.ts";

/** What the command line may say. */
export interface PostgresCommandOptions {
  readonly policy?: string;
  readonly resource?: string;
  /** What all processes together may hold. Default: the resource's limit. */
  readonly maxConnections?: number;
  readonly prefix?: string;
  readonly memberOf?: string;
  /** The major version. */
  readonly serverVersion?: number;
  readonly split?: boolean;
  readonly undo?: boolean;
  readonly pgbouncer?: boolean;
  /** What pgbouncer connects to: `postgres://host:port/name`. */
  readonly database?: string;
  readonly json?: boolean;
}

const DEFAULT_FILE = "laneway.yaml";
const DEFAULT_PREFIX = "app";
const DEFAULT_DATABASE = "postgres://127.0.0.1:5432/postgres";
/** The newest whose syntax this is; nothing is printed that 16 lacks. */
const DEFAULT_VERSION = 18;

/** Returns the exit code: 0 printed, 1 when the file cannot be read, 2 usage, 4 when the policy is invalid. */
export async function postgresCommand(options: PostgresCommandOptions = {}): Promise<number> {
  const policy = await policyFor(options);
  if (typeof policy === "number") return policy;
  try {
    const plan = planOf(policy, options);
    const address = addressOf(options);
    const text = textOf(plan, address, options);
    if (options.json === true) data(JSON.stringify({ ...plan, file: plan.file ?? null, text }, undefined, 2));
    else process.stdout.write(text);
  } catch (error) {
    if (!(error instanceof PlanError) && !isLanewayError(error)) throw error;
    talk(`laneway postgres: ${error.message}`);
    return 2;
  }
  if (!policy.enforce)
    talk(
      `${policy.file ?? DEFAULT_FILE} has enforce: false; a server that is given this holds back all the same`,
    );
  return 0;
}

function planOf(policy: Policy, options: PostgresCommandOptions): ServerPlan {
  const { prefix = DEFAULT_PREFIX, serverVersion = DEFAULT_VERSION, split = false } = options;
  const { resource, maxConnections, memberOf } = options;
  return planServer(policy, { resource, maxConnections, memberOf, prefix, serverVersion, split });
}

function textOf(
  plan: ServerPlan,
  address: DatabaseAddress,
  { pgbouncer, undo }: PostgresCommandOptions,
): string {
  if (pgbouncer === true) return pgbouncerIni(plan, address);
  return undo === true ? undoSql(plan) : applySql(plan);
}

function addressOf({ database, pgbouncer }: PostgresCommandOptions): DatabaseAddress {
  if (database !== undefined && pgbouncer !== true)
    throw new PlanError("--database says where pgbouncer connects to; it needs --pgbouncer");
  const url =
    database === undefined || URL.canParse(database) ? new URL(database ?? DEFAULT_DATABASE) : undefined;
  const expected = "--database: expected postgres://host:port/name";
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol) || url.hostname === "")
    // Shown in no message: it may hold a password.
    throw new PlanError(`${expected}, found something else`);
  if (url.username !== "" || url.password !== "")
    throw new PlanError(`${expected} without user and password; passwords belong into pgbouncer's auth_file`);
  if (url.search !== "" || url.hash !== "") throw new PlanError(`${expected} without ? and #`);
  const name = decoded(url.pathname.slice(1));
  if (name === undefined || name === "" || /\p{Cc}/u.test(name))
    throw new PlanError(`${expected}, found no usable name of a database in it`);
  return {
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 5432 : Number(url.port),
    name,
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

async function policyFor({ policy: file }: PostgresCommandOptions): Promise<Policy | number> {
  try {
    return await loadPolicy(file ?? DEFAULT_FILE);
  } catch (error) {
    if (error instanceof PolicyError) {
      talk(error.message);
      talk(`\nlaneway postgres: ${error.file} is not a valid policy`);
      return 4;
    }
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (file === undefined && missing) {
      talk(`no ${DEFAULT_FILE} here and no --policy: these are the defaults`);
      return defaultPolicy();
    }
    talk(`laneway postgres: ${unreadable(file ?? DEFAULT_FILE, error)}`);
    return 1;
  }
}

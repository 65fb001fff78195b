/** PostgreSQL against the policy: are there as many connections as its resource may take, and can it keep some. */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Client, ClientConfig } from "pg";
import type { Policy, PolicyResource } from "../../policy/policy.ts";
import { isLanewayError } from "../../core/errors.ts";
import { planServer, PlanError, RESERVES_SINCE } from "../postgres/plan.ts";
import { databasesOf } from "./candidates.ts";
import type { Finding } from "./finding.ts";

const group = "database";

/** What a server says of itself, to the user who asks. */
export interface ServerFacts {
  /** Host and port, without user and password. */
  readonly place: string;
  /** `16.4`, say. */
  readonly version: string;
  readonly maxConnections: number;
  readonly superuserReserved: number;
  /** Undefined before PostgreSQL 16. */
  readonly reserved: number | undefined;
  /** What this user, and this database, may have at once; undefined without a bound. */
  readonly bound: number | undefined;
}

/** A server that could be asked, or why it could not. */
export type Asked = { readonly facts: ServerFacts } | { readonly failed: string; readonly fix: string };

const CONNECT_TIMEOUT_MS = 5_000;

const QUESTION = `
select current_setting('server_version') as version,
       current_setting('max_connections')::int as most,
       current_setting('superuser_reserved_connections')::int as superuser,
       current_setting('reserved_connections', true)::int as reserved,
       (select rolconnlimit from pg_roles where rolname = current_user and not rolsuper) as role,
       (select datconnlimit from pg_database where datname = current_database()) as database`;

interface Row {
  readonly version: string;
  readonly most: number;
  readonly superuser: number;
  readonly reserved: number | null;
  readonly role: number | null;
  readonly database: number | null;
}

/** Asks the server, with the program's own driver where it has one. The URL's password is in nothing that it returns. */
export async function askServer(url: string, cwd: string): Promise<Asked> {
  const connector = await driverOf(cwd);
  if (connector === undefined)
    return { failed: "the driver pg is not installed here", fix: "npm install pg" };
  let client: Client | undefined;
  try {
    client = new connector({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: CONNECT_TIMEOUT_MS,
      application_name: "laneway doctor",
    });
    // Without a listener a connection that breaks later would end the process.
    client.on("error", () => undefined);
    await client.connect();
    const [row] = (await client.query<Row>(QUESTION)).rows;
    return { facts: factsOf(row!, `${client.host}:${client.port}`) };
  } catch (error) {
    return {
      failed: withoutSecrets(reasonOf(error), url),
      fix: "check the URL, and that this host may connect",
    };
  } finally {
    // A server that does not answer is not waited for.
    await client?.end().catch(() => undefined);
  }
}

function factsOf({ version, most, superuser, reserved, role, database }: Row, place: string): ServerFacts {
  // -1: no bound.
  const bounds = [role, database].filter((bound) => bound !== null && bound >= 0) as number[];
  return {
    place,
    version,
    maxConnections: most,
    superuserReserved: superuser,
    reserved: reserved ?? undefined,
    bound: bounds.length === 0 ? undefined : Math.min(...bounds),
  };
}

async function driverOf(cwd: string): Promise<(new (config: ClientConfig) => Client) | undefined> {
  for (const place of [pathToFileURL(join(cwd, "package.json")), import.meta.url]) {
    try {
      const file = createRequire(place).resolve("pg");
      const { default: pg } = (await import(pathToFileURL(file).href)) as { default: typeof import("pg") };
      return pg.Client;
    } catch {
      // Not there: the next place.
    }
  }
  return undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses failed, each for a reason of its own.
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join("; ");
  return error.message;
}

/** No driver should say the password; whoever reads our output must not depend on that. */
function withoutSecrets(text: string, url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const secrets = [url, parsed?.password, parsed?.searchParams.get("password")].flatMap((secret) =>
    secret === undefined || secret === null || secret === "" ? [] : [secret, decoded(secret)],
  );
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** All findings on the server; `name` is the resource that stands for it, else the only one without an upstream does. */
export function serverFindings(policy: Policy, asked: Asked, name?: string): Finding[] {
  if ("failed" in asked) {
    const { failed, fix } = asked;
    return [{ group, topic: "the server", state: "no", found: failed, fix }];
  }
  const { facts } = asked;
  const candidates = databasesOf(policy, name);
  const certain = candidates.length === 1;
  return [
    versionFinding(facts),
    ...(candidates.length === 0 ? [unnamedFinding(facts)] : []),
    ...candidates.flatMap((resource) => connectionFindings(resource, facts, certain)),
    ...(certain ? reserveFindings(policy, candidates[0]!, facts) : []),
  ];
}

function versionFinding({ version, place }: ServerFacts): Finding {
  const topic = "PostgreSQL's version";
  const found = `${version} at ${place}`;
  if (Number.parseInt(version, 10) >= RESERVES_SINCE) return { group, topic, state: "yes", found };
  const why = "it cannot keep connections for a lane (reserved_connections), only cap the others";
  return { group, topic, state: "partly", found, why, fix: `PostgreSQL ${RESERVES_SINCE} or newer` };
}

/** Connections that this user can have at once, and how many there would be without a bound of its own. */
function connectionsOf({ maxConnections, superuserReserved, reserved = 0, bound = Infinity }: ServerFacts): {
  available: number;
  free: number;
} {
  const free = maxConnections - superuserReserved - reserved;
  return { available: Math.min(free, bound), free };
}

function unnamedFinding(facts: ServerFacts): Finding {
  const found = `${connectionsOf(facts).available}; no resource of the policy stands for this database`;
  return { group, topic: "connections", state: "yes", found };
}

function connectionFindings(resource: PolicyResource, facts: ServerFacts, certain: boolean): Finding[] {
  const { limit, name } = resource;
  const seats = typeof limit === "number" ? limit : limit.max;
  const { maxConnections, bound } = facts;
  const { available, free } = connectionsOf(facts);
  const topic = `connections for ${name}`;
  if (seats <= available) {
    const processes = Math.floor(available / seats);
    const room = `room for ${processes} ${processes === 1 ? "process" : "processes"}`;
    return [{ group, topic, state: "yes", found: `it takes up to ${seats} of ${available}: ${room}` }];
  }
  const found = `it may take ${seats}, and the server gives ${available}`;
  const why =
    bound !== undefined && bound < free
      ? `this user, or this database, has a connection limit of ${bound}`
      : `max_connections ${maxConnections}, less ${maxConnections - free} reserved`;
  const fix = `limit: ${available} for ${name}, divided by the number of processes; or raise max_connections`;
  if (certain) return [{ group, topic, state: "problem", found, why, fix }];
  const which = `if it is this database: ${fix}; --resource ${name} says that it is`;
  return [{ group, topic, state: "partly", found, why, fix: which }];
}

function reserveFindings(policy: Policy, { name }: PolicyResource, facts: ServerFacts): Finding[] {
  if (facts.reserved === undefined) return [];
  const serverVersion = Number.parseInt(facts.version, 10);
  try {
    const { reservedConnections } = planServer(policy, {
      resource: name,
      prefix: "app",
      serverVersion,
      split: false,
    });
    const topic = `connections kept for lanes of ${name}`;
    const found = `reserved_connections is ${facts.reserved}, the policy's floors come to ${reservedConnections}`;
    if (facts.reserved >= reservedConnections) return [{ group, topic, state: "yes", found }];
    const why = "a process keeps its own floors; other programs can take all connections";
    return [
      { group, topic, state: "partly", found, why, fix: "laneway postgres | psql, then restart the server" },
    ];
  } catch (error) {
    // Reservations that no server could hold are told by `laneway postgres`.
    if (error instanceof PlanError || isLanewayError(error)) return [];
    throw error;
  }
}

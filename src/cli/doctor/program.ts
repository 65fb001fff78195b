/** The program in the current folder: its Node, its open files, copies of packages that must be there once. */

import { read } from "../../adapters/process/host.ts";
import { copiesOf } from "./copies.ts";
import type { Copy } from "./copies.ts";
import type { Finding } from "./finding.ts";
import type { DoctorHost } from "./host.ts";

const group = "Node";

/** The oldest that this package runs on. */
const NEEDED = [22, 19] as const;
/** The first that knows `using`. */
const USING_SINCE = 24;

/** All findings on Node, and on the program here. */
export function programFindings(host: DoctorHost): Finding[] {
  const copies = copiesOf(["pg", "prom-client", "@prometheus-io/client"], host.cwd);
  return [
    versionFinding(host),
    filesFinding(host),
    ...driverFindings(copies.filter(({ name }) => name === "pg")),
    ...metricsFindings(copies.filter(({ name }) => name !== "pg")),
  ];
}

function versionFinding({ node: { version } }: DoctorHost): Finding {
  const topic = "Node's version";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
    const why = `Laneway does not start below ${NEEDED.join(".")}`;
    return { group, topic, state: "no", found: version, why, fix: "install Node 24" };
  }
  if (major >= USING_SINCE) return { group, topic, state: "yes", found: version };
  const why = "it cannot read `using`: a permit is given back by release()";
  return { group, topic, state: "partly", found: version, why, fix: "install Node 24", minor: true };
}

/** The most files that a process started here may open; undefined when no bound is known. */
export function openFiles({ proc }: Pick<DoctorHost, "proc">): number | undefined {
  // Node raises the soft limit to the hard one when it starts.
  const found = /^Max open files\s+\S+\s+(\d+)/m.exec(read(`${proc}/self/limits`) ?? "");
  return found === null ? undefined : Number(found[1]);
}

function filesFinding(host: DoctorHost): Finding {
  const most = openFiles(host);
  const found = most === undefined ? "no bound is known" : `${most} at most`;
  return { group, topic: "open files", state: "yes", found };
}

function driverFindings(copies: readonly Copy[]): Finding[] {
  if (copies.length === 0) return [];
  const topic = "one copy of pg";
  const found = copiesWords(copies);
  if (copies.length === 1) return [{ group: "database", topic, state: "yes", found }];
  const why = "a pool made with one is no instanceof the other's Pool, by which Drizzle and Prisma know it";
  const fix = "npm dedupe; else one version under overrides in package.json";
  return [{ group: "database", topic, state: "partly", found, why, fix }];
}

function metricsFindings(copies: readonly Copy[]): Finding[] {
  if (copies.length === 0) return [];
  const topic = "one registry of metrics";
  const found = copiesWords(copies, true);
  if (copies.length === 1) return [{ group, topic, state: "yes", found }];
  const why = "each has a registry of its own, and a page of metrics shows one of them";
  const fix = "npm dedupe, or give all of them one registry";
  return [{ group, topic, state: "partly", found, why, fix }];
}

function copiesWords(copies: readonly Copy[], named = false): string {
  return copies
    .map(({ name, version, folder }) => `${named ? `${name} ` : ""}${version} in ${folder}`)
    .join(", ");
}

/**
 * `laneway doctor`: what this host can enforce and what not, with the reason and the fix.
 *
 *   doctor/processor  doctor/memory  doctor/disk  doctor/network  doctor/program  doctor/database
 *                        what the host can do, one file for each resource
 *   doctor/policy-checks what the policy asks of it
 *   doctor/lanes         what the lanes that run now are losing
 *   doctor/host          the port through which all of them look
 *   doctor/holders       what holds shares and limits; doctor/allowance what is left to this process
 *   doctor/queues        which queues the host has; doctor/copies which copies of a package a program meets
 *   doctor/show          the report
 */

import type { Policy } from "../policy/policy.ts";
import { databasesOf } from "./doctor/candidates.ts";
import type { Finding } from "./doctor/finding.ts";
import { thisHost } from "./doctor/host.ts";
import type { DoctorHost } from "./doctor/host.ts";
import { laneLosses } from "./doctor/lanes.ts";
import { diskFindings } from "./doctor/disk.ts";
import { memoryFindings } from "./doctor/memory.ts";
import { networkFindings } from "./doctor/network.ts";
import { policyFindings } from "./doctor/policy-checks.ts";
import { processorFindings } from "./doctor/processor.ts";
import { programFindings } from "./doctor/program.ts";
import { show } from "./doctor/show.ts";
import { data, talk } from "./output.ts";
import { policyFor } from "./run/policy.ts";

/** What the command line may say. */
export interface DoctorOptions {
  readonly policy?: string;
  readonly json?: boolean;
  readonly all?: boolean;
  /** `postgres://…`; without it `DATABASE_URL` counts. */
  readonly database?: string;
  /** The resource that stands for that database. */
  readonly resource?: string;
}

const IS_POSTGRES = /^postgres(?:ql)?:\/\//;

/**
 * Returns the exit code: 0; 1 when something is asked for that the host or the database cannot do; 2 for options that make
 * no sense; 4 when the policy is invalid.
 */
export async function doctorCommand(options: DoctorOptions = {}): Promise<number> {
  const policy = await policyFor("doctor", options.policy);
  if (typeof policy === "number") return policy;
  const wrong = objection(policy, options);
  if (wrong !== undefined) {
    talk(`laneway doctor: ${wrong}`);
    return 2;
  }
  const host = thisHost();
  const all = [
    ...hostFindings(host, policy),
    ...policyFindings(policy, host),
    ...(await databaseFindings(policy, host, options)),
  ];
  const lanes = laneLosses(host);
  const problems = all.filter(({ state }) => state === "problem");
  const found = all.filter(({ state }) => state !== "problem");
  if (options.json === true) {
    data(JSON.stringify({ file: policy.file ?? null, problems, host: found, lanes }, undefined, 2));
  } else {
    show({ findings: all, lanes, file: policy.file, all: options.all === true });
  }
  return problems.length === 0 ? 0 : 1;
}

/** What the host can do; where it is about marks, for those of the policy. */
export function hostFindings(host: DoctorHost, policy: Policy): Finding[] {
  return [
    ...processorFindings(host),
    ...memoryFindings(host),
    ...diskFindings(host),
    ...networkFindings(host, policy),
    ...programFindings(host),
  ];
}

function objection(policy: Policy, { database, resource }: DoctorOptions): string | undefined {
  // Not shown: it may hold a password.
  if (database !== undefined && !IS_POSTGRES.test(database))
    return "--database: expected postgres://user@host:port/name, found something else";
  if (resource === undefined || databasesOf(policy, resource).length > 0) return undefined;
  const known = Object.keys(policy.resources).join(", ") || "it has none";
  return `--resource: expected a resource of ${policy.file ?? "the default policy"} (${known}), found ${JSON.stringify(resource)}`;
}

async function databaseFindings(
  policy: Policy,
  host: DoctorHost,
  { database, resource }: DoctorOptions,
): Promise<Finding[]> {
  const url = database ?? process.env["DATABASE_URL"];
  const topic = "the server";
  if (url === undefined || url === "" || !IS_POSTGRES.test(url)) {
    const found =
      url === undefined || url === "" ? "none was named" : "DATABASE_URL is not that of a PostgreSQL";
    const fix = "laneway doctor --database postgres://…";
    return [{ group: "database", topic, state: "no", found, fix, minor: true }];
  }
  // Loaded here: it loads what plans servers.
  const { askServer, serverFindings } = await import("./doctor/database.ts");
  const asked = await askServer(url, host.cwd);
  const findings = serverFindings(policy, asked, resource);
  // Whoever names a server wants to know of it; a variable may be meant for somebody else.
  if (database === undefined || !("failed" in asked)) return findings;
  return findings.map((finding) => ({ ...finding, state: "problem" }));
}

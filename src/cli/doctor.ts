/** `laneway doctor`: what this host can enforce and what not, with the reason and the fix. */

import { HOST_FILES } from "../adapters/process/host.ts";
import { data, paint } from "./output.ts";
import { hostFindings } from "./doctor/host-checks.ts";
import type { Finding } from "./doctor/host-checks.ts";
import { policyFindings } from "./doctor/policy-checks.ts";
import { policyFor } from "./run/policy.ts";

/** What the command line may say. */
export interface DoctorOptions {
  readonly policy?: string;
  readonly json?: boolean;
}

const MARKS = { yes: "yes", partly: "partly", no: "no", problem: "PROBLEM" } as const;
const COLOURS = { yes: "green", partly: "yellow", no: "yellow", problem: "red" } as const;

/** Returns the exit code: 0, 1 when the policy asks for something that the host cannot do, 4 when it is invalid. */
export async function doctorCommand(options: DoctorOptions = {}): Promise<number> {
  const policy = await policyFor("doctor", options.policy);
  if (typeof policy === "number") return policy;
  const host = hostFindings(HOST_FILES);
  const problems = policyFindings(policy, HOST_FILES);
  const file = policy.file ?? null;
  if (options.json === true) data(JSON.stringify({ file, problems, host }, undefined, 2));
  else show(host, problems, policy.file);
  return problems.length === 0 ? 0 : 1;
}

function show(host: readonly Finding[], problems: readonly Finding[], file: string | undefined): void {
  data("What this host can enforce:");
  for (const finding of host) showFinding(finding);
  data("");
  if (problems.length === 0) {
    data(
      file === undefined ? "No policy here: nothing is asked for." : `${file} asks for nothing it cannot do.`,
    );
    return;
  }
  data(`What ${file ?? "the policy"} asks for in vain:`);
  for (const finding of problems) showFinding(finding);
}

function showFinding({ topic, state, found, fix }: Finding): void {
  data(`  ${paint(process.stdout, COLOURS[state], MARKS[state].padEnd(7))}  ${topic}: ${found}`);
  if (fix !== undefined) data(`           fix: ${fix}`);
}

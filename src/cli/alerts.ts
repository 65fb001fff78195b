/** `laneway alerts`: Prometheus rules that match a policy. */

import { withOwnRequests } from "../policy/policy.ts";
import { ruleFile } from "./alerts/rules.ts";
import type { RuleFile } from "./alerts/rules.ts";
import { data, talk } from "./output.ts";
import { policyFor } from "./run/policy.ts";

/** What the command line may say. */
export interface AlertsCommandOptions {
  readonly policy?: string;
  /** Only what Prometheus scrapes under this job name. */
  readonly scrapedAs?: string | undefined;
  readonly json?: boolean;
}

/** Returns the exit code: 0 printed, 1 when the file cannot be read, 4 when the policy is invalid. */
export async function alertsCommand(options: AlertsCommandOptions = {}): Promise<number> {
  const policy = await policyFor("alerts", options.policy);
  if (typeof policy === "number") return policy;
  const { file, enforce } = policy;
  if (file === undefined) talk("no laneway.yaml here and no --policy: these are the defaults");
  const rules = ruleFile(withOwnRequests(policy), { scrapedAs: options.scrapedAs });
  if (options.json === true) data(JSON.stringify(rules, undefined, 2));
  else process.stdout.write(await yamlOf(rules, file));
  if (!enforce)
    talk(`${file ?? "the policy"} has enforce: false; waits and refusals are what they would have been`);
  return 0;
}

async function yamlOf(rules: RuleFile, file: string | undefined): Promise<string> {
  const { stringify } = await import("yaml");
  const from = file === undefined ? "the default policy" : file.replace(/\p{Cc}/gu, "?");
  return `# Made by "laneway alerts" from ${from}; make it anew when that changes.\n${stringify(rules, { lineWidth: 0 })}`;
}

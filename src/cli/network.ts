/** `laneway network`: the lanes as a queue of the host and rules of its firewall, for packets that carry their marks. */

import type { Profile } from "../adapters/dscp/marks.ts";
import type { Policy } from "../policy/policy.ts";
import { planLink } from "./network/plan.ts";
import type { LinkPlan } from "./network/plan.ts";
import { applyScript, firewallRules, undoScript } from "./network/script.ts";
import type { Parts } from "./network/script.ts";
import { parseInterface, parseLinkRate, presentInterface, WordError } from "./network/words.ts";
import { data, talk } from "./output.ts";
import { policyFor } from "./run/policy.ts";

/** What the command line may say. */
export interface NetworkOptions {
  readonly interface?: string;
  readonly rate?: string;
  readonly policy?: string;
  readonly profile?: Profile;
  readonly only?: "queue" | "rules";
  readonly undo?: boolean;
  /** False: for another host, whose interfaces are not known here. */
  readonly check?: boolean;
  readonly json?: boolean;
}

/** Returns the exit code: 0 printed, 1 when the file cannot be read, 2 usage, 4 when the policy is invalid. */
export async function networkCommand(options: NetworkOptions = {}): Promise<number> {
  const policy = await policyFor("network", options.policy);
  if (typeof policy === "number") return policy;
  try {
    print(policy, options);
  } catch (error) {
    if (!(error instanceof WordError)) throw error;
    talk(`laneway network: ${error.message}`);
    return 2;
  }
  return 0;
}

/** All is checked before a byte is printed: a shell may be reading. */
function print(policy: Policy, options: NetworkOptions): void {
  const parts = partsOf(options);
  const linkBits = options.rate === undefined ? undefined : parseLinkRate(options.rate);
  if (parts.dev !== undefined && linkBits === undefined && options.undo !== true)
    throw new WordError("--only queue needs --rate: a queue orders nothing while the link is faster than it");
  const plan = planLink(policy, options.profile ?? policy.network?.profile ?? "safe", linkBits);
  const script = options.undo === true ? undoScript(parts) : applyScript(plan, parts);
  if (options.json === true) data(JSON.stringify(shown(plan, parts, script), undefined, 2));
  else process.stdout.write(script);
  if (options.undo === true) return;
  if (parts.dev === undefined)
    talk("no --interface and --rate: rules for the queues that are there, and no queue of the lanes' own");
  if (policy.network === undefined)
    talk(
      `${policy.file ?? "no policy here"}: without network: { profile: ${plan.profile} } nothing is marked`,
    );
}

/** A queue takes an interface and its rate; rules need neither. */
function partsOf(options: NetworkOptions): Parts {
  const { only, undo = false, check = true } = options;
  const given = options.interface === undefined ? undefined : parseInterface(options.interface);
  if (given === undefined && (only === "queue" || options.rate !== undefined))
    throw new WordError("--interface: expected the name of the interface, found none");
  const wantsQueue = only === "queue" || (only === undefined && given !== undefined);
  if (wantsQueue && !undo && options.rate === undefined && only === undefined)
    throw new WordError(
      "--rate: expected the rate of the link, such as 10mbit, found none; --only rules needs none",
    );
  const dev = given === undefined || !check ? given : presentInterface(given);
  return { dev: wantsQueue ? dev : undefined, rules: only !== "queue" };
}

function shown(plan: LinkPlan, { dev, rules }: Parts, script: string): object {
  const { file, profile, linkBits, classes } = plan;
  return {
    file: file ?? null,
    profile,
    interface: dev ?? null,
    linkBits: linkBits ?? null,
    classes: classes.map(({ rateBits, ...each }) => ({ ...each, rateBits: rateBits ?? null })),
    rules: rules ? firewallRules(plan) : null,
    script,
  };
}

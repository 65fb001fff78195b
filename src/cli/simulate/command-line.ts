/** What `laneway simulate` and `laneway advise` are given. */

import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

/** Makes `command` the one that replays a recording. */
export function simulateCommandLine(command: Command, ended: (exitCode: number) => void): void {
  command
    .argument("<policy>", "today's policy")
    .argument("<recordings...>", "what laneway gateway --record wrote")
    .option("--compare <file>", "the policy you think of, for the same arrivals")
    .option("--resource <name>", "only this one (default: all that were recorded)")
    .option("--as <old=new>", "a recorded lane that has another name now", laneAs)
    .option("--plot <file>", "draw a lane's waits over time (SVG)")
    .option("--lane <name>", "the lane to draw (default: the highest that misses)")
    .option("--seed <n>", "for the runs of tasks that never ran (default: 1)", seedNumber)
    .option("--json", "print the numbers as JSON")
    .addHelpText("after", "\nExample:\n  laneway simulate laneway.yaml monday.jsonl --compare proposed.yaml")
    .action(async (policy: string, recordings: string[], options) =>
      ended(await (await import("../simulate.ts")).simulateCommand(policy, recordings, options)),
    );
}

/** Makes `command` the one that looks for a better policy. */
export function adviseCommandLine(command: Command, ended: (exitCode: number) => void): void {
  command
    .argument("<policy>", "today's policy")
    .argument("<recordings...>", "what laneway gateway --record wrote")
    .option("--resource <name>", "only this one (default: all that were recorded)")
    .option("--as <old=new>", "a recorded lane that has another name now", laneAs)
    .option("--seed <n>", "for the runs of tasks that never ran (default: 1)", seedNumber)
    .option("--json", "print the advice as JSON")
    .addHelpText("after", "\nExample:\n  laneway advise laneway.yaml monday.jsonl | patch")
    .action(async (policy: string, recordings: string[], options) =>
      ended(await (await import("../advise.ts")).adviseCommand(policy, recordings, options)),
    );
}

function laneAs(text: string, before: readonly string[] = []): string[] {
  if (!/^[^=]+=[^=]+$/.test(text)) throw new InvalidArgumentError("Expected 'recorded=name'.");
  return [...before, text];
}

function seedNumber(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed > 0xff_ff_ff_ff)
    throw new InvalidArgumentError("Expected a whole number from 0 to 4294967295.");
  return seed;
}

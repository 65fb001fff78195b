/** What `laneway top` and `laneway override` are given. */

import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { parseDuration } from "../../policy/units.ts";

type Ended = (exitCode: number) => void;

/** The options by which a command finds an admin port, and shows that it may use it. */
export function adminOptions(command: Command): Command {
  return command
    .option("--admin <url>", "the admin port (default: the policy's, else 127.0.0.1:8081)")
    .option("--token-from <variable>", "where the admin token is (default: LANEWAY_ADMIN_TOKEN)");
}

/** Makes `command` the one that watches. */
export function topCommandLine(command: Command, ended: Ended): void {
  adminOptions(command)
    .option("--once", "print one table and end; so it is without a terminal")
    .option("--json", "print a line of JSON each second")
    .option("-p, --policy <file>", "the policy that names the admin port (default: laneway.yaml)")
    .addHelpText("after", "\nExample:\n  laneway top --admin http://127.0.0.1:3000/lanes")
    .action(async (options) => ended(await (await import("../top.ts")).topCommand(options)));
}

/** Makes `command` the one that changes something for a time. */
export function overrideCommandLine(command: Command, ended: Ended): void {
  adminOptions(command.argument("[resource]", "the resource to change"))
    .option("--lane <name>", "the lane, for a reservation or a state")
    .option("--limit <seats>", "the resource's limit", wholeNumber)
    .option("--reservation <seats>", "what the lane is guaranteed: 4, or 40%", seatsOrPercent)
    .addOption(
      new Option("--state <state>", "paused: newcomers queue; draining: they are refused").choices([
        "open",
        "paused",
        "draining",
      ]),
    )
    .option("--for <duration>", "1m to 24h, then it ends by itself (default: 10m)", duration)
    .option("--note <text>", "why, for whoever reads it later")
    .option("--end <id>", "end one before its time")
    .option("--list", "those in force")
    .option("--json", "print the answer as JSON")
    .option("-p, --policy <file>", "the policy that names the admin port (default: laneway.yaml)")
    .addHelpText("after", "\nExample:\n  laneway override main-db --lane bulk --state paused --for 10m")
    .action(async (resource: string | undefined, options) =>
      ended(await (await import("../override.ts")).overrideCommand(resource, options)),
    );
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError("Expected a whole number from 1 to 1000000.");
  return value;
}

function seatsOrPercent(text: string): number | string {
  if (/^\d+(\.\d+)?%$/.test(text)) return text;
  if (!/^\d+$/.test(text))
    throw new InvalidArgumentError("Expected seats, such as 4, or a part, such as 40%.");
  return Number(text);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 60_000 || ms > 86_400_000)
    throw new InvalidArgumentError("Expected a duration from 1m to 24h.");
  return ms;
}

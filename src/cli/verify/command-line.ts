/** What `laneway verify` is given. */

import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { parseDuration, parseRate } from "../../policy/units.ts";

/** Makes `command` the one that overloads a service. */
export function verifyCommandLine(command: Command, ended: (exitCode: number) => void): void {
  command
    .argument("[url]", "the service: http://127.0.0.1:3000, with the path to ask for")
    .option("--scenario <name|file>", "a ready-made one, or a YAML file (default: spike)")
    .option("--compare <url>", "the same load on this one too: the service without lanes")
    .option("--rate <n>", "calls a second that the service can do (default: found out)", rate)
    .option("--duration <time>", "of all phases together, 1s to 10m (default: 30s)", duration)
    .option("-p, --policy <file>", "the service's: its lanes, shares and objectives")
    .option("--out <folder>", "where the report goes (default: laneway-verify)")
    .option("--seed <n>", "the same seed gives the same calls (default: 1)", seed)
    .option("--workers <n>", "threads that send, 1 to 64 (default: by the rate)", workers)
    .option("--json", "print the report as JSON")
    .option("--print-scenario", "print the scenario as a file, to change and keep")
    .option("--i-own-this-host", "send load to another machine than this")
    .addHelpText(
      "after",
      "\nReady-made: spike, steady, ramp, noisy-neighbour, slow-upstream, retry-storm" +
        "\n\nExample:\n  laneway verify http://127.0.0.1:3000/api/items --scenario spike",
    )
    .action(async (url: string | undefined, options) =>
      ended(await (await import("../verify.ts")).verifyCommand(url, options)),
    );
}

function rate(text: string): number {
  const perSecond = /^\d+(\.\d+)?$/.test(text) ? Number(text) : (parseRate(text) ?? 0) / 60;
  if (!(perSecond >= 1 && perSecond <= 200_000))
    throw new InvalidArgumentError("Expected calls a second from 1 to 200000, such as 400 or 400/s.");
  return perSecond;
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1_000 || ms > 600_000)
    throw new InvalidArgumentError("Expected a duration from 1s to 10m, such as 30s.");
  return ms;
}

function seed(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 1_000_000)
    throw new InvalidArgumentError("Expected a whole number from 0 to 1000000.");
  return value;
}

function workers(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 64)
    throw new InvalidArgumentError("Expected a whole number from 1 to 64.");
  return value;
}

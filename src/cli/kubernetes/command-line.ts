/** What `laneway kubernetes` and its `patch` may be asked: their options, with the checks that need no policy. */

import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { PatchCommandOptions } from "./patch-command.ts";

/** The parts that can be rendered, said here so that the help needs no code of theirs. */
const PARTS = ["priorityclass", "quota", "pdb", "limitrange", "kueue", "hpa", "keda"] as const;

/** Options of both commands. */
const SHARED: ReadonlySet<string> = new Set(["policy", "classPrefix", "classSuffix"]);

const AFTER = `
A manifest in a lane, with its comments kept:
  laneway kubernetes patch <file> --lane <name>
  with --diff to see the change, --write to make it, --force to replace what is there

Examples:
  laneway kubernetes --capacity cpu=40,memory=160Gi | kubectl apply -n shop -f -
  laneway kubernetes patch deployment.yaml --lane critical | kubectl apply -f -`;

/** Gives the command its options, and `patch` below it. */
export function kubernetesCommandLine(command: Command, ended: (exitCode: number) => void): void {
  command
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("-n, --namespace <name>", "of all but the classes (default: none, for kubectl -n)")
    .option("--kube-version <version>", "the version of the server (default: 1.36)")
    .option("--only <parts>", `of ${PARTS.join(", ")} (default: the first three)`, listOfParts)
    .addOption(new Option("--with <parts>", "these too").argParser(listOfParts).conflicts("only"))
    .option("--capacity <amounts>", "what the namespace has: cpu=40,memory=160Gi,pods=200", amounts)
    .option("--deny <lanes>", "lanes that the namespace may not use", list)
    .option("--class-prefix <name>", "classes are called <name>-<lane> (default: lane)")
    .option("--class-suffix <text>", "and end so (default: what differs from the defaults)")
    .option("--global-default", "pods without a class are of the default lane, everywhere")
    .option("--scale-target <kind/name>", "what hpa or keda scale: deployment/gateway")
    .option("--replicas <min-max>", "between how many (default: 2-10)", range)
    .option("--waiting <n>", "how many may wait for each replica (default: 10)", wholeNumber)
    .option("--prometheus <url>", "whom keda asks")
    .option("--out <folder>", "write a kustomize base instead")
    .addOption(new Option("--json", "print one List as JSON").conflicts("out"))
    .addHelpText("after", AFTER)
    .action(async (options) => ended(await (await import("../kubernetes.ts")).kubernetesCommand(options)));

  command
    .command("patch")
    .description("put the pods of a manifest file in a lane")
    .argument("<file>", "a Deployment, CronJob, …, or - for stdin")
    .requiredOption("--lane <name>", "the lane")
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--class-prefix <name>", "as for laneway kubernetes")
    .option("--class-suffix <text>", "as for laneway kubernetes")
    .option("--force", "replace requests, limits and system classes that it has")
    .option("--diff", "print what would change instead")
    .addOption(new Option("--write", "change the file in place").conflicts("diff"))
    .showHelpAfterError("(laneway kubernetes patch --help lists its options)")
    .action(async (file: string, _options, patch: Command) => {
      // What both have is read by the first that knows it, and that may be the command above.
      const wrong = Object.keys(command.opts()).find((name) => !SHARED.has(name));
      const option = command.options.find((each) => each.attributeName() === wrong);
      if (option !== undefined) patch.error(`error: ${option.long} is nothing that patch takes`);
      const options: PatchCommandOptions = patch.optsWithGlobals();
      ended(await (await import("./patch-command.ts")).patchCommand(file, options));
    });
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);
}

function listOfParts(text: string): string[] {
  const words = list(text);
  const unknown = words.find((word) => !(PARTS as readonly string[]).includes(word));
  if (words.length === 0 || unknown !== undefined)
    throw new InvalidArgumentError(`Expected some of ${PARTS.join(", ")}, with commas between.`);
  return words;
}

function amounts(text: string): Record<string, string> {
  const pairs = list(text).map((word) => word.split("=", 2));
  const isKnown = ([name, value]: readonly string[]): boolean =>
    ["cpu", "memory", "pods"].includes(name ?? "") && value !== undefined && value !== "";
  if (pairs.length === 0 || !pairs.every(isKnown) || new Set(pairs.map(([name]) => name)).size < pairs.length)
    throw new InvalidArgumentError("Expected amounts such as cpu=40,memory=160Gi,pods=200.");
  return Object.fromEntries(pairs) as Record<string, string>;
}

function range(text: string): { min: number; max: number } {
  const found = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const [min, max] = [Number(found?.[1]), Number(found?.[2])];
  if (found === null || min < 1 || max < min)
    throw new InvalidArgumentError("Expected two whole numbers such as 2-10.");
  return { min, max };
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text))
    throw new InvalidArgumentError("Expected a whole number from 1 to 99999.");
  return Number(text);
}

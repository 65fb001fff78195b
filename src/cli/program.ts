/** The tree of commands. Each command's own file is loaded when it is called: `--help` needs none of them. */

import { isIP } from "node:net";
import { Command, CommanderError, Help, InvalidArgumentError, Option } from "commander";
import type { HelpConfiguration } from "commander";
import type { RunOptions } from "./run.ts";
import { kubernetesCommandLine } from "./kubernetes/command-line.ts";
import { adminOptions, overrideCommandLine, topCommandLine } from "./live/command-line.ts";
import { adviseCommandLine, simulateCommandLine } from "./simulate/command-line.ts";
import { RUN_OPTIONS } from "./run/words.ts";
import { verifyCommandLine } from "./verify/command-line.ts";

/** Exit code of a command line that makes no sense. */
const USAGE = 2;

/** Parses `args` (without node and the script) and runs the command. Returns the exit code. */
export async function runProgram(args: readonly string[], version: string): Promise<number> {
  let exitCode = 0;
  const program = programOf(version, (code) => (exitCode = code));
  if (args.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has already written its message; help and --version also end this way, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    throw error;
  }
}

function programOf(version: string, ended: (exitCode: number) => void): Command {
  const program = new Command("laneway")
    .description("Priority lanes for everything a service shares.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .option("--no-color", "no colour, as with NO_COLOR=1")
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 80, 100), ...SHORT })
    .showHelpAfterError("(laneway --help lists the commands and options)")
    .exitOverride()
    .hook("preAction", (root) => {
      if (root.opts()["color"] !== false) return;
      process.env["NO_COLOR"] = "1";
      // Node lets it win over NO_COLOR; what was typed wins over both.
      delete process.env["FORCE_COLOR"];
    });
  const command = (name: string, description: string): Command => {
    const made = program.command(name).description(description);
    return made.showHelpAfterError(`(laneway ${made.name()} --help lists its options)`);
  };

  command("demo", "watch chat stay fast while a batch floods its AI")
    .option("--seconds <n>", "how long the load lasts (default: 30)", positiveNumber)
    .option("--out <folder>", "where the picture and the policies go (default: laneway-demo)")
    .option("--seed <n>", "the same seed gives the same load", positiveNumber)
    .option("--json", "print the verdict as JSON")
    .action(async (options) => ended(await (await import("./demo.ts")).demoCommand(options)));

  command("gateway", "the proxy in front of your service or AI provider")
    .option("-p, --policy <file>", "the policy (default: the five lanes)")
    .option("--upstream <url>", "forward to this URL; needs no policy")
    .addOption(
      new Option("--provider <name>", "what the upstream speaks (default: by its host)").choices([
        "http",
        "anthropic",
        "openai",
      ]),
    )
    .option("--listen <host:port>", "where to take requests (default: 127.0.0.1:8080)")
    .option("--admin <host:port>", "the admin port (default: 127.0.0.1:8081)")
    .option("--record <file>", "write down what comes, for laneway simulate and advise")
    .action(async (options) => ended(await (await import("./gateway.ts")).gatewayCommand(options)));

  topCommandLine(command("top", "the lanes of what runs, live"), ended);
  overrideCommandLine(command("override", "change a limit or a lane of what runs, for a time"), ended);

  check(command("check", "what is wrong with a policy, or what it comes to"), ended);
  explain(command("explain", "a request's lane, its rule, and what awaits it"), ended);
  defineRun(command("run", "any program at its lane's share of the machine"), async (words, options) => {
    ended(await (await import("./run.ts")).runCommand(words, options));
  });
  doctor(command("doctor", "what this host can enforce, and what to change"), ended);
  postgres(command("postgres", "SQL that holds the lanes across processes"), ended);
  network(command("network", "a host's queue and firewall rules for marked packets"), ended);
  alerts(command("alerts", "Prometheus rules that match a policy"), ended);

  kubernetesCommandLine(command("kubernetes", "manifests that hold the lanes in a cluster"), ended);
  simulateCommandLine(command("simulate", "what a policy would have done with what was recorded"), ended);
  adviseCommandLine(command("advise", "the smallest policy change that meets the objectives"), ended);
  verifyCommandLine(command("verify", "overload a service, and judge each of its lanes"), ended);

  return program;
}

function check(command: Command, ended: (exitCode: number) => void): void {
  command
    .argument("[file]", "the policy (default: laneway.yaml)")
    .option("--json", "print the result as JSON")
    .addOption(
      new Option("--format <format>", "github: annotations for a workflow").choices(["text", "github"]),
    )
    .action(async (file: string | undefined, options) =>
      ended(await (await import("./check.ts")).checkCommand(file, options)),
    );
}

function postgres(command: Command, ended: (exitCode: number) => void): void {
  command
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--resource <name>", "the database's resource (default: the only one without an upstream)")
    .option("--max-connections <n>", "what all processes share (default: the resource's limit)", wholeNumber)
    .option("--prefix <name>", "roles and aliases are called <name>_<lane> (default: app)")
    .option("--member-of <role>", "give the roles the rights of this one")
    .option("--server-version <n>", "the server's major version (default: 16 or newer)", wholeNumber)
    .option("--split", "limits that add up: no lane lends connections")
    .addOption(new Option("--undo", "print the SQL that takes it back").conflicts("pgbouncer"))
    .option("--pgbouncer", "print aliases for pgbouncer instead")
    .option("--database <url>", "where pgbouncer connects to (default: postgres://127.0.0.1:5432/postgres)")
    .option("--json", "print the numbers, and the text, as JSON")
    .addHelpText("after", "\nExample:\n  laneway postgres --policy laneway.yaml | psql -v ON_ERROR_STOP=1")
    .action(async (options) => ended(await (await import("./postgres.ts")).postgresCommand(options)));
}

function network(command: Command, ended: (exitCode: number) => void): void {
  command
    .option("-i, --interface <name>", "the interface whose link is shared")
    .option("--rate <rate>", "what the link carries: 10mbit, a little below the truth")
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .addOption(
      new Option("--profile <name>", "which marks (default: the policy's, else safe)").choices([
        "safe",
        "rfc4594",
      ]),
    )
    .addOption(new Option("--only <part>", "one part of it").choices(["queue", "rules"]))
    .option("--undo", "print the script that takes it back")
    .option("--no-check", "it is for another host: do not look for the interface here")
    .option("--json", "print the numbers, and the script, as JSON")
    .addHelpText("after", "\nExample:\n  laneway network --interface eth0 --rate 95mbit | sudo sh")
    .action(async (options) => ended(await (await import("./network.ts")).networkCommand(options)));
}

function alerts(command: Command, ended: (exitCode: number) => void): void {
  command
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--job <name>", "only what Prometheus scrapes under this job name")
    .option("--json", "print the rules as JSON")
    .addHelpText("after", "\nExample:\n  laneway alerts | promtool check rules /dev/stdin")
    .action(async ({ job, ...options }) =>
      ended(await (await import("./alerts.ts")).alertsCommand({ ...options, scrapedAs: job })),
    );
}

function explain(command: Command, ended: (exitCode: number) => void): void {
  command
    .argument("<method>", "GET, POST, …", methodName)
    .argument("<path>", "/api/export/all", requestPath)
    .option("-H, --header <name: value>", "a header, as often as needed", headerLine)
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--model <name>", "the model that an AI call names")
    .option("--from <address>", "the client's address", ipAddress)
    .option("--json", "print the answer as JSON")
    .option("--live", "ask what runs where the request would stand now")
    .addHelpText("after", "\nExample:\n  laneway explain GET /api/export/all -H 'x-priority: critical'")
    .action(async (method: string, path: string, options) =>
      ended(await (await import("./explain.ts")).explainCommand(method, path, options)),
    );
  adminOptions(command);
}

/** Makes `command` read what `laneway run` is given; exported for the test that the quicker reader agrees with it. */
export function defineRun(
  command: Command,
  act: (words: readonly string[], options: RunOptions) => Promise<void>,
): Command {
  command.argument("<command...>", "the program and its arguments, after --");
  for (const { name, short, value, says } of RUN_OPTIONS) {
    const long = value === undefined ? `--${name}` : `--${name} <${value}>`;
    command.option(short === undefined ? long : `-${short}, ${long}`, says);
  }
  return command
    .addHelpText("after", "\nExample:\n  laneway run --lane bulk -- npm run export")
    .action(async (words: string[], options: RunOptions) => await act(words, options));
}

function doctor(command: Command, ended: (exitCode: number) => void): void {
  command
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--all", "all findings, also what is well")
    .option("--database <url>", "ask this PostgreSQL (default: DATABASE_URL)")
    .option("--resource <name>", "its resource (default: the only one without an upstream)")
    .option("--json", "print the findings as JSON")
    .action(async (options) => ended(await (await import("./doctor.ts")).doctorCommand(options)));
}

/** Options of all commands that a screen has no line for: `laneway --help` was just typed, and NO_COLOR is known. */
const UNSAID: ReadonlySet<string> = new Set(["--help", "--no-color"]);

/** The list of commands fits a screen of 24 lines: names alone, and nothing that goes without saying. */
const SHORT: HelpConfiguration = {
  subcommandTerm: (command) => command.name(),
  visibleCommands: ({ commands }) => [...commands],
  visibleOptions(command) {
    const visible = new Help().visibleOptions(command);
    return command.parent === null ? visible.filter(({ long }) => !UNSAID.has(long ?? "")) : visible;
  },
};

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || text.trim() === "")
    throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError("Expected a whole number from 1 to 1000000.");
  return value;
}

function methodName(text: string): string {
  if (!/^[A-Za-z]+$/.test(text)) throw new InvalidArgumentError("Expected an HTTP method such as GET.");
  return text;
}

function requestPath(text: string): string {
  if (!text.startsWith("/") && !/^https?:\/\//.test(text))
    throw new InvalidArgumentError("Expected a path that begins with /.");
  return text;
}

function headerLine(text: string, before: readonly string[] = []): string[] {
  if (!/^[^:\s]+\s*:/.test(text)) throw new InvalidArgumentError("Expected 'name: value'.");
  return [...before, text];
}

function ipAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError("Expected an IPv4 or IPv6 address.");
  return text;
}

/** The tree of commands. Each command's own file is loaded when it is called: `--help` needs none of them. */

import { isIP } from "node:net";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

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
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 80, 100), subcommandTerm })
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
    .action(async (options) => ended(await (await import("./gateway.ts")).gatewayCommand(options)));

  command("check", "what is wrong with a policy, or what it comes to")
    .argument("[file]", "the policy (default: laneway.yaml)")
    .option("--json", "print the result as JSON")
    .addOption(
      new Option("--format <format>", "github: annotations for a workflow").choices(["text", "github"]),
    )
    .action(async (file: string | undefined, options) =>
      ended(await (await import("./check.ts")).checkCommand(file, options)),
    );

  explain(command("explain", "a request's lane, its rule, and what awaits it"), ended);
  run(command("run", "any program at its lane's share of the machine"), ended);
  doctor(command("doctor", "what this host can enforce, and what to change"), ended);
  postgres(command("postgres", "SQL that holds the lanes across processes"), ended);

  return program;
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

function explain(command: Command, ended: (exitCode: number) => void): void {
  command
    .argument("<method>", "GET, POST, …", methodName)
    .argument("<path>", "/api/export/all", requestPath)
    .option("-H, --header <name: value>", "a header, as often as needed", headerLine)
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--model <name>", "the model that an AI call names")
    .option("--from <address>", "the client's address", ipAddress)
    .option("--json", "print the answer as JSON")
    .addHelpText("after", "\nExample:\n  laneway explain GET /api/export/all -H 'x-priority: critical'")
    .action(async (method: string, path: string, options) =>
      ended(await (await import("./explain.ts")).explainCommand(method, path, options)),
    );
}

function run(command: Command, ended: (exitCode: number) => void): void {
  command
    .argument("<command...>", "the program and its arguments, after --")
    .option("--lane <name>", "the lane (default: LANEWAY_LANE, else the policy's default lane)")
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--explain", "say on stderr what was applied, what not, and why")
    .option("--json", "say it as JSON")
    .option("--strict", "do not start when anything could not be applied")
    .option("--raise", "rise where the lane is above what this shell has")
    .option("--wait <resource>", "first wait for a seat that all commands of this machine share")
    .option("--wait-timeout <duration>", "wait no longer than this: exit 75 (default: for ever)")
    .addHelpText("after", "\nExample:\n  laneway run --lane bulk -- npm run export")
    .action(async (words: string[], options) =>
      ended(await (await import("./run.ts")).runCommand(words, options)),
    );
}

function doctor(command: Command, ended: (exitCode: number) => void): void {
  command
    .option("-p, --policy <file>", "the policy (default: laneway.yaml, else the defaults)")
    .option("--json", "print the findings as JSON")
    .action(async (options) => ended(await (await import("./doctor.ts")).doctorCommand(options)));
}

/** `check [file]`, without the `[options]` that every command has. */
function subcommandTerm(command: Command): string {
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [command.name(), ...words].join(" ");
}

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

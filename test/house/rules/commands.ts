import { readText } from "../source.ts";
import { commandsOf, examplePages, examplesOf } from "../examples.ts";

/** The help of the command line tool, or of one of its commands; undefined when there is no such command. */
export type Help = (command: string | undefined) => string | undefined;

// What npm itself brings.
const NPM_COMMANDS = new Set(["ci", "install", "i", "pack", "exec", "run", "version", "publish", "view"]);

/** Commands in shell blocks that nobody could run: no such script, file, command or option. */
export function commandsThatDoNotExist(root: string, help: Help): string[] {
  const manifest = JSON.parse(readText(root, "package.json") ?? "{}") as { scripts?: Record<string, string> };
  const scripts = new Set(Object.keys(manifest.scripts ?? {}));
  return examplePages(root).flatMap((page) =>
    examplesOf(root, page)
      .filter(({ language }) => language === "sh")
      .flatMap((example) =>
        commandsOf(example).flatMap((words) => {
          const fault = faultOf(root, words, scripts, help);
          return fault === undefined ? [] : [`${page}:${example.line}: ${words.join(" ")}: ${fault}`];
        }),
      ),
  );
}

function faultOf(
  root: string,
  words: readonly string[],
  scripts: ReadonlySet<string>,
  help: Help,
): string | undefined {
  const [program, ...rest] = words[0] === "npx" ? words.slice(1) : words;
  if (program === "npm") return npmFault(rest, scripts);
  if (program === "laneway") return lanewayFault(rest, help);
  const script = program === "node" ? rest.find((word) => !word.startsWith("-")) : undefined;
  const isPath = script !== undefined && /\.[cm]?[jt]s$/.test(script) && script.includes("/");
  return isPath && readText(root, script) === undefined ? `there is no file ${script}` : undefined;
}

function npmFault(
  [command = "", script = ""]: readonly string[],
  scripts: ReadonlySet<string>,
): string | undefined {
  const name = command === "run" ? script : command;
  return NPM_COMMANDS.has(name) || scripts.has(name) ? undefined : `package.json has no script "${name}"`;
}

function lanewayFault(words: readonly string[], help: Help): string | undefined {
  const command = words[0]?.startsWith("-") === false ? words[0] : undefined;
  const page = help(command);
  if (page === undefined) return `laneway has no command "${command}"`;
  // What follows `--` belongs to the program that the command starts.
  const own = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  const options = own.filter((word) => word.startsWith("--")).map((word) => word.split("=", 1)[0] ?? "");
  const unknown = options.find(
    (option) => !new RegExp(`(^|[\\s,])${option}\\b`, "m").test(page) && option !== "--help",
  );
  return unknown === undefined ? undefined : `laneway ${command ?? ""} has no option ${unknown}`;
}

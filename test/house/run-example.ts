/** Runs one example as its reader would, in a folder of its page under `.tsbuild`, where `laneway` is this package. */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { Example } from "./examples.ts";
import { ROOT } from "./source.ts";

const MAIN = join(ROOT, "dist/cli/main.js");
const RESOLVER = new URL("sdk-resolve.ts", import.meta.url).href;
const RUN_MS_MAX = 60_000;

/** Where readers of the pages have their gateway; the tests put the port of a real one there. */
const GATEWAY_OF_PAGES = /http:\/\/(127\.0\.0\.1|localhost):8080/g;

/** Where readers of the pages have their services; the tests let the system choose. */
const PORT_OF_PAGES = /\b300[01]\b/g;

/** How an example ended. */
export interface Ending {
  readonly code: number | null;
  readonly output: string;
}

/** A fresh folder for the examples of a page: they share it, as they share the reader's. */
export function pageFolder(page: string): string {
  const folder = join(ROOT, ".tsbuild/examples", page.replaceAll("/", "-").replace(/\.md$/, ""));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The whole program behind a block: what it continues, what the page does not show, and the block. */
export function programOf(example: Example, continued: string): string {
  return [continued, example.before, example.code].filter(Boolean).join("\n");
}

/** Writes a program beside its page's others and returns its path. */
export function writeProgram(folder: string, example: Example, program: string): string {
  const file = join(folder, `line-${example.line}.ts`);
  writeFileSync(file, program);
  return file;
}

/** Runs a program with Node; with the URL of a gateway, the page's own is replaced by it. */
export function runProgram(
  folder: string,
  example: Example,
  program: string,
  gatewayUrl?: string,
): Promise<Ending> {
  const text = gatewayUrl === undefined ? program : program.replaceAll(GATEWAY_OF_PAGES, gatewayUrl);
  return runFile(writeProgram(folder, example, text), gatewayUrl);
}

/** Runs a program that serves, and visits it: `/pay:critical,/export:bulk` are paths and the lanes they must be in. */
export function runServer(
  folder: string,
  example: Example,
  program: string,
  visits: string,
): Promise<Ending> {
  const file = writeProgram(folder, example, program.replaceAll(PORT_OF_PAGES, "0"));
  const visitor = new URL("visit-server.ts", import.meta.url).href;
  return start(process.execPath, ["--import", RESOLVER, "--import", visitor, file], folder, {
    LANEWAY_VISITS: visits,
  });
}

/**
 * Runs a file where it stands, with the SDKs and frameworks of the tests; with the URL of a gateway it finds that, and a
 * key for it.
 */
export function runFile(file: string, gatewayUrl?: string): Promise<Ending> {
  const keys = { ANTHROPIC_API_KEY: "example", OPENAI_API_KEY: "example", LANEWAY_URL: gatewayUrl };
  const variables = gatewayUrl === undefined ? {} : keys;
  return start(process.execPath, ["--import", RESOLVER, file], dirname(file), variables);
}

/** Checks a policy as a reader would, with a value for each variable that it names. */
export function checkPolicy(folder: string, example: Example): Promise<Ending> {
  const file = join(folder, example.marks.get("file") || "laneway.yaml");
  writeFileSync(file, example.code);
  return checkFile(file);
}

/** Checks a policy file where it stands. */
export function checkFile(file: string): Promise<Ending> {
  const named = readFileSync(file, "utf8").matchAll(/\$\{([A-Z_]+)/g);
  // Each its own: a policy refuses a key that it lists twice.
  const variables = [...named].map(([, name = ""]) => [name, `example-${name.toLowerCase()}`]);
  return start(process.execPath, [MAIN, "check", file], dirname(file), Object.fromEntries(variables));
}

/** Runs a shell block with `laneway` and `npx laneway` on the path. */
export function runScript(folder: string, example: Example): Promise<Ending> {
  const bin = join(folder, ".bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "laneway"), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(join(bin, "npx"), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const path = `${bin}${delimiter}${process.env["PATH"] ?? ""}`;
  const script = example.code.replaceAll(/^\$ /gm, "");
  return start("bash", ["-e", "-o", "pipefail", "-c", script], folder, { PATH: path });
}

/** What `laneway` or one of its commands prints as help. */
export async function helpOf(command: string | undefined): Promise<string | undefined> {
  const { code, output } = await start(
    process.execPath,
    [MAIN, ...(command === undefined ? [] : [command]), "--help"],
    ROOT,
    {},
  );
  return code === 0 ? output : undefined;
}

function start(
  program: string,
  args: readonly string[],
  cwd: string,
  variables: NodeJS.ProcessEnv,
): Promise<Ending> {
  const child = spawn(program, args, {
    cwd,
    // Neither the runner's own reporting nor its coverage is the example's business.
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      NODE_V8_COVERAGE: undefined,
      NO_COLOR: "1",
      ...variables,
    },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: RUN_MS_MAX,
    killSignal: "SIGKILL",
  });
  let output = "";
  const take = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (signal !== null) output += `\nended by ${signal} after at most ${RUN_MS_MAX / 1_000} s\n`;
      resolve({ code, output });
    });
  });
}

/** Runs an example with the clients of databases that the tests have. */

import { spawn } from "node:child_process";
import { once } from "node:events";

const RESOLVER = new URL("of-databases.ts", import.meta.url).href;
const RUN_MS_MAX = 60_000;

/** Runs a file to its end with these variables; its output is what it wrote to both streams. */
export async function runWithDrivers(
  file: string,
  variables: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ["--import", RESOLVER, file], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_V8_COVERAGE: undefined, ...variables },
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
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

/** Programs of others that a test starts: a port for them, their first words, and their end. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

const HOST = "127.0.0.1";

/**
 * A port that nobody listens on, for programs that cannot be asked which one they chose. Somebody else may take it before
 * the program does: who starts one tries again.
 */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a program and kills it after the test. Returns what it wrote until it said `word`, or had ended. */
export async function startProgram(
  t: TestContext,
  [program, ...args]: readonly [string, ...string[]],
  word: string,
): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => killed(child));
  let said = "";
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    for (const output of [child.stdout, child.stderr])
      output.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.includes(word)) resolve(said);
      });
    child.once("close", () => resolve(said));
  });
}

/** Ends a program that may have ended already. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

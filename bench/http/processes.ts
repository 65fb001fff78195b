/** The processes of the servers' benchmark: each server alone on one core, what loads it on another. */

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { AskResult, AskRun } from "./ask.ts";

const canPin = spawnSync("sh", ["-c", "command -v taskset"]).status === 0;
const SERVER_CORE = 0;
const LOAD_CORE = 1;

/** A server with a load generator of its own. */
export class Measured {
  readonly name: string;
  readonly #server: ChildProcess;
  readonly #load: ChildProcess;

  private constructor(name: string, server: ChildProcess, load: ChildProcess) {
    this.name = name;
    this.#server = server;
    this.#load = load;
  }

  /** Starts the application of one framework, with what is to stand in front of it. */
  static async start(framework: string, front: string): Promise<Measured> {
    const server = await start("server.ts", SERVER_CORE, [framework, front]);
    const load = await start("ask.ts", LOAD_CORE, [String(server.port)]);
    return new Measured(`${framework} ${front}`, server.child, load.child);
  }

  /** One run; the CPU time of the server's process alone, in microseconds a request. */
  async run(run: AskRun): Promise<number> {
    const before = await ask<{ cpuMicros: number }>(this.#server, {});
    const result = await ask<AskResult>(this.#load, run);
    const after = await ask<{ cpuMicros: number }>(this.#server, {});
    if (result.failed > 0 || result.replies < run.requests)
      throw new Error(`${this.name}: ${result.failed} of ${run.requests} requests failed`);
    return (after.cpuMicros - before.cpuMicros) / result.replies;
  }

  stop(): void {
    this.#load.disconnect();
    this.#server.disconnect();
  }
}

/** Starts a script of this folder on one core; resolves when it listens. */
async function start(
  script: string,
  core: number,
  args: readonly string[],
): Promise<{ child: ChildProcess; port: number }> {
  const node = [process.execPath, fileURLToPath(new URL(script, import.meta.url)), ...args];
  const command = canPin ? ["taskset", "-c", String(core), ...node] : node;
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const message = await Promise.race([
    once(child, "message").then(([ready]) => ready as { port: number }),
    once(child, "exit").then(() => undefined),
  ]);
  if (message === undefined)
    throw new Error(`bench/http/${script} ${args.join(" ")} ended before it listened`);
  return { child, port: message.port };
}

async function ask<Answer>(child: ChildProcess, message: object): Promise<Answer> {
  child.send(message);
  return ((await once(child, "message")) as [Answer])[0];
}

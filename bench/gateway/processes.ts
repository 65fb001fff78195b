/** The processes of the gateway's benchmark: each proxy alone on one core, everything that loads it on another. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { LoadResult, LoadRun } from "./load.ts";

const canPin = spawnSync("sh", ["-c", "command -v taskset"]).status === 0;

/** The proxy under measurement has core 0 for itself, as far as other programs let it. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

/** Starts a script of this folder on one core; resolves when it listens. */
export async function start(
  script: string,
  core: number,
  args: readonly string[],
  execArgv: readonly string[] = [],
): Promise<{ child: ChildProcess; port: number }> {
  const node = [process.execPath, ...execArgv, fileURLToPath(new URL(script, import.meta.url)), ...args];
  const command = canPin ? ["taskset", "-c", String(core), ...node] : node;
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const message = await Promise.race([
    once(child, "message").then(([ready]) => ready as { port: number }),
    once(child, "exit").then(() => undefined),
  ]);
  if (message === undefined) throw new Error(`bench/gateway/${script} ended before it listened`);
  return { child, port: message.port };
}

async function ask<Answer>(child: ChildProcess, message: object): Promise<Answer> {
  child.send(message);
  return ((await once(child, "message")) as [Answer])[0];
}

/** A proxy with a load generator of its own. */
export class Measured {
  readonly name: string;
  private readonly proxy: ChildProcess;
  private readonly load: ChildProcess;

  private constructor(name: string, proxy: ChildProcess, load: ChildProcess) {
    this.name = name;
    this.proxy = proxy;
    this.load = load;
  }

  /** Starts `script` in front of the upstream on `upstreamPort`. */
  static async start(
    name: string,
    script: string,
    upstreamPort: number,
    execArgv: readonly string[] = [],
  ): Promise<Measured> {
    const proxy = await start(script, PROXY_CORE, [`http://127.0.0.1:${upstreamPort}`], execArgv);
    const load = await start("load.ts", LOAD_CORE, [String(proxy.port)]);
    return new Measured(name, proxy.child, load.child);
  }

  /** One run, with the CPU time of the proxy process alone, in microseconds a reply. */
  async run(run: LoadRun): Promise<LoadResult & { readonly cpuMicros: number }> {
    const before = await ask<{ cpuMicros: number }>(this.proxy, {});
    const result = await ask<LoadResult>(this.load, run);
    const after = await ask<{ cpuMicros: number }>(this.proxy, {});
    if (result.failed > 0 || result.replies < run.requests)
      throw new Error(`${this.name}: ${result.failed} of ${run.requests} requests failed`);
    return { ...result, cpuMicros: (after.cpuMicros - before.cpuMicros) / result.replies };
  }

  stop(): void {
    this.load.disconnect();
    this.proxy.disconnect();
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

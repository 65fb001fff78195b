/** The processes of the gateway's benchmark: each proxy alone on one core, what is on both sides of it on another. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { LoadResult, LoadRun, PlacedRun } from "./load.ts";

const canPin = spawnSync("sh", ["-c", "command -v taskset"]).status === 0;

/** The proxy under measurement has core 0 for itself, as far as other programs let it. */
const PROXY_CORE = 0;
const LOAD_CORE = 1;

/** Starts a script of this folder on one core; resolves when it listens. */
async function start(
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

/** A proxy with clients and an upstream of its own. */
export class Measured {
  readonly name: string;
  readonly upstreamPort: number;
  private readonly proxy: ChildProcess;
  private readonly port: number;
  private readonly load: ChildProcess;

  private constructor(
    name: string,
    proxy: { readonly child: ChildProcess; readonly port: number },
    load: { readonly child: ChildProcess; readonly port: number },
  ) {
    this.name = name;
    this.upstreamPort = load.port;
    this.proxy = proxy.child;
    this.port = proxy.port;
    this.load = load.child;
  }

  /** Starts `script` in front of an upstream. */
  static async start(name: string, script: string, execArgv: readonly string[] = []): Promise<Measured> {
    const load = await start("load.ts", LOAD_CORE, []);
    try {
      const upstream = `http://127.0.0.1:${load.port}`;
      return new Measured(name, await start(script, PROXY_CORE, [upstream], execArgv), load);
    } catch (error) {
      load.child.disconnect();
      throw error;
    }
  }

  /** One run, with the CPU time of the proxy process alone, in microseconds a reply. `told` goes to the proxy before. */
  async run(run: LoadRun, told: object = {}): Promise<LoadResult & { readonly cpuMicros: number }> {
    const placed: PlacedRun = { ...run, port: this.port };
    const before = await ask<{ cpuMicros: number }>(this.proxy, told);
    const result = await ask<LoadResult>(this.load, placed);
    const after = await ask<{ cpuMicros: number }>(this.proxy, told);
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

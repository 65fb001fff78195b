/**
 * What does a mark cost a reply? CPU time of the server's own process with marks and without, in turn, the order reversed
 * each time; the median of what each pair of rounds differs by, and of that the median of some sets of fresh processes,
 * which differ from each other by as much as is measured. Each reply is of another lane than the one before, so that every
 * one of them changes its connection's mark: the most that it can cost.
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { GatewayMarks } from "../../src/gateway/marks.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { defaultPolicy } from "../../src/policy/policy.ts";
import type { AskResult, AskRun } from "../http/ask.ts";
import { median } from "../question.ts";

const RUN: AskRun = { connections: 48, requests: 2_500 };
const ROUNDS = 9;
const WARM_UP = 4;
const PROCESSES = 7;

/** Microseconds that marks add to a reply. */
export async function addedByMarks(): Promise<number> {
  const sets: number[] = [];
  for (let set = 0; set < PROCESSES; set++) sets.push(await measured());
  return median(sets);
}

async function measured(): Promise<number> {
  const sides: Side[] = [];
  const more: number[] = [];
  try {
    for (const profile of ["none", "safe"]) sides.push(await Side.start(profile));
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      const figures: number[] = [];
      for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) figures[index] = await sides[index]!.run();
      if (round >= 0) more.push(figures[1]! - figures[0]!);
    }
    return median(more);
  } finally {
    for (const side of sides) side.stop();
  }
}

/** A server with a load generator of its own. */
class Side {
  readonly #server: ChildProcess;
  readonly #load: ChildProcess;

  private constructor(server: ChildProcess, load: ChildProcess) {
    this.#server = server;
    this.#load = load;
  }

  static async start(profile: string): Promise<Side> {
    const server = await started(0, "server.ts", profile, "127.0.0.1", "turns");
    const load = await started(1, "../http/ask.ts", String(server.port));
    return new Side(server.child, load.child);
  }

  /** CPU time of the server, in microseconds a request. */
  async run(): Promise<number> {
    const before = await ask<{ cpuMicros: number }>(this.#server, {});
    const { replies, failed } = await ask<AskResult>(this.#load, RUN);
    const after = await ask<{ cpuMicros: number }>(this.#server, {});
    if (failed > 0 || replies < RUN.requests) throw new Error(`bench/network: ${failed} requests failed`);
    return (after.cpuMicros - before.cpuMicros) / replies;
  }

  stop(): void {
    this.#load.disconnect();
    this.#server.disconnect();
  }
}

async function started(
  core: number,
  script: string,
  ...args: string[]
): Promise<{ child: ChildProcess; port: number }> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn("taskset", ["-c", String(core), process.execPath, file, ...args], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

async function ask<Answer>(child: ChildProcess, message: object): Promise<Answer> {
  child.send(message);
  return ((await once(child, "message")) as [Answer])[0];
}

/** Microseconds that a reply of the gateway takes to find that its policy marks nothing. */
export async function addedWithoutMarks(): Promise<number> {
  const marks = new GatewayMarks(new Laneway(defaultPolicy()));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  server.close();
  const res = {} as Parameters<GatewayMarks["reply"]>[0];
  const times = 1_000_000;
  const took = Array.from({ length: 9 }, () => {
    const from = performance.now();
    for (let i = 0; i < times; i++) marks.reply(res, "bulk");
    return ((performance.now() - from) * 1_000) / times;
  });
  return median(took);
}

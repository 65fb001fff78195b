/** Each part in a process of its own, two at a time: what one leaves behind or breaks is nobody else's. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Played, PlayOptions, Progress } from "./play.ts";

const SOAK = fileURLToPath(new URL("../soak.ts", import.meta.url));
/** What a process that broke has said last. */
const LAST_WORDS = 4_000;

/** One part and how long. */
export interface Order extends Pick<PlayOptions, "seed" | "rounds" | "forMs"> {
  readonly part: string;
  readonly unit: string;
}

/** What a player's process tells. */
export type Message = { readonly progress: Progress } | { readonly played: Played };

/** Plays the orders, so many at a time, in their order. */
export async function playAll(
  orders: readonly Order[],
  atOnce: number,
  onProgress: (progress: Progress) => void,
): Promise<Played[]> {
  const left = [...orders];
  const results: Played[] = [];
  const one = async (): Promise<void> => {
    for (let order = left.shift(); order !== undefined; order = left.shift())
      results.push(await playApart(order, onProgress));
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return results;
}

async function playApart(order: Order, onProgress: (progress: Progress) => void): Promise<Played> {
  const startedAt = performance.now();
  const child = fork(SOAK, ["--play", JSON.stringify(order)], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let said = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", (chunk: Buffer) => (said = (said + String(chunk)).slice(-LAST_WORDS)));
  let played: Played | undefined;
  let last: Progress = { part: order.part, seed: order.seed, rounds: 0, work: 0 };
  child.on("message", (message: Message) => {
    if ("played" in message) played = message.played;
    else onProgress((last = message.progress));
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (played !== undefined && code === 0) return played;
  const found = [`its process ended with ${code ?? signal}: ${said}`];
  return {
    part: order.part,
    unit: order.unit,
    firstSeed: order.seed,
    rounds: last.rounds,
    work: last.work,
    seconds: (performance.now() - startedAt) / 1_000,
    counts: {},
    ...played,
    violation: played?.violation ?? { seed: order.seed + last.rounds, found },
  };
}

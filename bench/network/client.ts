/** What stands at the other end of the link: four downloads that fill it, and small requests of some lanes beside them. */

import { once } from "node:events";
import { Agent, get } from "node:http";
import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

const DOWNLOADS = 4;
const FILLS_WITHIN_MS = 2_000;
const EVERY_MS = 50;

/** What it saw. */
export interface LinkSeen {
  /** Of each small request, by lane, in milliseconds. */
  readonly latencyMs: Readonly<Record<string, readonly number[]>>;
  /** What the downloads brought, in megabits per second of what they hold. */
  readonly downloadsMbit: number;
}

const [base = "", lanes = "", lasts = ""] = process.argv.slice(2);
const LASTS_MS = Number(lasts);
let bytes = 0;

async function download(): Promise<void> {
  const [reply] = (await once(get(`${base}/download`, { agent: new Agent() }), "response")) as [
    IncomingMessage,
  ];
  reply.on("data", (chunk: Buffer) => (bytes += chunk.length));
  reply.on("error", () => {});
}

/** Milliseconds until the reply is there; as long as all lasts where none comes. */
async function answered(url: string, agent: Agent): Promise<number> {
  const from = performance.now();
  const signal = AbortSignal.timeout(LASTS_MS);
  try {
    const [reply] = (await once(get(url, { agent, signal }), "response")) as [IncomingMessage];
    reply.resume();
    await once(reply, "end");
    return performance.now() - from;
  } catch {
    return LASTS_MS;
  }
}

/** A kept connection of its own, so that no request waits for a connection. */
async function ask(lane: string, untilMs: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const seen: number[] = [];
  while (performance.now() < untilMs) {
    seen.push(await answered(`${base}/${lane}`, agent));
    await delay(EVERY_MS);
  }
  return seen;
}

await Promise.all(Array.from({ length: DOWNLOADS }, download));
await delay(FILLS_WITHIN_MS);
const from = performance.now();
const before = bytes;
const names = lanes.split(",");
const latencies = await Promise.all(names.map((lane) => ask(lane, from + LASTS_MS)));
const seen: LinkSeen = {
  latencyMs: Object.fromEntries(names.map((lane, index) => [lane, latencies[index]!])),
  downloadsMbit: ((bytes - before) * 8) / 1_000 / (performance.now() - from),
};
console.log(JSON.stringify(seen));
process.exit(0);

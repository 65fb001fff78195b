/** One run of open-loop load on a server of known capacity, each in a process of its own. */

import { startChild } from "../../src/verify/child.ts";
import type { Child } from "../../src/verify/child.ts";
import { dueInstants } from "../../src/verify/load/arrival.ts";
import type { Flow } from "../../src/verify/load/arrival.ts";
import type { LoadMessage, LoadStart } from "../../src/verify/load/load-process.ts";
import type { Sample } from "../../src/verify/load/result.ts";
import type { CapacityMessage, CapacityStart } from "./capacity-server.ts";

/** What a server can do: so many workers, each busy with a request for so long on average. */
export interface Capacity {
  readonly workers: number;
  readonly serviceMs: number;
  /** How far a single request may take more or less than that, as a part of it. Default 0. */
  readonly spread?: number;
}

/** Requests a second. */
export function perSecond({ workers, serviceMs }: Capacity): number {
  return (1_000 * workers) / serviceMs;
}

/** So long a client waits, and says so. */
export const PATIENCE_MS = 1_000;
/** What a reply may take on its way beside that. */
const ON_THE_WAY_MS = 100;
const LEAD_MS = 500;

/** One lane's load: requests a second, from and until. */
export interface LaneLoad {
  readonly lane: string;
  readonly perSecond: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A request, as its client saw it. */
export interface Seen extends Sample {
  readonly lane: string;
  /** Served before its client lost patience. */
  readonly isGood: boolean;
}

/** What one run saw. */
export interface Overloaded {
  readonly requests: readonly Seen[];
  /** How many requests of a lane were due from one instant to another, answered or not. */
  readonly due: (lane: string, fromMs: number, untilMs: number) => number;
  /** How many stood in line for a worker, by the milliseconds since the start. */
  readonly line: readonly { readonly atMs: number; readonly length: number }[];
}

/** Runs one server under a load. */
export async function overload(
  front: CapacityStart["front"],
  capacity: Capacity,
  policy: string,
  loads: readonly LaneLoad[],
  graceMs: number = 2 * PATIENCE_MS,
): Promise<Overloaded> {
  const children: Child<never, never>[] = [];
  const start = <Down, Up>(name: string, module: string): Child<Down, Up> => {
    const child = startChild<Down, Up>(name, module, import.meta.url);
    children.push(child as unknown as Child<never, never>);
    return child;
  };
  try {
    const server = start<CapacityStart, CapacityMessage>(`the server (${front})`, "./capacity-server");
    server.send({ front, policy, ...capacity });
    const origin = await server.next((told) => (told.type === "ready" ? told.origin : undefined));
    const line: { atMs: number; length: number }[] = [];
    const startAtEpochMs = Date.now() + LEAD_MS;
    server.onMessage((told) => {
      if (told.type === "line") line.push({ atMs: told.atEpochMs - startAtEpochMs, length: told.length });
    });
    const generator = start<LoadStart, LoadMessage>(
      "the load generator",
      "../../src/verify/load/load-process",
    );
    const requests: Seen[] = [];
    generator.onMessage((told) => {
      if (told.type !== "samples") return;
      for (const { stream, sample } of told.samples) {
        const isGood = sample.outcome === "served" && sample.latencyMs <= PATIENCE_MS + ON_THE_WAY_MS;
        requests.push({ ...sample, lane: loads[stream]!.lane, isGood });
      }
    });
    const streams = loads.map(({ lane, fromMs, untilMs, ...load }, seed) => {
      const headers = { "x-priority": lane, "x-laneway-deadline-ms": `${PATIENCE_MS}` };
      const arrival: Flow = { kind: "poisson", perSecond: load.perSecond, fromMs, untilMs };
      return { name: lane, target: { origin, method: "GET", path: "/", headers, body: "" }, arrival, seed };
    });
    generator.send({ streams, startAtEpochMs, graceMs });
    const result = await generator.next((told) => (told.type === "result" ? told.result : undefined));
    if (!result.complete) throw new Error("bench/http: the generator could not send every request");
    const instants = streams.map(({ name, arrival, seed }) => ({ name, due: dueInstants(arrival, seed) }));
    const due: Overloaded["due"] = (lane, fromMs, untilMs) =>
      instants
        .filter(({ name }) => name === lane)
        .reduce((sum, each) => sum + each.due.filter((at) => at >= fromMs && at < untilMs).length, 0);
    return { requests, line, due };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** The time that so much of some requests (0 to 1) did not exceed. */
export function quantile(requests: readonly Seen[], share: number): number {
  const sorted = requests.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
}

/** Clients here may claim their lane; nothing else is said but the limit. */
export function policyOf(limit: number | "adaptive"): string {
  return `trust: { callers: [{ cidr: 127.0.0.0/8, upTo: critical }] }\nresources: { http: { limit: ${limit} } }\n`;
}

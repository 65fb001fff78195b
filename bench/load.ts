/** The load that backlog, memory and cancellation are measured under: five lanes, a thousand flows, deep queues. */

import { Resource } from "../src/index.ts";
import type { LaneOptions, TaskOptions } from "../src/index.ts";

const FLOWS = 1_000;
const HOUR_MS = 3_600_000;

/** The default lanes, but for the bounds that a backlog of a million would meet. */
export const DEEP_LANES: readonly LaneOptions[] = [
  { name: "critical", reservation: "40%", lendable: "50%" },
  { name: "high", reservation: "30%" },
  { name: "normal", reservation: "20%" },
  { name: "low", reservation: "10%" },
  { name: "bulk" },
].map(
  (lane) => ({ ...lane, timeoutMs: HOUR_MS, queue: { max: 10_000_000, timeoutMs: HOUR_MS } }) as LaneOptions,
);

/** What the nth task asks for: each flow keeps to one lane, and lanes and flows come up evenly. */
export const TASKS: readonly TaskOptions[] = Array.from({ length: FLOWS }, (_, n) => ({
  lane: DEEP_LANES[n % DEEP_LANES.length]!.name,
  flow: `tenant-${n}`,
}));

/** A resource whose queues take whatever is submitted. */
export function deepResource(limit: number): Resource {
  return new Resource({ name: "bench", limit, lanes: DEEP_LANES });
}

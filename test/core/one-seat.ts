import type { LaneOptions } from "../../src/core/options.ts";
import { simulated } from "./simulated.ts";
import type { Simulated } from "./simulated.ts";

/** As good as no time-outs. */
export const LONG = { timeoutMs: 1e7, queue: { timeoutMs: 1e7 } };
/** Three lanes in which nothing times out. */
export const LANES: readonly LaneOptions[] = [
  { name: "critical", ...LONG },
  { name: "normal", ...LONG },
  { name: "bulk", ...LONG },
];

/** A resource of one seat, and nobody ages. */
export function oneSeat(): Simulated {
  return simulated({ limit: 1, aging: false, lanes: LANES });
}

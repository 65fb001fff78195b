/** Numbers as the report writes them, the same in the page and in the summary. */

import { showMs } from "../plot/plot.ts";
import type { Spread } from "../load/histogram.ts";
import type { LaneResult } from "./result.ts";

const NONE = "–";

/** `12,400`; a dash for 0: what is not there should not be looked at. */
export function countText(value: number): string {
  return value === 0 ? NONE : grouped(value);
}

/** `12,400`. */
export function grouped(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 call`, `2 calls`. */
export function plural(value: number, word: string): string {
  return `${grouped(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** `43 %`, `99.9 %`. Rounded down, so that nothing is called 100 % that is not; what is there is never called 0 %. */
export function percentText(part: number): string {
  if (part > 0 && part < 0.001) return "<0.1 %";
  const decimals = part > 0.99 ? 100 : 10;
  // A part of 0.29 is 28.999… percent to a computer.
  return `${Math.floor(part * 100 * decimals + 1e-6) / decimals} %`;
}

/** A time out of a spread; a dash where nothing was measured. */
export function timeText(spread: Spread, field: "p50" | "p90" | "p99" | "max" | "mean"): string {
  return spread.count === 0 || !Number.isFinite(spread[field]) ? NONE : showMs(spread[field]);
}

/** The part of what was offered that was served; a dash where nothing was offered. */
export function servedText({ offered, served }: Pick<LaneResult, "offered" | "served">): string {
  return offered === 0 ? NONE : percentText(served / offered);
}

/** Calls that nobody answered: sent and never settled, or never sent. */
export function unanswered(lane: LaneResult): number {
  return lane.unanswered + lane.unsent;
}

/** `with lanes on`, `at http://127.0.0.1:3000`. */
export function where(run: string): string {
  return /^lanes\b/.test(run) ? `with ${run}` : `at ${run}`;
}

/** `0 s`, `12 s`. */
export function showInstant(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** `2026-11-21 20:30 UTC`; what is no instant stays as it is. */
export function instantText(text: string): string {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

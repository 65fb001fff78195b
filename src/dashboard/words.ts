/** Numbers, instants and reasons as an operator reads them. */

import { time } from "../admin/verdict.ts";
import type { Journey } from "../admin/wire.ts";

const NONE = "–";

/** "3 ms", "1.4 s"; a dash for nothing at all. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms) || ms <= 0) return NONE;
  return ms < 1 ? "< 1 ms" : time(ms);
}

/** "12,400", and a dash for 0: what is not there should not be looked at. */
export function count(value: number): string {
  return value === 0 ? NONE : grouped(value);
}

/** "12,400". */
export function grouped(value: number): string {
  // The browser's own way costs a tenth of the first paint.
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "25 %"; with `digits` 1, "99.9 %". */
export function percent(part: number, digits = 0): string {
  return `${Number((part * 100).toFixed(digits))} %`;
}

/** "1 seat", "2 seats". */
export function plural(value: number, word: string): string {
  return `${grouped(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** "14:03:07". */
export function clock(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** "14 min left", "40 s left". */
export function timeLeft(until: number, now: number): string {
  const seconds = Math.max(0, Math.round((until - now) / 1_000));
  if (seconds === 0) return "ending";
  return seconds < 90 ? `${seconds} s left` : `${Math.round(seconds / 60)} min left`;
}

/** "1st", "2nd", "13th". */
export function ordinal(value: number): string {
  const tens = value % 100;
  const ending = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${grouped(value)}${ending}`;
}

const OUTCOMES: Readonly<Record<string, string>> = {
  finished: "finished",
  failed: "failed",
  rejected: "refused",
  evicted: "put out of the queue",
  timedOut: "timed out while it waited",
  cancelled: "given up by its caller",
};

/** An outcome in words. */
export function outcomeText(outcome: string): string {
  return OUTCOMES[outcome] ?? outcome;
}

/** Whether it ever held a seat. */
export function wasAdmitted({ outcome }: Journey): boolean {
  return outcome === "finished" || outcome === "failed";
}

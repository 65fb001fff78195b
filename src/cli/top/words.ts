/** Numbers and names of the feed as a terminal shows them. */

import { time } from "../../admin/verdict.ts";

const NONE = "-";

/** "3 ms", "1.4 s"; a dash for nothing at all. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms) || ms <= 0) return NONE;
  return ms < 1 ? "<1 ms" : time(ms);
}

/** "12400", "1.24M": as short as it must be to stay in a column. */
export function count(value: number): string {
  if (value < 100_000) return String(Math.round(value));
  return value < 10_000_000 ? `${Math.round(value / 1_000)}k` : `${Math.round(value / 1_000_000)}M`;
}

/** "9 min left", "40 s left". */
export function timeLeft(until: number, now: number): string {
  const seconds = Math.max(0, Math.round((until - now) / 1_000));
  if (seconds === 0) return "ending";
  return seconds < 90 ? `${seconds} s left` : `${Math.round(seconds / 60)} min left`;
}

/** What comes from elsewhere, safe to write to a terminal: no character of it is a command. */
export function clean(text: string, lines = false): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return text.replace(/[\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]/g, (char) =>
    lines && char === "\n" ? char : "\u00B7",
  );
}

/** A text in so many columns: cut with a mark, or filled up. */
export function fit(text: string, columns: number): string {
  if (columns <= 0) return "";
  return text.length <= columns ? text.padEnd(columns) : `${text.slice(0, columns - 1)}\u2026`;
}

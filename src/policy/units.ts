/** Durations, sizes, percentages and rates as people write them. Each reader gives undefined for what it cannot read. */

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const PERCENT = /^(\d+(?:\.\d+)?)%$/;
const SIZE = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|KiB|MiB|GiB)$/;
const RATE = /^(\d+(?:\.\d+)?)\/(s|min|h)$/;

/** The patterns, for the JSON Schema. */
export const PATTERNS: Readonly<Record<"duration" | "percent" | "size" | "rate", RegExp>> = {
  duration: DURATION,
  percent: PERCENT,
  size: SIZE,
  rate: RATE,
};

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};
const PER_MINUTE: Readonly<Record<string, number>> = { s: 60, min: 1, h: 1 / 60 };

/** The longest duration: what a Node timer can hold (2³¹ − 1 ms), in whole hours. */
const DURATION_MAX_MS = 596 * 3_600_000;

/** `"30s"` → 30000; units `ms`, `s`, `m`, `h`. From 1 ms to 596 h, what a timer can hold. */
export function parseDuration(text: string): number | undefined {
  const value = scaled(DURATION, text, MILLISECONDS);
  return value !== undefined && value >= 1 && value <= DURATION_MAX_MS ? value : undefined;
}

/** `"40%"` → 40; from 0 to 100. */
export function parsePercent(text: string): number | undefined {
  const found = PERCENT.exec(text);
  const value = found === null ? undefined : Number(found[1]);
  return value !== undefined && value <= 100 ? value : undefined;
}

/** `"32MiB"` → 33554432; units `B`, `kB`, `MB`, `GB` (thousands) and `KiB`, `MiB`, `GiB` (1024). Whole bytes, above 0. */
export function parseSize(text: string): number | undefined {
  const value = scaled(SIZE, text, BYTES);
  if (value === undefined || value < 1 || value > Number.MAX_SAFE_INTEGER) return undefined;
  return Math.floor(value);
}

/** `"400000/min"` → 400000, a number per minute; units `/s`, `/min`, `/h`. Above 0. */
export function parseRate(text: string): number | undefined {
  const value = scaled(RATE, text, PER_MINUTE);
  return value !== undefined && value > 0 && Number.isFinite(value) ? value : undefined;
}

function scaled(pattern: RegExp, text: string, units: Readonly<Record<string, number>>): number | undefined {
  const found = pattern.exec(text);
  if (found === null) return undefined;
  return Number(found[1]) * units[found[2]!]!;
}

/** 30000 → `"30 s"`: for people. */
export function showDuration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000 || ms % 60_000 !== 0) return `${ms / 1_000} s`;
  return ms < 3_600_000 || ms % 3_600_000 !== 0 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
}

/** A length of time as Go writes it: `6m0s`, `1.5s`, `12ms`. */

const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ns: 1e-6,
};
const PARTS = /(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)/g;
/** Most are of one part. */
const SINGLE = /^(\d+(?:\.\d*)?)(ms|s)$/;
const WHOLE = /^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+$/;
/** Enough for any; a header may be made to be slow to read. */
const MAX_CHARS = 64;

/** The duration in milliseconds; undefined for what is none. A bare number, which Go refuses, counts as seconds. */
export function goDurationMs(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.length > MAX_CHARS) return undefined;
  const bare = Number(trimmed);
  if (Number.isFinite(bare)) return bare < 0 ? undefined : bare * 1_000;
  const single = SINGLE.exec(trimmed);
  if (single !== null) return Number(single[1]) * UNIT_MS[single[2]!]!;
  if (!WHOLE.test(trimmed)) return undefined;
  let ms = 0;
  for (const [, count, unit] of trimmed.matchAll(PARTS)) ms += Number(count) * UNIT_MS[unit!]!;
  return ms;
}

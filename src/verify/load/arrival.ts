/**
 * When the calls of a stream are due. The instants are drawn before the first call is sent and depend on nothing that
 * happens later: a slow service cannot slow the load down (open loop).
 */

import { seededRandom } from "./random.ts";

/** Calls due all at the same instant. */
export interface Burst {
  readonly kind: "burst";
  readonly count: number;
  readonly atMs: number;
}

/** Calls due one after another: evenly, by chance at a mean rate, or each some time after the last. */
export type Flow = (
  | { readonly kind: "steady"; readonly perSecond: number }
  | { readonly kind: "poisson"; readonly perSecond: number }
  | { readonly kind: "spaced"; readonly minMs: number; readonly maxMs: number }
) & { readonly fromMs: number; readonly untilMs: number };

/** Calls at a rate that grows or shrinks evenly from one to another, either of which may be 0: by chance, or evenly. */
export interface Ramp {
  readonly kind: "ramp";
  readonly arrivals: "poisson" | "steady";
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** How the calls of one stream arrive; times are milliseconds from the start of the run. */
export type Arrival = Burst | Flow | Ramp;

/** More calls than this in one stream is taken for a mistake. */
const MAX_CALLS = 10_000_000;

/**
 * The instants at which calls are due, in order, in milliseconds from the start of the run. The same seed gives the
 * same instants. Throws a `RangeError` when the arrival asks for nothing that can be sent.
 *
 * @example
 * dueInstants({ kind: "poisson", perSecond: 20, fromMs: 0, untilMs: 30_000 }, 42);
 */
export function dueInstants(arrival: Arrival, seed: number): Float64Array {
  if (arrival.kind === "burst") {
    check(
      "count",
      arrival.count,
      Number.isInteger(arrival.count) && arrival.count >= 0 && arrival.count <= MAX_CALLS,
    );
    return new Float64Array(arrival.count).fill(arrival.atMs);
  }
  if (arrival.kind === "ramp") return rampInstants(arrival, seededRandom(seed));
  const gap = gapOf(arrival, seededRandom(seed));
  const instants: number[] = [];
  for (let at = arrival.fromMs + gap.first; at < arrival.untilMs; at += gap.next()) {
    instants.push(at);
    if (instants.length > MAX_CALLS)
      throw new RangeError(`expected at most ${MAX_CALLS} calls in one stream`);
  }
  return Float64Array.from(instants);
}

/**
 * The nth call comes when n have been due in all: the integral of the rate, turned round. By chance the counts are not
 * whole numbers but sums of exponential ones, which is a Poisson process of that rate.
 */
function rampInstants(ramp: Ramp, random: () => number): Float64Array {
  const { fromPerSecond, toPerSecond, fromMs, untilMs, arrivals } = ramp;
  for (const rate of [fromPerSecond, toPerSecond]) check("a rate", rate, rate >= 0 && Number.isFinite(rate));
  const seconds = (untilMs - fromMs) / 1_000;
  const slope = seconds > 0 ? (toPerSecond - fromPerSecond) / seconds : 0;
  const total = ((fromPerSecond + toPerSecond) / 2) * seconds;
  check("the calls of a ramp", total, total <= MAX_CALLS);
  const instants: number[] = [];
  const step = (): number => (arrivals === "steady" ? 1 : -Math.log(1 - random()));
  for (let due = arrivals === "steady" ? 0 : step(); due < total; due += step()) {
    const inside = Math.max(0, fromPerSecond ** 2 + 2 * slope * due);
    // The solution of due = from × t + slope × t² / 2 that stays exact as the slope goes to 0.
    const root = fromPerSecond + Math.sqrt(inside);
    instants.push(fromMs + (root === 0 ? 0 : (2 * due) / root) * 1_000);
  }
  return Float64Array.from(instants);
}

/** The time to the first call and from each to the next. A run by chance or spaced does not start on a call. */
function gapOf(arrival: Flow, random: () => number): { first: number; next: () => number } {
  if (arrival.kind === "spaced") {
    const { minMs, maxMs } = arrival;
    check("minMs", minMs, minMs > 0 && minMs <= maxMs);
    const next = (): number => minMs + (maxMs - minMs) * random();
    return { first: next() * random(), next };
  }
  check("perSecond", arrival.perSecond, arrival.perSecond > 0 && Number.isFinite(arrival.perSecond));
  const mean = 1_000 / arrival.perSecond;
  if (arrival.kind === "steady") return { first: 0, next: () => mean };
  const next = (): number => -Math.log(1 - random()) * mean;
  return { first: next(), next };
}

function check(name: string, value: number, fine: boolean): void {
  if (!fine)
    throw new RangeError(
      `arrival: expected ${name} to be a number of calls or time that can be sent, got ${value}`,
    );
}

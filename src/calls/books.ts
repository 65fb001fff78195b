/**
 * What the upstream's rate-limit headers change in our own books. Ours are the truth for what we have sent; theirs know
 * of others who use the same account. But theirs are blurred: what is left of the tokens is rounded to thousands, and
 * was true before the calls that are under way now. So theirs only ever lower ours, and only by more than the rounding;
 * ours rise by themselves, with time.
 */

import type { Cost } from "../core/options.ts";
import type { RateLimits } from "../providers/provider.ts";

/** What is left of each kind, or its size; Infinity where it is unlimited. */
export type Levels = Required<Cost>;

export type Kind = keyof Cost;

export const KINDS: readonly Kind[] = ["requests", "inputTokens", "outputTokens"];

/** Values are rounded to the nearest thousand, so two that are equal may differ by as much. */
const ROUNDING: Levels = { requests: 1, inputTokens: 1_000, outputTokens: 1_000 };
/** An instant in whole seconds may be up to one second early. */
const RESET_ROUNDING_MS = 1_000;
const MINUTE_MS = 60_000;
/** Half as much again as the rounding: a gap beyond it is no blur, something is charged that our books do not hold. */
const CHARGED_BEFOREHAND = 1_500;

/**
 * The levels that our books must be lowered to; undefined when they agree. Never so low that our refill could not bring
 * back, by the upstream's own reset, all that the upstream says it will have then: so a wrong value stalls nobody for
 * longer than that reset. `outputAfterAll` takes off what calls that run have still to write, where those books do not
 * hold it.
 */
export function lowered(
  ours: Levels,
  size: Levels,
  theirs: RateLimits,
  outputAfterAll: (left: number) => number = (left) => left,
): Cost | undefined {
  let change: Partial<Record<Kind, number>> | undefined;
  for (const kind of KINDS) {
    const left = theirs.left[kind];
    if (left === undefined || !(size[kind] < Infinity)) continue;
    const resetMs = theirs.resetMs[kind];
    const whole = Math.min(size[kind], theirs.limit[kind] ?? Infinity);
    const refillMs = resetMs === undefined ? MINUTE_MS : Math.max(0, resetMs) + RESET_ROUNDING_MS;
    const shown = Math.max(0, left, whole - (size[kind] / MINUTE_MS) * refillMs);
    const level = kind === "outputTokens" ? outputAfterAll(shown) : shown;
    if (level < ours[kind] - ROUNDING[kind]) (change ??= {})[kind] = level;
  }
  return change;
}

/**
 * Whether the upstream has charged more output than our books hold. It reserves the `max_tokens` of what is under way,
 * then, where we guess what will really be written. One whose limit is lower than our budget shows nothing by that.
 */
export function chargesBeforehand(ours: Levels, size: Levels, theirs: RateLimits): boolean {
  const left = theirs.left.outputTokens;
  const limit = theirs.limit.outputTokens ?? size.outputTokens;
  if (left === undefined || limit < size.outputTokens || !(size.outputTokens < Infinity)) return false;
  return left < ours.outputTokens - CHARGED_BEFOREHAND;
}

/** Whether its headers say that something other than the output is used up, and so explain a 429 without it. */
export function explainedByOthers(theirs: RateLimits | undefined): boolean {
  if (theirs === undefined) return false;
  const { requests, inputTokens, outputTokens } = theirs.left;
  const isOut = (left: number | undefined, rounding: number): boolean =>
    left !== undefined && left < rounding;
  return (
    !isOut(outputTokens, ROUNDING.outputTokens) &&
    (isOut(requests, ROUNDING.requests) || isOut(inputTokens, ROUNDING.inputTokens))
  );
}

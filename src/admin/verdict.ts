/** The sentence on top: whether the lanes hold, and if not, which one waits and what for. */

import type { Verdict } from "./wire.ts";

/** One lane of one resource, as far as the verdict asks. */
export interface Standing {
  readonly resource: string;
  readonly lane: string;
  readonly waiting: number;
  readonly waitP99Ms: number;
  readonly objectiveMs: number;
  readonly perMinute: number;
  /** Seats held, and seats due: below it somebody else has what it should have. */
  readonly got: number;
  readonly due: number;
  /** Seats are free and somebody waits: for a budget, then, and what is due of the seats says nothing. */
  readonly forBudget?: boolean;
  /** Nothing of it starts: an operator or the policy says so. */
  readonly paused?: boolean | undefined;
}

/** Most important lane first. */
export function verdictOf(standings: readonly Standing[], several: boolean): Verdict {
  if (standings.length === 0) return { level: "ok", text: "No resource yet: add one to the policy." };
  const name = ({ resource, lane }: Standing): string => (several ? `${lane} on ${resource}` : lane);
  const missed = standings.filter(({ waitP99Ms, objectiveMs }) => waitP99Ms > objectiveMs);
  if (missed.length > 0) {
    const worst = missed[0]!;
    const others = missed.length === 1 ? "" : ` (and ${missed.length - 1} more)`;
    const why =
      worst.paused === true
        ? "it is paused"
        : worst.forBudget === true
          ? "it waits for a budget, not for seats"
          : worst.got < worst.due - 0.5
            ? `it holds ${whole(worst.got)} of ${whole(worst.due)} seats due`
            : "it holds all seats that it is due";
    return {
      level: "missed",
      text: `${name(worst)} waits ${time(worst.waitP99Ms)} at p99, its objective is ${time(worst.objectiveMs)}${others}: ${why}.`,
    };
  }
  const longest = standings.reduce((a, b) => (b.waiting > a.waiting ? b : a));
  if (longest.waiting === 0)
    return { level: "ok", text: "All lanes are within their objectives. Nobody waits." };
  if (longest.paused === true)
    return {
      level: "yielding",
      text: `All lanes are within their objectives. ${name(longest)} is paused: ${longest.waiting.toLocaleString("en")} wait until it is opened.`,
    };
  const clear =
    longest.perMinute > 0 ? `, clear in about ${time((longest.waiting / longest.perMinute) * 60_000)}` : "";
  return {
    level: "yielding",
    text: `All lanes are within their objectives. ${name(longest)} yields: ${longest.waiting.toLocaleString("en")} wait${longest.forBudget === true ? " for a budget" : ""}${clear}.`,
  };
}

function whole(seats: number): string {
  return String(Math.round(seats * 10) / 10);
}

/** "340 ms", "2.4 s", "9 min". */
export function time(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

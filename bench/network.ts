/**
 * A link of 10 Mbit/s, full of downloads, between two network namespaces: what is important waits behind them, or not,
 * by the queue that `laneway network` makes; with the safe marks on the queue that Linux has by itself nobody waits longer
 * than without. And what a mark costs. Takes two minutes, and root for the link.
 */

import { addedByMarks, addedWithoutMarks } from "./network/cost.ts";
import { LINK_MBIT, noLink, overLink, withLink } from "./network/link.ts";
import type { Queue } from "./network/link.ts";
import { beside, median, over, under } from "./question.ts";
import type { BenchRow } from "./row.ts";

const ROUNDS = 3;
const LASTS_MS = 5_000;
const LANES = ["critical", "high", "normal", "low"];
/**
 * How much longer than without marks a lane may seem to wait on the default queue. Marks change nothing there: the two
 * runs are two histories of the same drop-tail queue, whose medians differ by up to a tenth without any marks at all.
 */
const TOLERANCE = 1.15;
const LINK = `a full link of ${LINK_MBIT} Mbit/s`;

/** Runs it; rows for the report. */
export async function networkBench(): Promise<BenchRow[]> {
  const why = noLink();
  if (why !== undefined) console.error(`bench/network: nothing on the wire is measured: ${why}`);
  const link = why === undefined ? await withLink(linkRows) : [];
  const marks = "CPU added to a reply by marks, each of another lane than the one before";
  return [
    ...link,
    under(marks, await addedByMarks(), 2, "µs"),
    under(
      "CPU added to a reply of the gateway by a policy without marks",
      await addedWithoutMarks(),
      0.02,
      "µs",
    ),
  ];
}

interface Medians {
  /** By lane: all requests of all rounds. */
  readonly waitMs: Readonly<Record<string, number>>;
  readonly downloadsMbit: number;
}

/** Each queue with its marks, in turn, so that what the machine does beside disturbs all alike. */
async function inTurn(runs: readonly (readonly [Queue, string, readonly string[]])[]): Promise<Medians[]> {
  const all = runs.map(() => ({ latencyMs: {} as Record<string, number[]>, downloadsMbit: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, [queue, profile, lanes]] of runs.entries()) {
      const seen = await overLink(queue, profile, lanes, LASTS_MS);
      for (const lane of lanes) (all[index]!.latencyMs[lane] ??= []).push(...seen.latencyMs[lane]!);
      all[index]!.downloadsMbit.push(seen.downloadsMbit);
    }
  }
  return all.map(({ latencyMs, downloadsMbit }) => ({
    waitMs: Object.fromEntries(Object.entries(latencyMs).map(([lane, waits]) => [lane, median(waits)])),
    downloadsMbit: median(downloadsMbit),
  }));
}

async function linkRows(): Promise<BenchRow[]> {
  const [ours, one] = await inTurn([
    ["laneway network", "safe", ["critical"]],
    ["one class", "none", ["critical"]],
  ]);
  const [plain, safe, unready] = await inTurn([
    ["pfifo_fast", "none", LANES],
    ["pfifo_fast", "safe", LANES],
    ["pfifo_fast", "rfc4594", ["high"]],
  ]);
  const critical = `${LINK}: critical request beside downloads, p50`;
  const worst = Math.max(...LANES.map((lane) => safe!.waitMs[lane]! / plain!.waitMs[lane]!));
  return [
    under(critical, ours!.waitMs["critical"]!, 5, "ms"),
    beside({
      question: critical,
      ours: ours!.waitMs["critical"]!,
      peer: "no queue of the lanes' own",
      theirs: one!.waitMs["critical"]!,
      unit: "ms",
    }),
    over(`${LINK}: what the downloads keep of it`, (100 * ours!.downloadsMbit) / LINK_MBIT, 85, "%"),
    under(
      `${LINK}, safe marks on the default queue: the slowest lane beside no marks`,
      worst,
      TOLERANCE,
      "times",
    ),
    beside({
      question: `${LINK}, default queue: high request beside downloads, p50`,
      ours: safe!.waitMs["high"]!,
      peer: "marked AF21, its queue not ready",
      theirs: unready!.waitMs["high"]!,
      unit: "ms",
    }),
  ];
}

if (import.meta.main)
  for (const { question, ours, peer, theirs, unit, bar, met } of await networkBench())
    console.log(
      `${met === undefined ? "       " : met ? "met    " : "MISSED "} ${question}: ${ours.toFixed(2)} ${unit}, ${peer} ${theirs.toFixed(2)}${bar === "" ? "" : ` (bar ${bar})`}`,
    );

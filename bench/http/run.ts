/**
 * What do lanes in front of an HTTP service cost, and what do they keep? Each adapter beside its bare framework; a server
 * of known capacity under several times that; a flood in the lowest lane. Takes about four minutes.
 */

import type { BenchRow } from "../row.ts";
import { costRows } from "./cost.ts";
import { overloadRows } from "./overload.ts";
import { spikeRows } from "./spike.ts";

/** Runs all; rows for the report. */
export async function httpBench(): Promise<BenchRow[]> {
  return [...(await costRows()), ...(await overloadRows()), ...(await spikeRows())];
}

if (import.meta.main) {
  const parts: Readonly<Record<string, () => Promise<BenchRow[]>>> = {
    cost: costRows,
    overload: overloadRows,
    spike: spikeRows,
  };
  const only = parts[process.argv[2] ?? ""] ?? httpBench;
  for (const { question, ours, peer, theirs, unit, bar, met } of await only()) {
    const verdict = met === undefined ? "" : met ? "met" : "MISSED";
    console.log(
      `${verdict.padEnd(7)} ${question}: ${ours.toFixed(1)} ${unit}, ${peer} ${theirs.toFixed(1)} (bar ${bar})`,
    );
  }
}

import type { BenchRow } from "../row.ts";

/** A row for what must not happen at all. */
export function none(question: string, ours: number): BenchRow {
  const ratio = ours === 0 ? 1 : Infinity;
  return { question, ours, peer: "the bar", theirs: 0, unit: "", ratio, bar: "0", met: ours === 0 };
}

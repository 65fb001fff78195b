/** One line of the report: what was asked, what we measured beside what, and what was wanted. */
export interface BenchRow {
  /** What is measured, in words: "uncontended run of an empty async task". */
  readonly question: string;
  /** Our figure, in `unit`. */
  readonly ours: number;
  /** Who or what ours stands beside: a library, the floor, or the bar itself where there is no peer. */
  readonly peer: string;
  /** The peer's figure in the same unit, from the same run. */
  readonly theirs: number;
  readonly unit: string;
  /** Ours ÷ theirs. */
  readonly ratio: number;
  /** What was wanted, as text; empty for a peer that is only shown beside. */
  readonly bar: string;
  /** Whether the bar was met; undefined where there is none. */
  readonly met: boolean | undefined;
}

/** Reasons for which tasks are refused whatever their lanes: a replay repeats them and does not ask the scheduler. */
export const NOT_OURS: ReadonlySet<string> = new Set([
  "memory",
  "next-service",
  "draining",
  "drain-timeout",
  "nested",
]);

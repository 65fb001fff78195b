import type { TaskOptions } from "../core/options.ts";

/** What an adapter knows of a call; what is undefined is left to the async context and the resource. */
export interface CallTask {
  readonly lane: string | undefined;
  readonly flow: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** On the resource's clock. */
  readonly deadline?: number | undefined;
  readonly waitedMs?: number | undefined;
}

/** The same as options of a task. */
export function taskOf(call: CallTask): TaskOptions {
  return Object.fromEntries(Object.entries(call).filter(([, value]) => value !== undefined));
}

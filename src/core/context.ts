/**
 * What surrounds the code that submits a task: a port, for only the platform can carry it across `await`.
 */

/** The facts that travel with a chain of async calls. All optional: each is only a default. */
export interface Ambient {
  readonly lane?: string | undefined;
  readonly flow?: string | undefined;
  /** An instant on the system clock. */
  readonly deadline?: number | undefined;
  /** What chose the lane. */
  readonly rule?: string | undefined;
  /** The innermost running task that this code is part of, for deadlock detection. */
  readonly holder?: Holder | undefined;
}

/** A running task, as a link in the chain of tasks that enclose each other. */
export interface Holder {
  readonly task: object;
  readonly outer: Holder | undefined;
}

/** Reads and opens async contexts. */
export interface ContextPort {
  get(): Ambient | undefined;
  run<T>(ambient: Ambient, fn: () => T): T;
}

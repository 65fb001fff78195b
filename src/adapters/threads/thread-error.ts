/** Failures of threads, as opposed to those of the tasks in them. */

/** Why a thread gave no result. */
export type ThreadFailure = "unusable-file" | "exited" | "out-of-memory" | "not-started" | "closed";

/**
 * A thread gave no result, and not because the task threw: its file cannot be loaded or lacks the function
 * (`unusable-file`), it ended in the middle of the task (`exited`), it took more memory than it may (`out-of-memory`), it
 * could not be started (`not-started`), or the pool is closed (`closed`). The seat is free again, and the thread was
 * replaced.
 *
 * @example
 * try { await pool.run(image); }
 * catch (error) { if (error instanceof ThreadError && error.failure === "out-of-memory") await resizeInPieces(image); }
 */
export class ThreadError extends Error {
  readonly failure: ThreadFailure;
  readonly lane: string;
  readonly filename: string;

  constructor(
    message: string,
    facts: { failure: ThreadFailure; lane: string; filename: string; cause?: unknown },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "ThreadError";
    this.failure = facts.failure;
    this.lane = facts.lane;
    this.filename = facts.filename;
  }
}

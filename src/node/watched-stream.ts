/**
 * A stream that somebody waits for the end of: it passes as it comes, chunk for chunk, and whoever watches is told of
 * each chunk and, once, that it is over.
 */

/** How a stream ended: read to its end, broken off on the way, or given up by its reader. */
export type StreamEnd = "ended" | "failed" | "left";

/** Who watches a stream. */
export interface StreamWatch<Chunk = Uint8Array> {
  /** Looks at a chunk that passes; it must not keep it. */
  readonly chunk?: (chunk: Chunk) => void;
  /** Told once. */
  readonly over: (how: StreamEnd) => void;
  /** Breaks the body off when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

type Reader<Chunk> = ReadableStreamDefaultReader<Chunk>;

/** Streams that nobody read and nobody can read any more: each holds a seat and a connection until it is let go. */
const abandoned = new FinalizationRegistry<() => void>((letGo) => letGo());

/**
 * The same stream, watched. What its reader drops without reading is over when the garbage collector finds it.
 */
export function watchStream<Chunk>(
  source: ReadableStream<Chunk>,
  watch: StreamWatch<Chunk>,
): ReadableStream<Chunk> {
  const reader = source.getReader();
  const ending = new Ending(reader, watch);
  // Chunks are fetched one by one as they are asked for: nothing is read ahead of its reader.
  const stream = new ReadableStream<Chunk>(new Passing(reader, watch, ending), { highWaterMark: 0 });
  // Held by the registry: neither of them may know the stream, or it would never be collected.
  abandoned.register(stream, () => ending.giveUp(undefined), ending);
  return stream;
}

/** The source of the watched stream. */
class Passing<Chunk> {
  readonly #reader: Reader<Chunk>;
  readonly #watch: StreamWatch<Chunk>;
  readonly #ending: Ending<Chunk>;

  constructor(reader: Reader<Chunk>, watch: StreamWatch<Chunk>, ending: Ending<Chunk>) {
    this.#reader = reader;
    this.#watch = watch;
    this.#ending = ending;
  }

  start(controller: ReadableStreamDefaultController<Chunk>): void {
    this.#ending.listen(new WeakRef(controller));
  }

  async pull(controller: ReadableStreamDefaultController<Chunk>): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      if (this.#ending.isOver) return;
      if (done) {
        this.#ending.tell("ended");
        controller.close();
      } else {
        this.#watch.chunk?.(value);
        controller.enqueue(value);
      }
    } catch (error) {
      if (this.#ending.isOver) return;
      this.#ending.tell("failed");
      controller.error(error);
    }
  }

  cancel(reason: unknown): Promise<void> {
    return this.#ending.giveUp(reason);
  }
}

/** Makes the end of a stream known, once. It outlives the stream, so it holds no reference to it. */
class Ending<Chunk> {
  isOver = false;
  readonly #reader: Reader<Chunk>;
  readonly #watch: StreamWatch<Chunk>;
  #onAbort: (() => void) | undefined = undefined;

  constructor(reader: Reader<Chunk>, watch: StreamWatch<Chunk>) {
    this.#reader = reader;
    this.#watch = watch;
  }

  tell(how: StreamEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    abandoned.unregister(this);
    if (this.#onAbort !== undefined) this.#watch.signal?.removeEventListener("abort", this.#onAbort);
    this.#watch.over(how);
  }

  /** Nobody will read the rest: the connection is let go with the seat. */
  async giveUp(reason: unknown): Promise<void> {
    this.tell("left");
    await this.#reader.cancel(reason).catch(() => undefined);
  }

  /**
   * The signal must end a stream that nobody reads at the moment, too. It may live as long as the program, so what listens
   * to it knows the stream only weakly.
   */
  listen(controller: WeakRef<ReadableStreamDefaultController<Chunk>>): void {
    const { signal } = this.#watch;
    if (signal === undefined) return;
    this.#onAbort = () => {
      if (this.isOver) return;
      void this.giveUp(signal.reason);
      controller.deref()?.error(signal.reason);
    };
    if (signal.aborted) queueMicrotask(this.#onAbort);
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }
}

/**
 * A reply that somebody waits for the end of: its body passes as it comes, chunk for chunk, and whoever watches is told
 * of each chunk and, once, that it is over. The reply stays a real `Response` with its status, headers and URL.
 */

/** How a body ended: read to its end, broken off on the way, or given up by its reader. */
export type BodyEnd = "ended" | "failed" | "left";

/** Who watches a body, or any other stream. */
export interface BodyWatch<Chunk = Uint8Array> {
  /** Looks at a chunk that passes; it must not keep it. */
  readonly chunk?: (chunk: Chunk) => void;
  /** Told once. */
  readonly over: (how: BodyEnd) => void;
  /** Breaks the body off when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const BROKEN_OFF = { done: undefined, value: undefined } as const;

type Reader<Chunk = Uint8Array> = ReadableStreamDefaultReader<Chunk>;

/** Bodies that nobody read and nobody can read any more: each holds a seat and a connection until it is let go. */
const abandoned = new FinalizationRegistry<() => void>((letGo) => letGo());

/**
 * The same reply, watched. One without a body is over at once. What its reader drops without reading is over when the
 * garbage collector finds it.
 */
export function watchBody(response: Response, watch: BodyWatch): Response {
  // A status that no `Response` can be made with passes as it is, unwatched.
  if (response.body === null || response.status > 599) {
    watch.over("ended");
    return response;
  }
  return replyWith(response, watchStream(response.body, watch));
}

/**
 * The first bytes of a body, up to about `max`, and whether that is all of it. What is left can still be read from
 * `reader`, and fails there if it broke off.
 */
export async function readStart(
  response: Response,
  max: number,
): Promise<{
  readonly bytes: Uint8Array;
  readonly whole: boolean;
  readonly reader: Reader | undefined;
}> {
  const reader: Reader | undefined = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let whole = reader === undefined;
  while (reader !== undefined && !whole && length < max) {
    const { done, value } = await reader.read().catch(() => BROKEN_OFF);
    if (done === undefined) break;
    whole = done;
    if (value !== undefined) {
      chunks.push(value);
      length += value.byteLength;
    }
  }
  return { bytes: joined(chunks, length), whole, reader };
}

/** The reply again, of which `bytes` were read already and the rest is still in `reader`. */
export function withStart(
  response: Response,
  { bytes, whole, reader }: { bytes: Uint8Array; whole: boolean; reader: Reader | undefined },
  headers: Headers = response.headers,
): Response {
  if (reader === undefined) return replyWith(response, null, headers);
  if (whole) return replyWith(response, bytes as Uint8Array<ArrayBuffer>, headers);
  const rest = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(bytes),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return replyWith(response, rest, headers);
}

/**
 * A `Response` with the status and URL of another. The body is no byte stream, for enqueuing into one takes the chunk's
 * memory away from whoever looked at it; readers that bring their own buffers (BYOB) are the price.
 */
export function replyWith(
  original: Response,
  body: ConstructorParameters<typeof Response>[0] | null,
  headers: Headers = original.headers,
): Response {
  const { status, statusText } = original;
  return inheriting(original, new Response(body, { status, statusText, headers }));
}

/** `new Response` knows no URL, and neither does its clone; SDKs log and compare it. */
function inheriting(original: Response, made: Response): Response {
  const { url, redirected, type } = original;
  return Object.defineProperties(made, {
    url: { value: url, configurable: true },
    redirected: { value: redirected, configurable: true },
    type: { value: type, configurable: true },
    clone: {
      value: () => inheriting(original, Response.prototype.clone.call(made)),
      configurable: true,
      writable: true,
    },
  });
}

/** The same stream, watched in the same way. */
export function watchStream<Chunk>(
  source: ReadableStream<Chunk>,
  watch: BodyWatch<Chunk>,
): ReadableStream<Chunk> {
  const reader = source.getReader();
  const ending = new Ending(reader, watch);
  // Chunks are fetched one by one as they are asked for: nothing is read ahead of its reader.
  const stream = new ReadableStream<Chunk>(new Passing(reader, watch, ending), { highWaterMark: 0 });
  // Held by the registry: neither of them may know the stream, or it would never be collected.
  abandoned.register(stream, () => ending.giveUp(undefined), ending);
  return stream;
}

/** The source of the watched body. */
class Passing<Chunk> {
  readonly #reader: Reader<Chunk>;
  readonly #watch: BodyWatch<Chunk>;
  readonly #ending: Ending<Chunk>;

  constructor(reader: Reader<Chunk>, watch: BodyWatch<Chunk>, ending: Ending<Chunk>) {
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

/** Makes the end of a body known, once. It outlives the stream, so it holds no reference to it. */
class Ending<Chunk> {
  isOver = false;
  readonly #reader: Reader<Chunk>;
  readonly #watch: BodyWatch<Chunk>;
  #onAbort: (() => void) | undefined = undefined;

  constructor(reader: Reader<Chunk>, watch: BodyWatch<Chunk>) {
    this.#reader = reader;
    this.#watch = watch;
  }

  tell(how: BodyEnd): void {
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
   * The signal must end a body that nobody reads at the moment, too. It may live as long as the program, so what listens
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

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

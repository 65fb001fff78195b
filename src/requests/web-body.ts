/**
 * The body of a reply that is there as a whole, as text and JSON are, told from one that comes by and by. The first is
 * passed on as bytes: the server can say how long it is and write it at once, and nobody has to watch it.
 */

/**
 * A body of one piece is there after five turns of the microtask queue, however its stream is made: one until the stream
 * has started, two for each of two reads. Waiting for more holds back nothing but other microtasks.
 */
const TURNS = 8;

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Read = ReturnType<Reader["read"]>;

/** All bytes of a body, or a body from which nothing is missing. It reads at most two chunks ahead. */
export async function wholeOrRest(
  body: ReadableStream<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>> {
  const reader = body.getReader();
  const ahead = new Ahead(reader);
  const first = await ahead.soon();
  if (first?.done === true) return new Uint8Array();
  const { value } = first ?? {};
  // What is no bytes is for the server to object to.
  if (value instanceof Uint8Array && (await ahead.soon())?.done === true)
    return value as Uint8Array<ArrayBuffer>;
  // Of a stream no more than its reader is used.
  return { getReader: () => ahead } as unknown as ReadableStream<Uint8Array>;
}

/** A reader that was read from before: what it gave then, it gives again. */
class Ahead implements Reader {
  readonly #reader: Reader;
  readonly #reads: Read[] = [];

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Reads on, and waits a few turns for what comes; undefined for what does not come so soon, or fails. */
  async soon(): Promise<Awaited<Read> | undefined> {
    let result: Awaited<Read> | undefined;
    let hasFailed = false;
    const read = this.#reader.read();
    this.#reads.push(read);
    read.then(
      (got) => (result = got),
      () => (hasFailed = true),
    );
    for (let turn = 0; turn < TURNS && result === undefined && !hasFailed; turn++) await Promise.resolve();
    return result;
  }

  read(): Read {
    return this.#reads.shift() ?? this.#reader.read();
  }

  cancel(reason?: unknown): Promise<void> {
    return this.#reader.cancel(reason);
  }

  get closed(): Reader["closed"] {
    return this.#reader.closed;
  }

  releaseLock(): void {
    this.#reader.releaseLock();
  }
}

/**
 * A reply that somebody waits for the end of: its body passes as it comes, chunk for chunk, and whoever watches is told
 * of each chunk and, once, that it is over. The reply stays a real `Response` with its status, headers and URL.
 */

import { watchStream } from "../node/watched-stream.ts";
import type { StreamWatch } from "../node/watched-stream.ts";

const BROKEN_OFF = { done: undefined, value: undefined } as const;

type Reader<Chunk = Uint8Array> = ReadableStreamDefaultReader<Chunk>;

/**
 * The same reply, watched. One without a body is over at once. What its reader drops without reading is over when the
 * garbage collector finds it.
 */
export function watchBody(response: Response, watch: StreamWatch): Response {
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

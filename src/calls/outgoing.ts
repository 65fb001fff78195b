/** A request that is about to be made with `fetch`, in a form that can be sent more than once. */

/** The headers that choose lane and flow for one call; they are for us and go no further. */
const LANE_HEADER = "laneway-lane";
const FLOW_HEADER = "laneway-flow";

/** What `fetch` takes as a body. */
type Body = RequestInit["body"];

/** One request to be sent. */
export interface Outgoing {
  readonly url: string;
  readonly method: string;
  /** Of this call alone, to be changed. */
  readonly headers: Headers;
  readonly body: Body;
  /** Whatever else `fetch` was told: redirects, a dispatcher. */
  readonly init: RequestInit;
  /** The body as bytes, where it is text or bytes; undefined for anything that is not read here. */
  readonly bytes: Uint8Array | undefined;
  /** False for a body that can be read only once. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
  /** What the request itself says of its lane and flow. */
  readonly lane: string | undefined;
  readonly flow: string | undefined;
}

/** Reads what `fetch` was called with. The body of a `Request` is read here, for it could be sent only once. */
export async function outgoing(input: string | URL | Request, init: RequestInit = {}): Promise<Outgoing> {
  const request = typeof input === "object" && "method" in input ? input : undefined;
  const headers = new Headers(init.headers ?? request?.headers);
  const lane = take(headers, LANE_HEADER);
  const flow = take(headers, FLOW_HEADER);
  const read = request?.body != null && init.body === undefined;
  const body = read ? new Uint8Array(await request.arrayBuffer()) : init.body;
  return {
    url: request?.url ?? (input as string | URL).toString(),
    method: (init.method ?? request?.method ?? "GET").toUpperCase(),
    headers,
    body,
    init: request === undefined ? init : { ...restOf(request), ...init },
    bytes: bytesOf(body),
    repeatable: !isOneShot(body),
    signal: init.signal ?? request?.signal,
    lane,
    flow,
  };
}

function restOf({ redirect, integrity, keepalive, referrerPolicy }: Request): RequestInit {
  return { redirect, integrity, keepalive, referrerPolicy };
}

/** What `fetch` is called with for one try. */
export function tryOf(request: Outgoing, headers: Headers, signal: AbortSignal): RequestInit {
  const { init, method, body } = request;
  return { ...init, method, headers, signal, ...(body === undefined ? {} : { body }) };
}

function take(headers: Headers, name: string): string | undefined {
  const value = headers.get(name) ?? undefined;
  if (value !== undefined) headers.delete(name);
  return value;
}

function bytesOf(body: Body): Uint8Array | undefined {
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return undefined;
}

function isOneShot(body: Body): boolean {
  if (typeof body !== "object" || body === null) return false;
  // A form and URL parameters can be iterated too, as often as one likes.
  if (body instanceof FormData || body instanceof URLSearchParams || ArrayBuffer.isView(body)) return false;
  return body instanceof ReadableStream || Symbol.asyncIterator in body || Symbol.iterator in body;
}

/**
 * The path as its provider documents it, whatever a base URL puts before it: `/proxy/openai/v1/files` is `/v1/files`, and
 * `/deployments/gpt/chat/completions` is `/v1/chat/completions`.
 */
export function apiPath(url: string): string {
  const { pathname } = new URL(url);
  const from = pathname.indexOf("/v1/");
  if (from !== -1) return pathname.slice(from);
  const known = /\/(?:messages(?:\/.*)?|chat\/completions|responses(?:\/.*)?|embeddings)$/.exec(
    pathname,
  )?.[0];
  return known === undefined ? pathname : `/v1${known}`;
}

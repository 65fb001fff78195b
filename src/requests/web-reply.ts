/** Web-standard replies: a refusal as one, and one that is watched to its end. */

import type { LanewayError } from "../core/errors.ts";
import { watchStream } from "../node/watched-stream.ts";
import type { StreamEnd, StreamWatch } from "../node/watched-stream.ts";
import { refusalReply } from "./refusal.ts";
import type { Refused } from "./refusal.ts";
import { wholeOrRest } from "./web-body.ts";
import type { WebRequest } from "./web-facts.ts";

/** What goes to a client that is not there any more; nobody sees it but the log. */
const CLIENT_LEFT = 499;

/** The reply to a request that got no seat. */
export function refusalResponse(error: LanewayError, refused: Refused, method: string): Response {
  const { status, headers, body } = refusalReply(error, refused);
  return new Response(method === "HEAD" ? null : body, { status, headers: pairs(headers) });
}

/** The reply to a client that left. */
export function goneResponse(): Response {
  return new Response(null, { status: CLIENT_LEFT });
}

/** How a reply is watched: a class, for of what lives as long as a request nothing may be a literal (see `around.ts`). */
export class Watch implements StreamWatch {
  /** Told once, when the body has ended; a reply without one is over at once. */
  readonly over: (how: StreamEnd) => void;
  /** Breaks the body off. */
  readonly signal: AbortSignal;
  /** Headers to add, as `[name, value, …]`. */
  readonly headers: readonly string[];
  /** The reply to a HEAD request has no body to wait for, whatever the handler made. */
  readonly withoutBody: boolean;

  constructor({ method, signal }: WebRequest, headers: readonly string[], over: (how: StreamEnd) => void) {
    this.over = over;
    this.signal = signal;
    this.headers = headers;
    this.withoutBody = method === "HEAD";
  }
}

/** The same reply, watched; at once, unless it has a body to look at. */
export function watchedResponse(response: Response, watch: Watch): Response | Promise<Response> {
  const { status, body } = response;
  // Of these no reply can be made; none of them has a body of HTTP.
  if (status < 200 || status > 599 || response.bodyUsed || body?.locked === true) {
    watch.over("ended");
    return response;
  }
  if (body !== null && !watch.withoutBody) return watchedBody(response, body, watch);
  if (body !== null) void body.cancel().catch(() => undefined);
  watch.over("ended");
  return body === null && watch.headers.length === 0 ? response : withBody(response, null, watch);
}

async function watchedBody(
  response: Response,
  body: NonNullable<Response["body"]>,
  watch: Watch,
): Promise<Response> {
  const read = await wholeOrRest(body);
  if (!(read instanceof Uint8Array)) return withBody(response, watchStream(read, watch), watch);
  watch.over("ended");
  return withBody(response, read, watch);
}

function withBody(
  { status, statusText, headers }: Response,
  body: ConstructorParameters<typeof Response>[0],
  watch: Watch,
): Response {
  const made = new Response(body, { status, statusText, headers });
  for (let i = 0; i < watch.headers.length; i += 2)
    made.headers.set(watch.headers[i]!, watch.headers[i + 1]!);
  return made;
}

/** Lets go of a reply that nobody will read. */
export function dropResponse({ body }: Response): void {
  if (body?.locked === false) void body.cancel().catch(() => undefined);
}

function pairs(headers: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let i = 0; i < headers.length; i += 2) list.push([headers[i]!, headers[i + 1]!]);
  return list;
}

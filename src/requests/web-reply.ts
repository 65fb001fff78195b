/** Web-standard replies: a refusal as one, and one that is watched to its end. */

import type { LanewayError } from "../core/errors.ts";
import { watchStream } from "../node/watched-stream.ts";
import type { StreamEnd } from "../node/watched-stream.ts";
import { refusalReply } from "./refusal.ts";
import type { Refused } from "./refusal.ts";

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

/** How a reply is watched. */
export interface Watch {
  /** Told once, when the body has ended; a reply without one is over at once. */
  readonly over: (how: StreamEnd) => void;
  /** Breaks the body off. */
  readonly signal: AbortSignal;
  /** Headers to add, as `[name, value, …]`. */
  readonly headers: readonly string[];
  /** The reply to a HEAD request has no body to wait for, whatever the handler made. */
  readonly withoutBody: boolean;
}

/** The same reply, watched. */
export function watchedResponse(response: Response, watch: Watch): Response {
  const { status, statusText } = response;
  let { body } = response;
  // Of these no reply can be made; none of them has a body of HTTP.
  if (status < 200 || status > 599 || response.bodyUsed || body?.locked === true) {
    watch.over("ended");
    return response;
  }
  if (watch.withoutBody && body !== null) {
    void body.cancel().catch(() => undefined);
    body = null;
  }
  if (body === null) {
    watch.over("ended");
    if (watch.headers.length === 0 && response.body === null) return response;
  }
  const made = new Response(body === null ? null : watchStream(body, watch), {
    status,
    statusText,
    headers: response.headers,
  });
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

/**
 * Redirects of calls whose headers are not for everybody: `fetch` would carry them on to wherever a reply points. Here
 * each hop gets the headers that are meant for its origin.
 */

/** One hop, as `fetch` takes it. */
interface Hop {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: RequestInit["body"];
}

/** How hops are sent. */
export interface Hops {
  /** False for a body that can be sent only once. */
  readonly repeatable: boolean;
  /** Headers, lower-case, that besides the usual ones are meant for one origin: those that a key of ours is in. */
  readonly ofTheOrigin?: readonly string[];
  /** Whether the next hop must be seen here; otherwise `fetch` may follow it. */
  isWatched(url: string): boolean;
  send(hop: Hop, redirect: "manual" | "follow"): Promise<Response>;
}

/** As many as `fetch` follows. */
const HOPS_MAX = 20;
const OF_THE_BODY = [
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
  "content-length",
];
/** What is meant for one origin goes to no other. */
const OF_THE_ORIGIN = ["authorization", "proxy-authorization", "cookie", "host"];

/** Sends a request and follows where its replies point. Rejects as `fetch` does when that leads nowhere. */
export async function followed(first: Hop, hops: Hops): Promise<Response> {
  let hop = first;
  for (let count = 0; ; count++) {
    const watched = hops.isWatched(hop.url);
    const response = await hops.send(hop, watched ? "manual" : "follow");
    const location = watched && isRedirect(response.status) ? response.headers.get("location") : null;
    if (location === null) {
      if (count > 0) Object.defineProperty(response, "redirected", { value: true, configurable: true });
      return response;
    }
    void response.body?.cancel().catch(() => undefined);
    if (count === HOPS_MAX) throw failed("redirect count exceeded");
    hop = nextHop(hop, response.status, location, hops);
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function nextHop(hop: Hop, status: number, location: string, { repeatable, ofTheOrigin = [] }: Hops): Hop {
  const target = URL.canParse(location, hop.url) ? new URL(location, hop.url) : undefined;
  if (target === undefined || !/^https?:$/.test(target.protocol))
    throw failed("URL scheme must be a HTTP(S) scheme");
  const headers = new Headers(hop.headers);
  let { method, body } = hop;
  const becomesGet =
    status === 303 ? method !== "GET" && method !== "HEAD" : status <= 302 && method === "POST";
  if (becomesGet) {
    method = "GET";
    body = undefined;
    for (const name of OF_THE_BODY) headers.delete(name);
  }
  if (body !== undefined && body !== null && !repeatable) throw failed("the body can be sent only once");
  if (target.origin !== new URL(hop.url).origin)
    for (const name of [...OF_THE_ORIGIN, ...ofTheOrigin]) headers.delete(name);
  return { url: target.href, method, headers, body };
}

function failed(cause: string): TypeError {
  return new TypeError("fetch failed", { cause: new Error(cause) });
}

/** Where the pages are mounted, and what of them a request asks for. */

import type { IncomingMessage } from "node:http";

/** What Express, Connect and their like add to a request whose handler is mounted at a path. */
interface Mounted {
  readonly originalUrl?: unknown;
  readonly baseUrl?: unknown;
}

/** The whole address that was asked for, undefined when it is none, and the prefix of the pages: it ends with a slash. */
export function placeOf(
  req: IncomingMessage,
  given: string | undefined,
): { readonly url: URL | undefined; readonly prefix: string } {
  const { originalUrl, baseUrl } = req as Mounted;
  // A proxy may ask by the whole address.
  const asked = (typeof originalUrl === "string" ? originalUrl : req.url)?.replace(
    /^https?:\/\/[^/?#]*/i,
    "",
  );
  const path = asked === undefined || asked === "" ? "/" : asked;
  const prefix = given ?? (typeof baseUrl === "string" ? baseUrl : "/");
  const isPath = path.startsWith("/") && URL.canParse(`http://admin.invalid${path}`);
  return {
    url: isPath ? new URL(`http://admin.invalid${path}`) : undefined,
    prefix: prefix.replace(/\/*$/, "/"),
  };
}

/**
 * URLs of the upstream in a reply, turned into URLs of this gateway: an SDK dials a batch's `results_url` as it stands,
 * with the credential of its caller, and would otherwise pass the gateway by.
 */

import type { Call } from "./call.ts";

/**
 * The rewriting of one call's reply; undefined when nobody knows which host the client dialled. `upstream` is its URL,
 * `publicHost` that of the API itself: a relay in between passes URLs on as they came.
 */
export function ownUrls(
  call: Call,
  upstream: string,
  publicHost: string | undefined,
): ((body: Buffer) => Buffer) | undefined {
  const dialled = dialledOrigin(call);
  if (dialled === undefined) return undefined;
  const origins = [upstream.replace(/\/+$/, "")];
  if (publicHost !== undefined) origins.push(`https://${publicHost}`);
  return (body) => {
    let text = body.toString("latin1");
    for (const theirs of origins) {
      // A JSON writer may escape each slash.
      for (const slash of ["/", "\\/"]) {
        const from = theirs.replaceAll("/", slash);
        const to = dialled.replaceAll("/", slash);
        for (const end of [slash, '"']) text = text.replaceAll(`"${from}${end}`, `"${to}${end}`);
      }
    }
    return Buffer.from(text, "latin1");
  };
}

/** The first of a list is the one that the client dialled; each proxy on the way appends its own. */
function dialledOrigin(call: Call): string | undefined {
  const first = (name: string): string | undefined => call.header(name)?.split(",", 1)[0]!.trim();
  const host = [first("x-forwarded-host"), call.host].find(
    (name) => name !== undefined && /^[\w.:[\]-]+$/.test(name),
  );
  if (host === undefined) return undefined;
  return `${first("x-forwarded-proto") === "https" ? "https" : "http"}://${host}`;
}

/** A refusal as a person sees it in a browser. */

import type { RefusalReply } from "../providers/provider.ts";

/**
 * The page for a problem: what happened, when to come back, and the id to ask about. It names no lane, resource or limit:
 * those are for whoever runs the service, who finds them by the id. Loads and runs nothing.
 */
export function asPage(
  { status, body }: RefusalReply,
  requestId: string,
  retryAfterS: number | undefined,
): RefusalReply {
  const { title } = JSON.parse(body) as { readonly title: string };
  const again =
    retryAfterS === undefined
      ? "<p>Your request could not be served.</p>"
      : `<p>Your request could not be served now. Please try again in ${retryAfterS} ${retryAfterS === 1 ? "second" : "seconds"}.</p>`;
  const page =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${status} ${escaped(title)}</title></head>` +
    `<body><h1>${escaped(title)}</h1>${again}<p><small>Request ${escaped(requestId)}</small></p></body></html>`;
  return { status, contentType: "text/html; charset=utf-8", body: page };
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** A refusal as a person sees it in a browser. */

import type { RefusalReply } from "../providers/provider.ts";

/** The page for a problem: what happened, when to come back, and the id to ask about. Loads and runs nothing. */
export function asPage(
  { status, body }: RefusalReply,
  message: string,
  requestId: string,
  retryAfterS: number | undefined,
): RefusalReply {
  const { title } = JSON.parse(body) as { readonly title: string };
  const again =
    retryAfterS === undefined
      ? ""
      : `<p>Please try again in ${retryAfterS} ${retryAfterS === 1 ? "second" : "seconds"}.</p>`;
  const page =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${status} ${escaped(title)}</title></head>` +
    `<body><h1>${escaped(title)}</h1><p>${escaped(message)}</p>${again}<p><small>${escaped(requestId)}</small></p></body></html>`;
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

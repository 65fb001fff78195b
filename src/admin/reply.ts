/** Bodies in and out of the admin pages. */

import type { IncomingMessage, ServerResponse } from "node:http";

const BODY_MOST_BYTES = 16_384;

/** A body that cannot be read, with what to answer. */
export class BadBody extends Error {
  readonly status: 400 | 413 | 415;

  constructor(status: 400 | 413 | 415, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads a small JSON object. A form of another site cannot send this type without being asked about it first. */
export async function readJson(req: IncomingMessage): Promise<object> {
  const type = req.headers["content-type"] ?? "none";
  if (!/^application\/json\b/i.test(type))
    throw new BadBody(415, `content-type: expected application/json, found ${type.slice(0, 100)}`);
  const parsed = (req as { readonly body?: unknown }).body;
  // A framework whose body parser came first has read it.
  if (req.readableEnded && typeof parsed === "object" && parsed !== null) return parsed;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_MOST_BYTES)
      throw new BadBody(413, `expected a body of at most ${BODY_MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new BadBody(400, "the body is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadBody(400, "expected a JSON object");
  return value;
}

export function sendJson(req: IncomingMessage, res: ServerResponse, status: number, value: unknown): void {
  send(req, res, status, "application/json", `${JSON.stringify(value)}\n`);
}

export function send(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
): void {
  res.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "cache-control": String(res.getHeader("cache-control") ?? "no-store"),
    "x-content-type-options": "nosniff",
  });
  res.end(req.method === "HEAD" ? undefined : body);
}

/** Writes what the admission has to say to a client. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { LanewayError } from "../core/errors.ts";
import { refusalReply } from "./refusal.ts";
import type { Refused } from "./refusal.ts";

/** Answers a request that got no seat. */
export function answerRefused(
  req: IncomingMessage,
  res: ServerResponse,
  error: LanewayError,
  refused: Refused,
): void {
  const { status, headers, body } = refusalReply(error, refused);
  res.statusCode = status;
  for (let i = 0; i < headers.length; i += 2) res.setHeader(headers[i]!, headers[i + 1]!);
  res.end(req.method === "HEAD" ? undefined : body);
}

/**
 * Answers a request whose handler has not, and ends its connection. What the handler says from now on is dropped: it
 * cannot know, and an exception at its late `writeHead` would end the whole process.
 */
export function answerLate(
  req: IncomingMessage,
  res: ServerResponse,
  error: LanewayError,
  refused: Refused,
): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  // HTTP/2 has many requests on one connection: only this one's stream ends there.
  if (req.httpVersionMajor < 2) res.setHeader("connection", "close");
  answerRefused(req, res, error, refused);
  for (const name of SAYING) Object.defineProperty(res, name, { value: sayNothing, configurable: true });
}

const SAYING = "setHeader appendHeader setHeaders removeHeader writeHead flushHeaders write end".split(" ");

function sayNothing(this: ServerResponse): ServerResponse {
  return this;
}

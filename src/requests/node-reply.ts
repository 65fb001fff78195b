/** Writes what the admission has to say to a client, and notices when the application begins to. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { LanewayError } from "../core/errors.ts";
import type { Permit } from "../core/permit.ts";
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

/**
 * Tells `permit` when the head of the reply is written. `writeHead` is the one place through which every reply goes.
 *
 * One function for all replies: an engine that sees a new function on each reply keeps replies that are over for longer
 * than the collector should have to carry them.
 */
export function whenBegun(res: ServerResponse, permit: Permit): void {
  const watched = res as Watched;
  // oxlint-disable-next-line typescript/unbound-method
  watched[BEGINNING] = new Beginning(res.writeHead, permit, watched[BEGINNING]);
  res.writeHead = begin;
}

const BEGINNING = Symbol("laneway.beginning");

interface Watched extends ServerResponse {
  [BEGINNING]?: Beginning | undefined;
}

class Beginning {
  readonly writeHead: ServerResponse["writeHead"];
  readonly permit: Permit;
  readonly outer: Beginning | undefined;

  constructor(writeHead: ServerResponse["writeHead"], permit: Permit, outer: Beginning | undefined) {
    this.writeHead = writeHead;
    this.permit = permit;
    this.outer = outer;
  }
}

function begin(this: Watched, ...args: unknown[]): ServerResponse {
  const beginning = this[BEGINNING];
  // A wrapper of somebody else's that kept this function, and calls it once more.
  if (beginning === undefined) {
    const { writeHead } = Object.getPrototypeOf(this) as {
      readonly writeHead: (...args: unknown[]) => ServerResponse;
    };
    return Reflect.apply(writeHead, this, args);
  }
  const { writeHead, permit, outer } = beginning;
  this[BEGINNING] = outer;
  this.writeHead = writeHead;
  permit.answered();
  return Reflect.apply(writeHead, this, args) as ServerResponse;
}

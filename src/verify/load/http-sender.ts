/**
 * Sends calls over HTTP with undici's `dispatch`, its cheapest form: bodies are counted, not kept, and each caller gets a
 * connection of its own, as so many separate clients would.
 */

import { Pool } from "undici";
import type { Dispatcher } from "undici";
import type { CallOutcome } from "./result.ts";

/** What every call of a stream sends. */
export interface CallTarget {
  /** The origin: `http://127.0.0.1:8080`. */
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The sending side of one stream; closing it ends the calls still in flight. */
export interface HttpSender {
  send(settle: (outcome: CallOutcome) => void): void;
  close(): Promise<void>;
}

/** A sender with connections of its own to one target. */
export function httpSender(target: CallTarget): HttpSender {
  // No time-outs of the client's own: how long a reply takes is what is measured.
  const pool = new Pool(target.origin, {
    connections: null,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
  });
  const options = {
    method: target.method,
    path: target.path,
    headers: target.headers,
    body: target.body,
  };
  return {
    send: (settle) => void pool.dispatch(options, replyHandler(settle)),
    close: () => pool.destroy(),
  };
}

function replyHandler(settle: (outcome: CallOutcome) => void): Dispatcher.DispatchHandler {
  let status = 0;
  let waitMs: number | undefined;
  let lane: string | undefined;
  return {
    onRequestStart: () => undefined,
    onResponseStart: (_controller, statusCode, headers) => {
      status = statusCode;
      waitMs = numberIn(headers["laneway-wait-ms"]);
      lane = textIn(headers["laneway-lane"]);
    },
    onResponseData: () => undefined,
    onResponseEnd: () => settle({ status, waitMs, lane }),
    onResponseError: (_controller, error) => settle({ status: 0, error: error.message }),
  };
}

function textIn(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function numberIn(header: string | string[] | undefined): number | undefined {
  const text = textIn(header);
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

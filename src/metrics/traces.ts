/**
 * The trace that surrounds a request to any server of this process, for exemplars: the `traceparent` header that it came
 * with. Nothing is looked at before somebody asks, and of many requests some.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";

const storage = new AsyncLocalStorage<string | undefined>();
/** Node tells of each request here, before its server does and in the same turn. */
const CHANNEL = "http.server.request.start";
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;
const NO_TRACE = "0".repeat(32);
let watchers = 0;

/** The trace id of a `traceparent`; undefined for none, and for a malformed one. */
export function traceIdOf(traceparent: string | readonly string[] | undefined): string | undefined {
  const found = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return found === NO_TRACE ? undefined : found;
}

/** The trace of the request that this code serves, since `watchTraces`. */
export function currentTraceId(): string | undefined {
  return storage.getStore();
}

/** Notes the trace of every request from now on; the returned function stops that. */
export function watchTraces(): () => void {
  if (watchers++ === 0) subscribe(CHANNEL, enter);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--watchers === 0) unsubscribe(CHANNEL, enter);
  };
}

/** So many of something in each second, and no more. */
export class Allowance {
  readonly #perSecond: number;
  #left: number;
  #since = -Infinity;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
  }

  /** Whether there is one left at this instant, in milliseconds; it is used up then. */
  take(now: number): boolean {
    if (now - this.#since >= 1_000) {
      this.#since = now;
      this.#left = this.#perSecond;
    }
    return this.#left-- > 0;
  }
}

/** A context of its own costs a request some microseconds: above this rate exemplars are a sample. */
const allowance = new Allowance(100);

function enter(message: unknown): void {
  const { request } = message as { readonly request: IncomingMessage };
  const header = request.headers["traceparent"];
  const traceId = header !== undefined && allowance.take(performance.now()) ? traceIdOf(header) : undefined;
  // Whatever surrounds the connection, another request's trace is not this one's.
  if (traceId !== undefined || storage.getStore() !== undefined) storage.enterWith(traceId);
}

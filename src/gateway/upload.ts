/**
 * The body of a request. Small ones are read whole before admission, so that a slow sender holds no seat; larger ones
 * stream from the client to the upstream, each no faster than the other can take it.
 */

import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { Call } from "./call.ts";
import { IdleWatch } from "./idle.ts";
import type { Watched } from "./idle.ts";
import { Refused } from "./refused.ts";

/** As much as an unread body would occupy anyway: Node buffers 64 KiB of it before it stops reading. */
export const SMALL_BODY_BYTES = 65_536;

/** How long a body that is read whole may take to arrive, as Node's own bound for a request. */
const UPLOAD_TIMEOUT_MS = 300_000;

/** How long a client may go on sending a body that nobody wants any more, so that it can read its reply at the end. */
const DISCARD_TIMEOUT_MS = 30_000;

export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers["content-length"];
  return length === undefined ? req.headers["transfer-encoding"] !== undefined : Number(length) > 0;
}

/** Whether the body is known to be small before any of it arrived. */
export function hasSmallBody(req: IncomingMessage): boolean {
  return Number(req.headers["content-length"] ?? Number.NaN) <= SMALL_BODY_BYTES;
}

/**
 * Reads the body whole; it is held until the call is over. Rejects with `Refused` when it is longer than `maxBytes` or
 * takes too long, with `LANEWAY_REJECTED` when there is no memory for it, and with the reason for which the call is stopped.
 */
export function readWhole(call: Call, maxBytes: number): Promise<Buffer> {
  const { req } = call;
  const declared = Number(req.headers["content-length"] ?? 0);
  if (declared > maxBytes) return Promise.reject(tooLarge(maxBytes, declared));
  letSend(call);
  return new Promise((resolve, reject) => new WholeBody(call, maxBytes, resolve, reject));
}

/** One watch for all: a timer for each body costs as much as reading it. */
const arriving = new IdleWatch();

/** A body on its way, until it is whole, too long or too late. */
class WholeBody implements Watched {
  /** Nothing that arrives starts its time anew. */
  moved = false;
  quietSince = 0;
  place = -1;
  readonly idleTimeoutMs = UPLOAD_TIMEOUT_MS;
  private readonly call: Call;
  private readonly maxBytes: number;
  private readonly resolve: (body: Buffer) => void;
  private readonly reject: (error: Error) => void;
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  constructor(call: Call, maxBytes: number, resolve: (body: Buffer) => void, reject: (error: Error) => void) {
    this.call = call;
    this.maxBytes = maxBytes;
    this.resolve = resolve;
    this.reject = reject;
    arriving.add(this);
    call.req.on("data", this.take);
    call.req.on("end", this.end);
    call.whenStopped(this.fail);
  }

  silent(): void {
    const seconds = UPLOAD_TIMEOUT_MS / 1_000;
    this.fail(new Refused("upload-timeout", `the body did not arrive within ${seconds} s`));
  }

  private readonly take = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    if (this.bytes > this.maxBytes) return this.fail(tooLarge(this.maxBytes, this.bytes));
    try {
      this.call.hold(chunk.length);
      this.chunks.push(chunk);
    } catch (error) {
      this.fail(error as Error);
    }
  };

  private readonly end = (): void => {
    this.settle();
    const { chunks, bytes } = this;
    this.resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes));
  };

  private readonly fail = (error: Error): void => {
    this.settle();
    this.call.req.off("data", this.take);
    this.call.req.off("end", this.end);
    this.reject(error);
  };

  private settle(): void {
    arriving.delete(this);
    this.call.whenStopped(undefined);
  }
}

function tooLarge(maxBytes: number, found: number): Refused {
  return new Refused(
    "too-large",
    `expected a body of at most ${maxBytes} bytes (gateway.maxBody), found ${found} or more`,
  );
}

function letSend(call: Call): void {
  if (call.expectsContinue) call.res.writeContinue();
}

/**
 * The body as a stream for the upstream call. It stands between the two because whoever reads a stream may destroy it,
 * and destroying the request itself would cut the client off from its reply.
 */
export class Upload extends Readable {
  private readonly req: IncomingMessage;

  constructor(call: Call) {
    super();
    this.req = call.req;
    letSend(call);
    this.req.pause();
    this.req.on("data", this.onData);
    this.req.on("end", this.onEnd);
  }

  private readonly onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.req.pause();
  };

  private readonly onEnd = (): void => {
    this.push(null);
  };

  override _read(): void {
    this.req.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.req.off("data", this.onData);
    this.req.off("end", this.onEnd);
    callback(error);
  }
}

/**
 * Reads and forgets what is left of a body, for a reply that came before its request was complete. A client that still
 * sends would otherwise see its connection break instead of the reply.
 */
export function discardRest(req: IncomingMessage): void {
  if (req.complete || req.destroyed) return;
  req.resume();
  const { socket } = req;
  const timer = setTimeout(() => socket.destroy(), DISCARD_TIMEOUT_MS);
  timer.unref();
  const over = (): void => clearTimeout(timer);
  req.once("end", over);
  req.once("close", over);
}

/**
 * The body of a request. Small ones are read whole before admission, so that a slow sender holds no seat; larger ones
 * stream from the client to the upstream, each no faster than the other can take it.
 */

import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { Call } from "./call.ts";
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
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (): void => {
      clearTimeout(timer);
      call.whenStopped(undefined);
    };
    const fail = (error: Error): void => {
      settle();
      req.off("data", take);
      req.off("end", end);
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) return fail(tooLarge(maxBytes, bytes));
      try {
        call.hold(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error as Error);
      }
    };
    const end = (): void => {
      settle();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes));
    };
    const timer = setTimeout(
      () =>
        fail(new Refused("upload-timeout", `the body did not arrive within ${UPLOAD_TIMEOUT_MS / 1_000} s`)),
      UPLOAD_TIMEOUT_MS,
    );
    timer.unref();
    req.on("data", take);
    req.on("end", end);
    call.whenStopped(fail);
  });
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

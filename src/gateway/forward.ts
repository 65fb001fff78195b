/**
 * Step three: the upstream call. Bytes pass as they come, each side no faster than the other; the call is aborted when
 * the client leaves or the lane's time-out passes before the first byte of a reply.
 */

import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { Permit } from "../core/permit.ts";
import { ClientLeft } from "./call.ts";
import type { Call } from "./call.ts";
import type { Route } from "./classify.ts";
import { replyHeaders, requestHeaders } from "./headers.ts";
import { pushLaneHeaders } from "./report.ts";
import { upstreamError } from "./upstream-error.ts";
import { discardRest, hasBody, Upload } from "./upload.ts";

export interface ForwardOptions {
  /** The header that carries claims, lower-case: never passed on. */
  readonly claimHeader: string;
  /** Whether the client should not use its connection again. */
  readonly lastReply: () => boolean;
}

/**
 * Settles when the upstream call is over and the seat is free: resolves with the reply's status, and rejects with what
 * went wrong. When it rejects before the reply began, nothing was sent to the client yet.
 */
export function forward(call: Call, route: Route, permit: Permit, options: ForwardOptions): Promise<number> {
  const { upstream } = route;
  const headers = requestHeaders(call.req, {
    tellClient: upstream.provider.tellsClient,
    claimHeader: options.claimHeader,
    clientAddress: call.remoteAddress,
  });
  return new Promise((resolve, reject) => {
    const upload = call.body === undefined && hasBody(call.req) ? new Upload(call) : undefined;
    const exchange = new Exchange(call, permit, upstream.name, options, resolve, reject, upload);
    const path = upstream.basePath + call.path;
    upstream.connections.dispatch(
      { method: call.method, path, headers, body: call.body ?? upload ?? null },
      exchange,
    );
  });
}

const SMALL_BYTES = 8_192;

const UNPRINTABLE = /[^\t\x20-\x7e\x80-\xff]/;

class Exchange implements Dispatcher.DispatchHandler {
  private readonly call: Call;
  private readonly permit: Permit;
  private readonly upstream: string;
  private readonly options: ForwardOptions;
  private readonly resolve: (status: number) => void;
  private readonly reject: (error: unknown) => void;
  private readonly upload: Upload | undefined;
  private controller: Dispatcher.DispatchController | undefined = undefined;
  private status = 0;
  private bodyBegun = false;
  /** What the reply's length says is still to come; NaN when it says nothing. */
  private bytesLeft = Number.NaN;
  /** Settled, one way or the other. */
  private over = false;

  constructor(
    call: Call,
    permit: Permit,
    upstream: string,
    options: ForwardOptions,
    resolve: (status: number) => void,
    reject: (error: unknown) => void,
    upload: Upload | undefined,
  ) {
    this.call = call;
    this.permit = permit;
    this.upstream = upstream;
    this.options = options;
    this.resolve = resolve;
    this.reject = reject;
    this.upload = upload;
    permit.signal.onabort = () => this.fail(permit.signal.reason);
    call.whenStopped((reason) => this.fail(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up before, or while the connection was being made. Throwing spares it, where abort() would destroy it.
    if (this.over) throw new ClientLeft();
    this.controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    parsed: IncomingHttpHeaders,
    statusText = "",
  ): void {
    // 1xx: an interim answer, the real one follows.
    if (status < 200 || this.over) return;
    this.answered();
    this.status = status;
    this.bytesLeft = Number(parsed["content-length"] ?? Number.NaN);
    const headers = replyHeaders(controller.rawHeaders as Buffer[]);
    pushLaneHeaders(headers, this.permit.lane, this.permit.waitMs);
    if (this.options.lastReply()) headers.push("connection", "close");
    this.call.res.writeHead(status, UNPRINTABLE.test(statusText) ? "" : statusText, headers);
    // Most replies bring the first of their body along, and then both leave in one packet. A stream may not: its client
    // must not wait for the headers until the first event.
    process.nextTick(sendHead, this);
  }

  /** The head alone, when no body has come with it. */
  sendHead(): void {
    if (!this.bodyBegun && !this.over) this.call.res.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return;
    this.bodyBegun = true;
    this.bytesLeft -= chunk.length;
    if (this.bytesLeft === 0) return this.endWith(chunk);
    const { res } = this.call;
    if (res.write(chunk)) return;
    controller.pause();
    res.once("drain", () => controller.resume());
  }

  /**
   * The last of a body whose length is known. A small one leaves as text, byte for byte: Node then joins it to the
   * headers and writes once, where a buffer needs a gathering write (2 to 3 µs of a reply's 47).
   */
  private endWith(chunk: Buffer): void {
    if (chunk.length <= SMALL_BYTES) this.call.res.end(chunk.toString("latin1"), "latin1");
    else this.call.res.end(chunk);
  }

  onResponseEnd(): void {
    if (this.over) return;
    this.finish();
    if (this.bytesLeft !== 0 || !this.bodyBegun) this.call.res.end();
    discardRest(this.call.req);
    this.resolve(this.status);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(upstreamError(error, this.upstream, this.controller !== undefined));
  }

  /** Ends the call for any reason but a complete reply; the first reason counts. */
  fail(error: unknown): void {
    if (this.over) return;
    this.finish();
    this.controller?.abort(error as Error);
    this.reject(error);
  }

  /** The reply has begun: it may now take as long as it likes. */
  private answered(): void {
    this.permit.signal.onabort = null;
    this.permit.answered();
  }

  private finish(): void {
    this.over = true;
    this.call.whenStopped(undefined);
    this.permit.signal.onabort = null;
    // Lets go of the request, so that the rest of its body can be read and forgotten.
    this.upload?.destroy();
  }
}

function sendHead(exchange: Exchange): void {
  exchange.sendHead();
}

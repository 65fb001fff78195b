/**
 * One try at the upstream. Bytes of its reply pass as they come, each side no faster than the other; an error reply is
 * held back until it is known whether the request is tried again, and so is one whose URLs must be changed.
 */

import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { Permit } from "../core/permit.ts";
import type { Usage, UsageReader, Verdict } from "../providers/provider.ts";
import { whenLate } from "../requests/late.ts";
import { ClientLeft } from "./call.ts";
import type { Call } from "./call.ts";
import { ERROR_BYTES_MAX, HeldReply, REWRITTEN_BYTES_MAX } from "./held-reply.ts";
import type { IdleWatch, Watched } from "./idle.ts";
import { replyHeaders } from "./headers.ts";
import { HiddenInPieces, hides } from "./hidden-key.ts";
import type { HiddenKey } from "./hidden-key.ts";
import { pushLaneHeaders } from "./report.ts";
import { silentError, tooLongError, upstreamError } from "./upstream-error.ts";
import { discardRest } from "./upload.ts";
import type { Upload } from "./upload.ts";

/** What a try needs beside its request. */
export interface Try {
  readonly call: Call;
  readonly permit: Permit;
  /** The resource's name. */
  readonly upstream: string;
  readonly upload: Upload | undefined;
  /** What the reply says besides what the upstream said: the fallback that served it. */
  readonly extraHeaders: readonly string[];
  /** Whether the client should not use its connection again. */
  readonly lastReply: () => boolean;
  readonly idle: IdleWatch;
  readonly idleTimeoutMs: number;
  /** Our key at the upstream, which no reply may show. */
  readonly hidden: HiddenKey | undefined;
  /** For a call with a plan: told of the head of each reply; error replies are then held back. */
  readonly onHead: ((status: number, header: (name: string) => string | undefined) => void) | undefined;
  /** For a reply that tells what it used. */
  readonly usageReader: (contentType: string | undefined) => UsageReader | undefined;
  /** For a reply with URLs of the upstream in it. */
  readonly rewrite: ((body: Buffer) => Buffer) | undefined;
}

/** How a try ended: its reply is the client's, or an error reply that is held back. */
export type TryEnd =
  | { readonly status: number; readonly held?: undefined }
  | { readonly held: HeldReply; readonly verdict?: Verdict };

const SMALL_BYTES = 8_192;
const UNPRINTABLE = /[^\t\x20-\x7e\x80-\xff]/;

export class Exchange implements Dispatcher.DispatchHandler, Watched {
  /** Something moved, either way, since the last look. */
  moved = false;
  quietSince = 0;
  place = -1;
  private readonly of: Try;
  private readonly resolve: (end: TryEnd) => void;
  private readonly reject: (error: unknown) => void;
  private controller: Dispatcher.DispatchController | undefined = undefined;
  private held: HeldReply | undefined = undefined;
  private reader: UsageReader | undefined = undefined;
  private readonly masked: HiddenInPieces | undefined;
  private status = 0;
  private bodyBegun = false;
  /** What the reply's length says is still to come; NaN when it says nothing. */
  private bytesLeft = Number.NaN;
  /** Settled, one way or the other. */
  private over = false;

  constructor(of: Try, resolve: (end: TryEnd) => void, reject: (error: unknown) => void) {
    this.of = of;
    this.resolve = resolve;
    this.reject = reject;
    this.masked = of.hidden === undefined ? undefined : new HiddenInPieces(of.hidden);
    whenLate(of.permit, (error) => this.fail(error));
    of.call.whenStopped((reason) => this.fail(reason));
  }

  get idleTimeoutMs(): number {
    return this.of.idleTimeoutMs;
  }

  /** What the reply has told of its usage; for one that broke off, as far as it came. */
  usage(whole: boolean): Usage | undefined {
    try {
      return whole ? this.reader?.end() : this.reader?.seen;
    } catch {
      return undefined;
    }
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
    const { of } = this;
    this.status = status;
    this.bytesLeft = Number(parsed["content-length"] ?? Number.NaN);
    const raw = controller.rawHeaders as Buffer[];
    const header = (name: string): string | undefined => {
      const value = parsed[name];
      return typeof value === "object" ? value.join(", ") : value;
    };
    of.onHead?.(status, header);
    const failed = of.onHead !== undefined && status >= 400;
    const plain = parsed["content-encoding"] === undefined;
    const text = UNPRINTABLE.test(statusText) || of.hidden?.isIn(statusText) === true ? "" : statusText;
    if (failed || (of.rewrite !== undefined && plain) || (of.call.committed && !isEventStream(parsed))) {
      // It may be tried again, and until it is whole what is left of the time-out still counts.
      this.held = new HeldReply(status, text, replyHeaders(raw), header, failed);
      return;
    }
    this.answered();
    if (plain && status < 300) this.reader = of.usageReader(header("content-type"));
    if (!of.call.committed) this.writeHead(text, replyHeaders(raw));
    // Most replies bring the first of their body along, and then both leave in one packet. A stream may not: its client
    // must not wait for the headers until the first event.
    process.nextTick(sendHead, this);
  }

  /** The head alone, when no body has come with it; from here on silence counts. */
  sendHead(): void {
    if (this.over) return;
    if (!this.bodyBegun) this.of.call.res.flushHeaders();
    this.of.idle.add(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return;
    this.of.call.notes.replyBytes += chunk.length;
    if (this.held !== undefined) return this.hold(controller, chunk);
    this.bodyBegun = true;
    this.bytesLeft -= chunk.length;
    this.moved = true;
    if (this.reader !== undefined) this.read(chunk);
    this.pass(controller, chunk);
  }

  onResponseEnd(): void {
    if (this.over) return;
    this.finish();
    const { call } = this.of;
    if (this.held !== undefined) {
      if (this.held.isError || call.committed) this.resolve({ held: this.held });
      else this.passRewritten(this.held);
      return;
    }
    if (this.bytesLeft !== 0 || !this.bodyBegun) {
      const rest = this.masked?.rest();
      if (rest === undefined || rest.length === 0) call.res.end();
      else call.res.end(rest);
    }
    discardRest(call.req);
    this.resolve({ status: this.status });
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(upstreamError(error, this.of.upstream, this.controller !== undefined));
  }

  /** Ends the try for any reason but a complete reply; the first reason counts. */
  fail(error: unknown): void {
    if (this.over) return;
    this.finish();
    this.controller?.abort(error as Error);
    this.reject(error);
  }

  silent(): void {
    this.fail(silentError(this.of.upstream, this.of.idleTimeoutMs));
  }

  private writeHead(statusText: string, headers: string[]): void {
    const { of } = this;
    pushLaneHeaders(headers, of.call.id, of.permit.lane, of.permit.waitMs);
    if (of.extraHeaders.length > 0) headers.push(...of.extraHeaders);
    if (of.lastReply()) headers.push("connection", "close");
    of.call.res.writeHead(this.status, statusText, hides(of.hidden, headers));
  }

  private pass(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { res } = this.of.call;
    const isLast = this.bytesLeft === 0;
    const bytes = this.masked === undefined ? chunk : this.masked.pass(chunk, isLast);
    if (isLast) return this.endWith(bytes);
    if (bytes.length === 0 || res.write(bytes)) return;
    controller.pause();
    res.once("drain", () => {
      this.moved = true;
      controller.resume();
    });
  }

  /** Whatever is wrong with what we read, the client's reply is not. */
  private read(chunk: Buffer): void {
    try {
      this.reader!.push(chunk);
    } catch {
      this.reader = undefined;
    }
  }

  private hold(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const held = this.held!;
    held.add(chunk);
    if (held.bytes <= (held.isError ? ERROR_BYTES_MAX : REWRITTEN_BYTES_MAX)) return;
    // Too long to be kept: it passes as it is, and is final.
    if (this.of.call.committed) return this.fail(tooLongError(this.of.upstream, ERROR_BYTES_MAX));
    this.held = undefined;
    this.answered();
    this.writeHead(held.statusText, held.headers);
    this.bodyBegun = true;
    const body = held.body();
    this.bytesLeft -= body.length;
    this.pass(controller, body);
    this.of.idle.add(this);
  }

  private passRewritten(held: HeldReply): void {
    const { call, rewrite, hidden } = this.of;
    const body = rewrite!(held.body());
    hidden?.mask(body);
    this.answered();
    this.writeHead(held.statusText, this.hasBody() ? held.headersFor(body) : held.headers);
    call.res.end(this.hasBody() ? body : undefined);
    discardRest(call.req);
    this.resolve({ status: this.status });
  }

  /**
   * The last of a body whose length is known. A small one leaves as text, byte for byte: Node then joins it to the
   * headers and writes once, where a buffer needs a gathering write (2 to 3 µs of a reply's 47).
   */
  private endWith(chunk: Buffer): void {
    if (chunk.length <= SMALL_BYTES) this.of.call.res.end(chunk.toString("latin1"), "latin1");
    else this.of.call.res.end(chunk);
  }

  private hasBody(): boolean {
    return this.of.call.method !== "HEAD" && this.status !== 204 && this.status !== 304;
  }

  /** The reply passes from here on: it may now take as long as it likes. */
  private answered(): void {
    this.of.call.replyBegins();
    whenLate(this.of.permit, undefined);
    this.of.permit.answered();
  }

  private finish(): void {
    this.over = true;
    this.of.idle.delete(this);
    this.of.call.whenStopped(undefined);
    whenLate(this.of.permit, undefined);
    // Lets go of the request, so that the rest of its body can be read and forgotten.
    this.of.upload?.destroy();
  }
}

function sendHead(exchange: Exchange): void {
  exchange.sendHead();
}

function isEventStream(headers: IncomingHttpHeaders): boolean {
  return /^text\/event-stream\b/i.test(headers["content-type"] ?? "");
}

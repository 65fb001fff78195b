/**
 * One request on its way through the gateway: what is known of it, and whether its client is still there. The steps of
 * its life are one file each: classify, admit, forward, refuse; `serve.ts` puts them in order.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { plainAddress } from "../policy/address.ts";
import type { RequestFacts } from "../policy/classify.ts";
import type { BodyMemory } from "./body-memory.ts";
import { providerByShape } from "../providers/known.ts";
import type { BodyFacts, Provider } from "../providers/provider.ts";
import { whenClosed } from "../requests/node-closed.ts";
import { originForm } from "../requests/node-facts.ts";
import { newRequestId } from "../requests/request-id.ts";
import { RequestNotes } from "./record.ts";
import type { Warm } from "./warm.ts";

/** The reason of everything that is stopped because nobody waits for it any more. Never shown to anyone. */
export class ClientLeft extends Error {
  constructor() {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super("the client left");
    Error.stackTraceLimit = limit;
  }
}

/** What a call needs beside its request. */
export interface CallOptions {
  readonly expectsContinue: boolean;
  readonly memory: BodyMemory;
  /** Called when the last byte of the reply has left, or the client has. */
  readonly onClosed: () => void;
}

export class Call implements RequestFacts {
  readonly id: string = newRequestId();
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The target in origin form, query included. */
  readonly path: string;
  /** The protocol whose shape the request has, by its path; undefined for any other path. */
  readonly provider: Provider | undefined;
  /** The client waits for leave to send its body (`expect: 100-continue`). */
  readonly expectsContinue: boolean;
  /** The model that the body names, once it was read for that. */
  model: string | undefined = undefined;
  /** The body, once it was read whole, and what it says where that matters. */
  body: Buffer | undefined = undefined;
  facts: BodyFacts | undefined = undefined;
  /** Keeps a waiting stream warm. */
  warm: Warm | undefined = undefined;
  /** A reply of the upstream is on its way to the client: from here on it can only go on, or be cut. */
  begun = false;
  /** All tries that the policy grants were made, or more are pointless: the client's SDK need not come back. */
  triedOut = false;
  readonly startedAt: number = performance.now();
  /** What its record is to tell beside what the scheduler knows. */
  readonly notes: RequestNotes = new RequestNotes();
  /** Why this call is to stop: its client left, or broke the protocol. */
  stopReason: Error | undefined = undefined;
  private onStop: ((reason: Error) => void) | undefined = undefined;

  private readonly memory: BodyMemory;
  private heldBytes = 0;

  constructor(req: IncomingMessage, res: ServerResponse, { expectsContinue, memory, onClosed }: CallOptions) {
    this.req = req;
    this.res = res;
    this.expectsContinue = expectsContinue;
    this.memory = memory;
    this.path = originForm(req.url!);
    this.notes.requestBytes = Number(req.headers["content-length"] ?? Number.NaN);
    this.provider = providerByShape(withoutQuery(this.path), (name) => this.header(name));
    // Before anything waits: a client may leave at any moment, and "close" comes once.
    const closed = (): void => {
      if (!res.writableFinished) this.stop(new ClientLeft());
      this.freeBody();
      this.warm?.stop();
      onClosed();
    };
    whenClosed(req, res, closed);
  }

  /** The stream has begun with 200 before the upstream answered. */
  get committed(): boolean {
    return this.warm?.committed === true;
  }

  get method(): string {
    return this.req.method!;
  }

  get host(): string | undefined {
    return this.req.headers.host;
  }

  get remoteAddress(): string | undefined {
    const { remoteAddress } = this.req.socket;
    return remoteAddress === undefined ? undefined : plainAddress(remoteAddress);
  }

  header(name: string): string | undefined {
    const value = this.req.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }

  /** The target without its query. */
  get pathname(): string {
    return withoutQuery(this.path);
  }

  /** Accounts for so many bytes of the body. Throws `LANEWAY_REJECTED` when there is no memory for them. */
  hold(bytes: number): void {
    this.memory.hold(bytes);
    this.heldBytes += bytes;
  }

  /** The reply has begun: the body is not needed for another try, and a long stream must not hold memory for it. */
  replyBegins(): void {
    this.begun = true;
    this.notes.firstByteMs = performance.now() - this.startedAt;
    this.warm?.stop();
    this.body = undefined;
    this.freeBody();
  }

  /**
   * Has the step that is under way told to stop, at once if it is to already: a client may leave between two steps. One
   * step is under way at a time, and each begins by saying what ends it.
   */
  whenStopped(onStop: ((reason: Error) => void) | undefined): void {
    this.onStop = onStop;
    if (this.stopReason !== undefined) onStop?.(this.stopReason);
  }

  private freeBody(): void {
    if (this.heldBytes > 0) this.memory.free(this.heldBytes);
    this.heldBytes = 0;
  }

  /** Ends whatever step is under way; the first reason counts. */
  stop(reason: Error): void {
    if (this.stopReason !== undefined) return;
    this.stopReason = reason;
    this.onStop?.(reason);
  }
}

function withoutQuery(path: string): string {
  const query = path.indexOf("?");
  return query === -1 ? path : path.slice(0, query);
}

/**
 * Keeps a waiting stream warm. Some clients and load balancers give up on silence, so after a set time the gateway may
 * commit itself to 200 and send what this protocol's clients pass over. The price: a later failure can only be told inside
 * the stream, and no SDK comes back after that by itself; so it is off unless the policy says otherwise.
 */

import type { ServerResponse } from "node:http";
import { pushLaneHeaders } from "./report.ts";

/** Well below the shortest patience that is known: 60 s at a load balancer. */
const PING_EVERY_MS = 10_000;

/** What a stream needs to be kept warm. */
export interface WarmStream {
  readonly res: ServerResponse;
  readonly ping: string;
  readonly lane: string;
  readonly requestId: string;
  readonly afterMs: number;
}

export class Warm {
  /** The client was told 200. */
  committed = false;
  private readonly stream: WarmStream;
  private readonly startedAt: number = performance.now();
  private timer: NodeJS.Timeout | undefined;

  constructor(stream: WarmStream) {
    this.stream = stream;
    this.timer = setTimeout(() => this.commit(), stream.afterMs);
  }

  /** The reply begins, or there will be none. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private commit(): void {
    const { res, lane, requestId } = this.stream;
    if (res.headersSent || res.destroyed) return;
    this.committed = true;
    const headers = ["content-type", "text/event-stream; charset=utf-8", "cache-control", "no-cache"];
    pushLaneHeaders(headers, requestId, lane, performance.now() - this.startedAt);
    res.writeHead(200, headers);
    this.ping();
  }

  private ping(): void {
    const { res, ping } = this.stream;
    // A client that does not read is not kept waiting for, and what is kept for it stays one buffer.
    if (!res.writableNeedDrain) res.write(ping);
    this.timer = setTimeout(() => this.ping(), PING_EVERY_MS);
  }
}

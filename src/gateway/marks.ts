/** The marks of what the gateway sends, to its clients and to its upstreams. */

import type { ServerResponse } from "node:http";
import { connectionOf } from "../adapters/dscp/connection.ts";
import { FollowedMarks } from "../adapters/dscp/follow.ts";
import { markReply } from "../adapters/dscp/replies.ts";
import type { Laneway } from "../policy/laneway.ts";

export class GatewayMarks {
  private readonly laneway: Laneway;
  private readonly marks: FollowedMarks;
  /** Whether a connection may have a mark: one that does must lose it when a policy without marks comes into force. */
  private used = false;

  /** @throws LanewayError `LANEWAY_INVALID` for marks that this host's queues are not ready for. */
  constructor(laneway: Laneway) {
    this.laneway = laneway;
    this.marks = new FollowedMarks(laneway);
  }

  /** Marks the reply to a request of this lane; undefined: one that has no lane. */
  reply(res: ServerResponse, lane: string | undefined): void {
    if (this.laneway.policy.network === undefined && !this.used) return;
    this.used = true;
    // A reply behind others has no socket yet; its request has.
    connectionOf(res.req.socket);
    markReply(res, this.marks.of(lane));
  }

  /** The mark of connections for calls of this lane, as packets carry it; 0: none. */
  tos(lane: string): number {
    return this.marks.of(lane).tos;
  }
}

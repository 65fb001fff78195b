/** One connection going out, marked by a lane. */

import { connect } from "node:net";
import type { Socket, TcpNetConnectOpts } from "node:net";
import { invalid } from "../../core/errors.ts";
import { currentLane } from "../../node/context.ts";
import { FollowedMarks } from "./follow.ts";
import type { Marked } from "./follow.ts";
import { laneMarks, markName, markOfLane, typeOfService } from "./marks.ts";

/** Options of `net.connect`, and the lane. */
export type MarkedConnectOptions = TcpNetConnectOpts & {
  /** Default: that of the async context; without one the connection is not marked. */
  readonly lane?: string | undefined;
};

/** A lane's mark, in the ways in which it is written. */
export interface Mark {
  readonly lane: string;
  /** From 0 to 63. */
  readonly codePoint: number;
  /** The standard name, `CS5`; the number where there is none. */
  readonly name: string;
  /** The byte of the packet's header: what the option `typeOfService` of Node's own sockets and agents takes. */
  readonly typeOfService: number;
}

/**
 * The mark of a lane, in the policy in force; undefined while that marks nothing.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a lane that there is not, naming those there are.
 * @example
 * const exports = new http.Agent({ keepAlive: true, typeOfService: markOf(laneway, "bulk")?.typeOfService ?? 0 });
 */
export function markOf({ policy }: Marked, lane: string): Mark | undefined {
  const { network, lanes } = policy;
  const { codePoint } = markOfLane("markOf: lane", laneMarks(lanes, network?.profile ?? "safe"), lane);
  if (network === undefined) return undefined;
  return { lane, codePoint, name: markName({ codePoint }), typeOfService: typeOfService(codePoint) };
}

/**
 * `net.connect` with the mark of a lane. For TLS give the socket to `tls.connect({ socket, servername })`: a TLS socket
 * itself takes no mark. The first packet, which opens the connection, is never marked.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a lane that there is not, and marks that would harm on this host's queues.
 * @example
 * const socket = tls.connect({ socket: markedConnect(laneway, { host, port: 443, lane: "bulk" }), servername: host });
 */
export function markedConnect(laneway: Marked, options: MarkedConnectOptions): Socket {
  if (laneway?.policy === undefined) throw invalid("markedConnect: laneway", "a Laneway", laneway);
  const { lane, ...rest } = options;
  if (lane !== undefined) markOf(laneway, lane);
  const { tos } = marksFor(laneway).of(lane ?? currentLane());
  return connect(tos === 0 ? rest : { ...rest, typeOfService: tos });
}

/** A host's queues are looked at once for a policy, not for each connection. */
const followed = new WeakMap<Marked, FollowedMarks>();

function marksFor(laneway: Marked): FollowedMarks {
  let marks = followed.get(laneway);
  if (marks === undefined) followed.set(laneway, (marks = new FollowedMarks(laneway)));
  return marks;
}

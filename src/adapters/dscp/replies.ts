/**
 * Replies of a Node server, each marked by the lane of its request when its head is written: then the lane is known, and
 * on a kept connection the reply before has left.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import { invalid } from "../../core/errors.ts";
import { admissionOf } from "../../requests/admission.ts";
import { carry, connectionOf, notedConnection } from "./connection.ts";
import type { MarkedConnection } from "./connection.ts";
import { FollowedMarks } from "./follow.ts";
import type { LaneTos, Marked } from "./follow.ts";
import { warnOnce } from "./warn.ts";

const SERVED = Symbol("laneway.marked");
const MARKING = Symbol("laneway.marking");

const BEFORE = Symbol("laneway.before-marking");

interface MarkedResponse extends ServerResponse {
  [MARKING]?: FollowedMarks | undefined;
  /** What somebody had put there before us; as a rule nobody has. */
  [BEFORE]?: ServerResponse["writeHead"] | undefined;
}

/**
 * Marks the packets of a server's replies by the lane of their requests, as the policy's `network` says: of a server of
 * `node:http`, `node:https` or `node:http2`, or the one that a framework has made. Call it once, before the server
 * listens, whatever adapter lets the requests in. Of several replies at once on one HTTP/2 connection the most important
 * gives the mark of all. What belongs to no lane is not marked.
 *
 * Where Node would mark nothing and say nothing it is marked all the same (TLS), or a process warning says so once: IPv4
 * clients of an IPv6 listener (see `listenOnBoth`), and a Node that cannot mark.
 *
 * @throws LanewayError `LANEWAY_INVALID` for something that is no server, a server that is marked already, and marks that
 * would harm on this host's queues.
 * @example
 * const server = createServer(httpLanes(laneway, handler));
 * markReplies(server, laneway);
 * server.listen(8080, "0.0.0.0");
 */
export function markReplies(server: Server, laneway: Marked): void {
  if (typeof server?.prependListener !== "function" || typeof server.listen !== "function")
    throw invalid("markReplies: server", "a server of node:http, node:https or node:http2", server);
  if (laneway?.policy === undefined) throw invalid("markReplies: laneway", "a Laneway", laneway);
  if (SERVED in server)
    throw invalid("markReplies: server", "a server without marks", "one that has them", "call it once");
  Object.assign(server, { [SERVED]: true });
  const marks = new FollowedMarks(laneway);
  if (!marks.on)
    warnOnce("LANEWAY_MARKS_OFF", "the policy has no network: { profile: … }, so nothing is marked");
  noteConnections(server);
  const prepare = (_req: IncomingMessage, res: ServerResponse): void => {
    const marked = res as MarkedResponse;
    marked[MARKING] = marks;
    if (Object.hasOwn(res, "writeHead")) marked[BEFORE] = res.writeHead.bind(res);
    res.writeHead = headWithMark;
  };
  server.prependListener("request", prepare);
  beforeOthers(server, "checkContinue", prepare);
}

/** With a listener for this event the server leaves the answer to it, so ours may only come with somebody else's. */
function beforeOthers(
  server: Server,
  event: string,
  listener: (req: IncomingMessage, res: ServerResponse) => void,
): void {
  let added = false;
  const add = (): void => {
    if (added) return;
    added = true;
    server.prependListener(event, listener);
  };
  if (server.listenerCount(event) > 0) return add();
  server.on("newListener", (name) => {
    if (name === event) add();
  });
}

/** A mark is set on the socket of the wire. The one that a TLS server shows is another. */
function noteConnections(server: Server): void {
  if (!("setSecureContext" in server)) {
    server.prependListener("connection", (socket: Socket) => void connectionOf(socket));
    return;
  }
  /** Connections that have not shown yet that they speak TLS. */
  const raw = new Map<string, MarkedConnection>();
  server.prependListener("connection", (socket: Socket) => {
    const end = endOf(socket);
    raw.set(end, connectionOf(socket));
    socket.once("close", () => raw.delete(end));
  });
  server.prependListener("secureConnection", (secure: Socket) => {
    const connection = raw.get(endOf(secure));
    if (connection !== undefined) carry(secure, connection);
  });
}

/** What tells the connections of one listener apart. */
function endOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/** One function for all replies: an engine that sees a new one on each keeps replies that are over for longer. */
function headWithMark(this: MarkedResponse, ...args: unknown[]): ServerResponse {
  const marks = this[MARKING];
  const { writeHead } = Object.getPrototypeOf(this) as Pick<ServerResponse, "writeHead">;
  const before = this[BEFORE] ?? writeHead;
  // A wrapper of somebody else's that kept this function may call it once more.
  if (marks !== undefined) {
    this[MARKING] = undefined;
    this.writeHead = before;
    markReply(this, marks.of(admissionOf(this.req)?.lane ?? laneSaid(this, args.at(-1))));
  }
  return Reflect.apply(before, this, args) as ServerResponse;
}

/** The lane of a reply whose request was refused, or admitted by an adapter for web-standard requests. */
function laneSaid(res: ServerResponse, given: unknown): string | undefined {
  const said = res.getHeader("laneway-lane");
  if (typeof said === "string") return said;
  if (typeof given !== "object" || given === null) return undefined;
  const own = Array.isArray(given)
    ? given[given.indexOf("laneway-lane") + 1]
    : (given as Readonly<Record<string, unknown>>)["laneway-lane"];
  return typeof own === "string" && (!Array.isArray(given) || given.includes("laneway-lane"))
    ? own
    : undefined;
}

/** Marks what is sent of a reply from now on. */
export function markReply(res: ServerResponse, mark: LaneTos): void {
  const socket: Socket | null | undefined = res.socket;
  // A stream of HTTP/2 that is closed has none any more, and its end has been told already.
  if (socket === undefined) return;
  if (socket === null) {
    // Replies before it are still on their way; its turn comes.
    res.once("socket", (own: Socket) => markOn(res, own, mark));
    return;
  }
  markOn(res, socket, mark);
}

function markOn(res: ServerResponse, socket: Socket, mark: LaneTos): void {
  const connection = notedConnection(socket);
  if (connection === undefined) return;
  if (res.req.httpVersionMajor < 2) return connection.mark(mark.tos);
  res.once("close", connection.begin(mark));
}

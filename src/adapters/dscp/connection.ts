/** The mark of one connection: what was set last, and on which socket it can be set at all. */

import { Socket } from "node:net";
import type { LaneTos } from "./follow.ts";
import { warnOnce } from "./warn.ts";

/** Whether this Node can mark. */
export const CAN_MARK: boolean = typeof Socket.prototype.setTypeOfService === "function";

const CONNECTION = Symbol("laneway.marks");

interface Carrier {
  [CONNECTION]?: MarkedConnection;
}

/** Says once that this Node cannot mark. */
export function warnIfUnable(): void {
  if (CAN_MARK) return;
  warnOnce(
    "LANEWAY_MARKS_NODE",
    `Node ${process.versions.node} cannot mark packets, so nothing is marked: it takes Node 24.15 or newer`,
  );
}

/** A connection with its mark. */
export class MarkedConnection {
  private readonly socket: Socket;
  private tos = 0;
  private markable: boolean | undefined = undefined;
  /** Of a connection that carries several replies at once: those under way. */
  private open: LaneTos[] | undefined = undefined;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** All that is sent from now on has this mark; what the kernel has not sent yet gets it too. */
  mark(tos: number): void {
    if (tos === this.tos) return;
    this.markable ??= isMarkable(this.socket);
    if (!this.markable) return;
    this.tos = tos;
    try {
      this.socket.setTypeOfService(tos);
    } catch {
      // A connection that is gone, or a system that does not do it: a mark is no reason to fail.
    }
  }

  /** One of several replies begins: the most important of those under way gives the mark. Call what it gives at its end. */
  begin(reply: LaneTos): () => void {
    const open = (this.open ??= []);
    open.push(reply);
    this.markFirst();
    return () => {
      open.splice(open.indexOf(reply), 1);
      this.markFirst();
    };
  }

  private markFirst(): void {
    let first: LaneTos | undefined;
    for (const reply of this.open ?? []) if (first === undefined || reply.rank < first.rank) first = reply;
    if (first !== undefined) this.mark(first.tos);
  }
}

/** Whether a mark reaches the wire. */
function isMarkable(socket: Socket): boolean {
  const { remoteAddress } = socket;
  // A pipe has no packets.
  if (remoteAddress === undefined || !CAN_MARK) return false;
  // Node sets what IPv6 packets carry, and these are of IPv4.
  if (!remoteAddress.startsWith("::ffff:")) return true;
  warnOnce(
    "LANEWAY_MARKS_IPV4",
    "IPv4 clients come through a listener for IPv6, where Node cannot mark their packets: " +
      "listen on 0.0.0.0, or on both with listenOnBoth(server, port) of laneway/dscp",
  );
  return false;
}

/** The connection of a plain socket; always the same one. */
export function connectionOf(socket: Socket): MarkedConnection {
  const carrier = socket as Carrier;
  return (carrier[CONNECTION] ??= new MarkedConnection(socket));
}

/** Says that what is written to `outer`, which is encrypted, leaves through this connection. */
export function carry(outer: object, connection: MarkedConnection): void {
  (outer as Carrier)[CONNECTION] = connection;
}

/** The connection that was noted on a socket, or on what stands for it; undefined when none was. */
export function notedConnection(socket: object): MarkedConnection | undefined {
  return (socket as Carrier)[CONNECTION];
}

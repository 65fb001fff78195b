import type { IncomingMessage, ServerResponse } from "node:http";

/** Calls `closed` once, when the last byte of the reply has left, or the client has. */
export function whenClosed(req: IncomingMessage, res: ServerResponse, closed: () => void): void {
  if (res.socket !== null) {
    res.on("close", closed);
    return;
  }
  // A reply that waits behind others of its connection is told nothing when that closes; from its turn on it is.
  const { socket } = req;
  const once = (): void => {
    socket.off("close", once);
    res.off("close", once);
    closed();
  };
  // A client may send any number of requests without waiting for a reply.
  socket.setMaxListeners(0).on("close", once);
  res.on("close", once);
}

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

/**
 * Whether a reply has to wait until others of its connection are over, because its client sent requests ahead. A seat
 * that it held meanwhile could be the one that the reply before it needs.
 */
export function isBehindOthers(res: ServerResponse): boolean {
  return res.socket === null && !res.writableEnded && !res.destroyed;
}

/** Calls `turn` once with true when the replies before this one are over, or with false when the connection is. */
export function whenInTurn(req: IncomingMessage, res: ServerResponse, turn: (mine: boolean) => void): void {
  const { socket } = req;
  // Through a promise, for what comes next is to run in the context of this request, not of the one before.
  const told = new Promise<boolean>((resolve) => {
    const here = (): void => over(true);
    const gone = (): void => over(false);
    const over = (mine: boolean): void => {
      socket.off("close", gone);
      res.off("socket", here);
      resolve(mine);
    };
    if (socket.destroyed) return resolve(false);
    socket.setMaxListeners(0).on("close", gone);
    res.on("socket", here);
  });
  void told.then(turn);
}

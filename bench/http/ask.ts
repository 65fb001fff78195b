/**
 * The load of the servers' benchmark: keep-alive connections on raw sockets, each asking again as soon as it was answered.
 * It only finds where a reply ends, so that the server is what the run measures.
 *
 * Started with a port; each message `{ connections, requests }` is one run, answered with what it saw.
 */

import { connect } from "node:net";

/** One run. */
export interface AskRun {
  readonly connections: number;
  readonly requests: number;
}

/** What it saw. */
export interface AskResult {
  readonly replies: number;
  readonly failed: number;
}

const port = Number(process.argv[2]);
const REQUEST = Buffer.from(
  `GET /api/orders/42?full=1 HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: application/json\r\nuser-agent: load/1\r\n` +
    `authorization: Bearer sk-0123456789abcdef\r\naccept-encoding: identity\r\n\r\n`,
);

/** Whether this is all of a reply: one with a content-length, or a chunked one. */
function isWhole(reply: string): boolean {
  const end = reply.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(reply.slice(0, end));
  if (length !== null) return reply.length >= end + 4 + Number(length[1]);
  return reply.endsWith("0\r\n\r\n");
}

function ask({ connections, requests }: AskRun): Promise<AskResult> {
  let left = requests;
  let replies = 0;
  let failed = 0;
  let open = connections;
  return new Promise((resolve) => {
    const begin = (): void => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let reply = "";
      const next = (): void => {
        if (left-- <= 0) socket.destroy();
        else socket.write(REQUEST);
      };
      socket.setEncoding("latin1");
      socket.on("connect", next);
      socket.on("data", (text: string) => {
        reply += text;
        if (!isWhole(reply)) return;
        if (reply.startsWith("HTTP/1.1 200 ")) replies++;
        else failed++;
        reply = "";
        next();
      });
      socket.on("error", () => failed++);
      socket.on("close", () => {
        if (--open === 0) resolve({ replies, failed });
      });
    };
    for (let i = 0; i < connections; i++) begin();
    // Never asleep while it asks: to wake a process on another core costs whoever writes to it some 3 us, and the faster
    // the server is, the less its load sleeps. That would be counted as the cost of what slows the server down.
    const stayAwake = (): void => {
      if (open > 0) setImmediate(stayAwake);
    };
    stayAwake();
  });
}

process.on("message", (run: AskRun) => {
  void ask(run).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit());
process.send?.({ port });

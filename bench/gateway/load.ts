/**
 * What stands on both sides of a measured proxy: its clients, keep-alive connections on raw sockets that ask again as soon
 * as they were answered and only find where a reply ends, and its upstream. Both in one process that never sleeps during
 * a run: to wake a process on another core costs whoever writes to it some 3 us, and the faster a proxy is, the less
 * often there is somebody to wake. That would be counted as the cost of what makes a proxy slower.
 *
 * Says the upstream's port; each message `{ port, connections, requests, stream }` is one run against the proxy on that
 * port, answered with what was seen.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { listen } from "./upstream.ts";

export interface LoadRun {
  connections: number;
  requests: number;
  stream: boolean;
  path?: string;
  headers?: string;
}
export interface LoadResult {
  seconds: number;
  replies: number;
  failed: number;
  p50Ms: number;
  p99Ms: number;
  firstByteP50Ms: number;
}

/** A run with the port of the proxy. */
export interface PlacedRun extends LoadRun {
  port: number;
}

function request(run: PlacedRun): Buffer {
  const body = JSON.stringify({
    model: "stand-in",
    max_tokens: 200,
    stream: run.stream,
    messages: [{ role: "user", content: "y".repeat(500) }],
  });
  return Buffer.from(
    `POST ${run.path ?? "/v1/chat/completions"} HTTP/1.1\r\nhost: 127.0.0.1:${run.port}\r\naccept: application/json\r\ncontent-type: application/json\r\n` +
      `user-agent: load/1\r\nauthorization: Bearer sk-0123456789abcdef\r\nx-stainless-retry-count: 0\r\naccept-encoding: identity\r\n${run.headers ?? ""}content-length: ${body.length}\r\n\r\n${body}`,
  );
}

/** Calls back at the end of each reply on a connection; the reply has a content-length or is chunked. */
class Replies {
  private head = "";
  private left = -1;
  private tail = "";
  private readonly onReply: (status: number) => void;
  private readonly onHead: () => void;
  private status = 0;

  constructor(onHead: () => void, onReply: (status: number) => void) {
    this.onHead = onHead;
    this.onReply = onReply;
  }

  push(chunk: Buffer): void {
    if (this.left === -1) {
      this.head += chunk.toString("latin1");
      const end = this.head.indexOf("\r\n\r\n");
      if (end === -1) return;
      this.onHead();
      this.status = Number(this.head.slice(9, 12));
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.head.slice(0, end));
      const rest = this.head.slice(end + 4);
      this.head = "";
      this.left = length === null ? Infinity : Number(length[1]);
      if (this.left === Infinity) this.tail = rest.slice(-5);
      this.left -= rest.length;
    } else {
      this.left -= chunk.length;
      if (this.left === Infinity)
        this.tail = (this.tail + chunk.toString("latin1", Math.max(0, chunk.length - 5))).slice(-5);
    }
    if (this.left !== 0 && !(this.left === Infinity && this.tail === "0\r\n\r\n")) return;
    this.left = -1;
    this.tail = "";
    this.onReply(this.status);
  }
}

function play(run: PlacedRun): Promise<LoadResult> {
  const { port } = run;
  const bytes = request(run);
  const times: number[] = [];
  const firsts: number[] = [];
  let started = 0;
  let failed = 0;
  let open = run.connections;
  const from = performance.now();
  return new Promise((resolve) => {
    const finish = (socket: Socket): void => {
      socket.destroy();
      if (--open > 0) return;
      const seconds = (performance.now() - from) / 1_000;
      times.sort((a, b) => a - b);
      firsts.sort((a, b) => a - b);
      const at = (sorted: number[], q: number): number =>
        sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
      resolve({
        seconds,
        replies: times.length,
        failed,
        p50Ms: at(times, 0.5),
        p99Ms: at(times, 0.99),
        firstByteP50Ms: at(firsts, 0.5),
      });
    };
    const start = (): void => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let sentAt = 0;
      let ended = false;
      const next = (): void => {
        if (started++ >= run.requests) return end();
        sentAt = performance.now();
        socket.write(bytes);
      };
      const end = (): void => {
        if (ended) return;
        ended = true;
        finish(socket);
      };
      const replies = new Replies(
        () => firsts.push(performance.now() - sentAt),
        (status) => {
          if (status === 200) times.push(performance.now() - sentAt);
          else failed++;
          next();
        },
      );
      socket.on("connect", next);
      socket.on("data", (chunk: Buffer) => replies.push(chunk));
      socket.on("error", () => {
        if (!ended) failed++;
      });
      socket.on("close", end);
    };
    const stayAwake = (): void => {
      if (open > 0) setImmediate(stayAwake);
    };
    stayAwake();
    // Streams start spread over one event's interval: all at once, their events would arrive as one burst for ever.
    for (let i = 0; i < run.connections; i++)
      if (run.stream) setTimeout(start, (i * 20) / run.connections);
      else start();
  });
}

process.on("message", (run: PlacedRun) => {
  void play(run).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit());
process.send?.({ port: await listen() });

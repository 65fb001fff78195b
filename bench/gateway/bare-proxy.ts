/**
 * The yardstick: the least that a correct streaming proxy on `node:http` and undici's `dispatch` does. It drops
 * hop-by-hop headers, passes everything else on untouched, honours backpressure both ways and aborts the upstream call
 * when its client leaves. It decides nothing: no lanes, no queue, no counters.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Pool } from "undici";
import type { Dispatcher } from "undici";
import { reportUsage } from "./usage.ts";

const hopByHop = new Set([
  "connection",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
]);

class Exchange implements Dispatcher.DispatchHandler {
  private readonly res: ServerResponse;
  private controller: Dispatcher.DispatchController | undefined;
  private done = false;

  constructor(res: ServerResponse) {
    this.res = res;
    res.on("close", () => {
      if (this.done) return;
      this.done = true;
      this.controller?.abort(new Error("the client left"));
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.done) controller.abort(new Error("the client left"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    if (status < 200) return;
    const raw = controller.rawHeaders as Buffer[];
    const headers: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!.toString("latin1");
      if (!hopByHop.has(name.toLowerCase())) headers.push(name, raw[i + 1]!.toString("latin1"));
    }
    this.res.writeHead(status, statusText ?? "", headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.res.write(chunk)) return;
    controller.pause();
    this.res.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    this.done = true;
    this.res.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.done) return;
    this.done = true;
    if (this.res.headersSent) this.res.destroy(error);
    else this.res.writeHead(502).end("bad gateway");
  }
}

const upstream = new Pool(process.argv[2]!, {
  headersTimeout: 0,
  bodyTimeout: 0,
  pipelining: 1,
  allowH2: false,
});

function forward(req: IncomingMessage, res: ServerResponse): void {
  const headers: string[] = [];
  const raw = req.rawHeaders;
  let body: IncomingMessage | null = null;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name === "content-length" || name === "transfer-encoding") body = req;
    if (!hopByHop.has(name)) headers.push(raw[i]!, raw[i + 1]!);
  }
  upstream.dispatch(
    { method: req.method as Dispatcher.HttpMethod, path: req.url!, headers, body },
    new Exchange(res),
  );
}

const server = createServer({ keepAliveTimeout: 75_000, noDelay: true }, forward);
server.listen(0, "127.0.0.1", () => reportUsage(server));

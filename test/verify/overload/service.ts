/** Services to be overloaded in tests. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { systemClock } from "../../../src/node/system-clock.ts";

/** A service that is there until the test ends. */
export interface Service {
  readonly url: string;
  readonly port: number;
  /** Every request that came, by its path. */
  readonly asked: Map<string, number>;
  close(): void;
}

/** Starts a server of node:http on a free port of this machine. */
export async function serviceOf(t: TestContext, handle: RequestListener): Promise<Service> {
  const asked = new Map<string, number>();
  const server = createServer((req, res) => {
    asked.set(req.url!, (asked.get(req.url!) ?? 0) + 1);
    handle(req, res);
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 2_048 });
  await once(server, "listening");
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  t.after(close);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, asked, close };
}

/** A handler that has so many seats, takes so long, and refuses what finds no seat within a line of this length. */
export function limited(seats: number, ms: number, line: number = Infinity): RequestListener {
  let free = seats;
  const waiting: (() => void)[] = [];
  return (_req, res) => {
    if (free === 0 && waiting.length >= line) {
      res.writeHead(503, { "retry-after": "1" }).end();
      return;
    }
    void (async () => {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      await new Promise<void>((resolve) => systemClock.after(ms, resolve));
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
      res.end("done");
    })();
  };
}

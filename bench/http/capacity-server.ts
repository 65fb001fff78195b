/**
 * A server with a capacity that is known: so many workers, each busy with a request for the same time, and a line in front
 * of them without end. `lanes` stand in front of it, `@fastify/under-pressure`, or nothing.
 */

import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { httpLanes } from "../../src/adapters/http.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { seeded } from "../../src/testing/random.ts";
import { serveParent } from "../../src/verify/child.ts";

/** What the parent says. */
export interface CapacityStart {
  readonly front: "lanes" | "none" | "under-pressure";
  /** The policy, with lanes. */
  readonly policy: string;
  readonly workers: number;
  readonly serviceMs: number;
  /** How far a single request may take more or less than that, as a part of it. Default 0. */
  readonly spread?: number;
}

/** What the server says: where it listens, and from then on how many requests stand in line for its workers. */
export type CapacityMessage =
  | { readonly type: "ready"; readonly origin: string }
  | { readonly type: "line"; readonly atEpochMs: number; readonly length: number };

const LINE_EVERY_MS = 5;

class Workers {
  inside = 0;
  readonly count: number;
  readonly #serviceMs: number;
  readonly #spread: number;
  readonly #random = seeded(1);
  /** When each has done what it was given: late timers delay a reply, not the work behind it. */
  readonly #freeAt: number[];

  constructor({ workers, serviceMs, spread = 0 }: CapacityStart) {
    this.count = workers;
    this.#serviceMs = serviceMs;
    this.#spread = spread;
    this.#freeAt = Array.from({ length: workers }, () => 0);
  }

  async work(): Promise<void> {
    const now = performance.now();
    const first = this.#freeAt.indexOf(Math.min(...this.#freeAt));
    const serviceMs = this.#serviceMs * (1 + this.#spread * (2 * this.#random.next() - 1));
    const done = Math.max(now, this.#freeAt[first]!) + serviceMs;
    this.#freeAt[first] = done;
    this.inside++;
    await new Promise((resolve) => setTimeout(resolve, done - now));
    this.inside--;
  }
}

async function serverOf({ front, policy }: CapacityStart, workers: Workers): Promise<Server> {
  if (front === "under-pressure") return underPressure(workers);
  const handler = async (_req: IncomingMessage, res: ServerResponse): Promise<void> => {
    await workers.work();
    res.end("done");
  };
  return createServer(
    front === "lanes" ? httpLanes(new Laneway(await parsePolicy(policy)), handler) : handler,
  );
}

/** As its documentation has it: thresholds on the event loop, for what a server serves does not show elsewhere. */
async function underPressure(workers: Workers): Promise<Server> {
  interface App {
    register(plugin: unknown, options: object): PromiseLike<unknown>;
    get(path: string, handler: () => Promise<unknown>): void;
    ready(): PromiseLike<unknown>;
    readonly server: Server;
  }
  const [fastify, plugin] = ["fastify", "@fastify/under-pressure"];
  const { default: make } = (await import(fastify)) as { default: () => App };
  const app = make();
  await app.register(((await import(plugin)) as { default: unknown }).default, {
    maxEventLoopDelay: 100,
    maxEventLoopUtilization: 0.98,
    retryAfter: 1,
  });
  app.get("/*", async () => {
    await workers.work();
    return "done";
  });
  await app.ready();
  return app.server;
}

serveParent<CapacityStart, CapacityMessage>((start, send) => {
  void (async () => {
    const workers = new Workers(start);
    const server = await serverOf(start, workers);
    server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
    await once(server, "listening");
    send({ type: "ready", origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    setInterval(() => {
      send({ type: "line", atEpochMs: Date.now(), length: Math.max(0, workers.inside - workers.count) });
    }, LINE_EVERY_MS);
  })();
});

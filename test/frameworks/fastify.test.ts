import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fastifyLanes } from "../../src/adapters/fastify.ts";
import type { FastifyLanesOptions } from "../../src/adapters/fastify.ts";
import { fetchText, laneOf, lanewayOf, snapshotOf, until } from "../conformance/client.ts";
import type { App, Framework } from "../conformance/framework.ts";
import { conforms } from "../conformance/suite.ts";
import { needsPackage } from "../needs.ts";

/** What is used of Fastify here: this file is checked without it too. */
interface Request {
  readonly raw: IncomingMessage;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
  readonly routeOptions: { readonly config?: unknown };
}
interface Reply {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  hijack(): Reply;
  code(status: number): Reply;
  send(body: unknown): Reply;
}
type Handler = (request: Request, reply: Reply) => unknown;
interface Fastify {
  register(plugin: unknown, options?: object): Fastify & PromiseLike<void>;
  route(route: { method: string | string[]; url: string; config?: object; handler: Handler }): Fastify;
  addHook(name: string, hook: (request: Request, reply: Reply) => Promise<void>): Fastify;
  hasDecorator(name: string): boolean;
  decorate(name: never, value: never): unknown;
  listen(options: { port: number; host: string }): Promise<string>;
  ready(): Promise<void>;
  close(): Promise<void>;
}

async function create(t: TestContext): Promise<Fastify> {
  const name = "fastify";
  const module = (await import(name)) as { readonly default: (options: object) => Fastify };
  const app = module.default({ forceCloseConnections: true });
  t.after(() => app.close());
  return app;
}

function answered(app: App): Handler {
  return async (request, reply) => {
    const answer = await app(request.url);
    if ("stream" in answer) return reply.send(Readable.fromWeb(answer.stream as never));
    return reply.code(answer.status ?? 200).send(answer.text);
  };
}

const LISTEN = { port: 0, host: "127.0.0.1" };

const fastify: Framework = {
  name: "Fastify",
  needs: ["fastify"],
  routeLane: true,
  async start(t, laneway, { skipPath, flowHeader, ownRefusal, ...options }, app) {
    const server = await create(t);
    const plugin: FastifyLanesOptions<Request, Reply> = {
      laneway,
      ...options,
      ...(skipPath === undefined ? {} : { skip: ({ url }) => url === skipPath }),
      ...(flowHeader === undefined ? {} : { flow: ({ headers }) => headers[flowHeader] as string }),
      ...(ownRefusal === undefined
        ? {}
        : { onShed: (_refusal, _request, reply) => void reply.code(418).send(ownRefusal) }),
    };
    await server.register(fastifyLanes, plugin);
    const handler = answered(app);
    server.route({ method: "GET", url: "/own-route", config: { lane: "bulk" }, handler });
    server.route({ method: ["GET", "POST", "HEAD"], url: "/*", handler });
    return server.listen(LISTEN);
  },
  async twice(t, laneway) {
    const server = await create(t);
    server.register(fastifyLanes, { laneway });
    server.register(fastifyLanes, { laneway });
    return server.listen(LISTEN);
  },
};

conforms(fastify);

test("Fastify: an unknown lane of a route is refused at the start, with the route's name", async (t) => {
  if (!needsPackage(t, "test/frameworks", "fastify")) return;
  const server = await create(t);
  const laneway = await lanewayOf("resources: { http: { limit: 1 } }");
  await server.register(fastifyLanes, { laneway });
  const route = { method: "GET", url: "/pay", config: { lane: "urgent" }, handler: () => "" };
  assert.throws(
    () => server.route(route),
    /route \/pay: config.lane: expected one of critical, high, normal, low, bulk, found "urgent"/,
  );
});

test("Fastify: with hook preHandler the lane may depend on the body", async (t) => {
  if (!needsPackage(t, "test/frameworks", "fastify")) return;
  const server = await create(t);
  const laneway = await lanewayOf("resources: { http: { limit: 1 } }");
  const options: FastifyLanesOptions<Request, Reply> = {
    laneway,
    hook: "preHandler",
    lane: ({ body }) => ((body as { urgent?: boolean }).urgent === true ? "critical" : undefined),
  };
  await server.register(fastifyLanes, options);
  server.route({ method: "POST", url: "/", handler: async () => "done" });
  const url = await server.listen(LISTEN);
  const reply = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ urgent: true }),
  });
  assert.equal(reply.headers.get("laneway-lane"), "critical");
  assert.equal(await reply.text(), "done");
});

test("Fastify: a client that leaves before the lane is decided is not let in", async (t) => {
  if (!needsPackage(t, "test/frameworks", "fastify")) return;
  const server = await create(t);
  const laneway = await lanewayOf("resources: { http: { limit: 1 } }");
  let goOn = (): void => {};
  const paused = new Promise<void>((resolve) => (goOn = resolve));
  let arrived = false;
  let left = false;
  let handled = 0;
  server.addHook("onRequest", async (request, reply) => {
    if (request.url !== "/slow") return;
    reply.raw.on("close", () => (left = true));
    arrived = true;
    await paused;
  });
  await server.register(fastifyLanes, { laneway, hook: "preHandler" });
  server.route({
    method: "GET",
    url: "/*",
    handler: async ({ url }) => (url === "/slow" ? `${handled++}` : "ok"),
  });
  const url = await server.listen(LISTEN);
  const gone = new AbortController();
  const given = fetch(`${url}/slow`, { signal: gone.signal }).catch(() => undefined);
  await until(() => arrived);
  gone.abort();
  await given;
  await until(() => left);
  goOn();
  assert.equal((await fetchText(`${url}/other`)).body, "ok");
  assert.deepEqual([handled, snapshotOf(laneway).seatsInUse, laneOf(laneway, "normal").admitted], [0, 0, 1]);
});

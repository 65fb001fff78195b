import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import { createRequire } from "node:module";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { describe, it } from "node:test";
import { markReplies } from "../../../src/adapters/dscp.ts";
import { expressLanes } from "../../../src/adapters/express.ts";
import { fastifyLanes } from "../../../src/adapters/fastify.ts";
import { honoLanes } from "../../../src/adapters/hono.ts";
import { koaLanes } from "../../../src/adapters/koa.ts";
import { webLanes } from "../../../src/adapters/web.ts";
import { Laneway } from "../../../src/policy/laneway.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { needsPackage } from "../../needs.ts";

const packages = createRequire(new URL("../../frameworks/package.json", import.meta.url));

/** What is used of the frameworks: this file is checked without them too. */
interface App {
  use(...middleware: unknown[]): App;
  all(path: string, handler: unknown): App;
  get(path: string, handler: unknown): App;
  register(plugin: unknown, options: object): App;
  ready(): Promise<unknown>;
  callback(): RequestListener;
  readonly server: Server;
  readonly fetch: (request: Request) => Promise<Response>;
}
interface Context {
  body: unknown;
  text(text: string): Response;
}
type Listener = (
  fetch: (request: Request) => Response | Promise<Response>,
  options: object,
) => RequestListener;

const nodeServer = (): Listener =>
  (packages("@hono/node-server") as { readonly getRequestListener: Listener }).getRequestListener;

/** Each framework's own server, with the lanes in front as its guide says. */
const SERVERS: Readonly<
  Record<string, { readonly needs: string; start(laneway: Laneway): Promise<Server> }>
> = {
  express: {
    needs: "express",
    async start(laneway) {
      const app = (packages("express") as () => App)();
      app.use(expressLanes(laneway), (_req: unknown, res: { send(text: string): void }) => res.send("hello"));
      return createServer(app as unknown as RequestListener);
    },
  },
  fastify: {
    needs: "fastify",
    async start(laneway) {
      const app = (packages("fastify") as () => App)();
      app.register(fastifyLanes, { laneway });
      app.get("*", async () => "hello");
      await app.ready();
      return app.server;
    },
  },
  koa: {
    needs: "koa",
    async start(laneway) {
      const Koa = packages("koa") as { readonly default?: new () => App } & (new () => App);
      const app = new (Koa.default ?? Koa)();
      app.use(koaLanes(laneway)).use((context: Context) => (context.body = "hello"));
      return createServer(app.callback());
    },
  },
  hono: {
    needs: "hono",
    async start(laneway) {
      const { Hono } = packages("hono") as { readonly Hono: new () => App };
      const app = new Hono().use(honoLanes(laneway)).all("*", (c: Context) => c.text("hello"));
      return createServer(nodeServer()(app.fetch, {}));
    },
  },
  "web-standard requests": {
    needs: "@hono/node-server",
    async start(laneway) {
      const handler = webLanes(laneway, () => new Response("hello"));
      return createServer(nodeServer()((request) => handler(request), {}));
    },
  },
};

describe("markReplies on the server of a framework", () => {
  for (const [name, { needs, start }] of Object.entries(SERVERS)) {
    it(`marks by lane: ${name}`, async (t) => {
      if (!needsPackage(t, "test/frameworks", needs)) return;
      const laneway = new Laneway(
        await parsePolicy(
          "network: { profile: safe }\nclassify: [{ path: /critical, lane: critical }, { path: /bulk, lane: bulk }]",
        ),
      );
      const server = await start(laneway);
      let accepted: Socket | undefined;
      server.on("connection", (socket: Socket) => (accepted = socket));
      markReplies(server, laneway);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
      t.after(() => client.destroy());
      const marks: (number | undefined)[] = [];
      for (const path of ["/critical", "/bulk", "/other"]) {
        client.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
        for (let text = ""; !text.includes("hello");)
          text += String((await once(client, "data", { signal: AbortSignal.timeout(20_000) }))[0]);
        marks.push(accepted?.getTypeOfService());
      }
      assert.deepEqual(marks, [0xa0, 0x04, 0]);
    });
  }
});

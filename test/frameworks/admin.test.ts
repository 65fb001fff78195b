/** The admin pages inside frameworks, mounted as their documentation mounts a handler of Node's. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { adminHandler } from "../../src/adapters/http.ts";
import type { AdminMount } from "../../src/adapters/http.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { needsPackage } from "../needs.ts";

const TOKEN = "correct horse battery staple";
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

interface Express {
  use(...handlers: unknown[]): Express;
  listen(port: number, host: string): Server;
}
interface ExpressModule {
  (): Express;
  json(): unknown;
  Router(): Express & RequestListener;
}
interface Fastify {
  register(plugin: (scope: Fastify) => Promise<void>, options: { prefix: string }): Fastify;
  addHook(name: string, hook: (request: { raw: IncomingMessage }, reply: Reply) => Promise<unknown>): Fastify;
  all(path: string, handler: () => undefined): Fastify;
  listen(options: { port: number; host: string }): Promise<string>;
  close(): Promise<void>;
}
interface Reply {
  readonly raw: ServerResponse;
  hijack(): Reply;
}

async function pages(t: TestContext, prefix?: string): Promise<{ laneway: Laneway; admin: AdminMount }> {
  const laneway = new Laneway(await parsePolicy("resources: { db: { limit: 2 } }"));
  const admin = adminHandler(laneway, {
    token: TOKEN,
    log: () => undefined,
    ...(prefix === undefined ? {} : { prefix }),
  });
  t.after(() => {
    admin.close();
    laneway.close();
  });
  return { laneway, admin };
}

/** Looks, listens, signs in and acts, as the page and the terminal do. */
async function works(laneway: Laneway, url: string): Promise<void> {
  const moved = await fetch(url, { redirect: "manual" });
  const place = new URL(url).pathname;
  assert.deepEqual([moved.status, moved.headers.get("location")], [308, `${place}/`]);
  assert.equal((await fetch(`${url}/api/state`)).status, 401);
  const state = await fetch(`${url}/api/state`, { headers: AUTHORIZED });
  assert.equal(((await state.json()) as { state: { actions: boolean } }).state.actions, true);
  const metrics = await fetch(`${url}/metrics`, { headers: AUTHORIZED });
  assert.match(await metrics.text(), /^laneway_limit\{resource="db"\} 2$/m);
  const feed = await fetch(`${url}/api/events`, { headers: AUTHORIZED });
  const first = await feed.body!.getReader().read();
  assert.match(new TextDecoder().decode(first.value), /^event: state$/m);
  const json = { ...AUTHORIZED, "content-type": "application/json" };
  const session = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: json,
    body: JSON.stringify({ token: TOKEN }),
  });
  assert.match(session.headers.get("set-cookie") ?? "", new RegExp(`; Path=${place}/;`));
  const change = { resource: "db", limit: 1, durationMs: 60_000 };
  const made = await fetch(`${url}/api/overrides`, {
    method: "POST",
    headers: json,
    body: JSON.stringify(change),
  });
  assert.equal(made.status, 201, await made.text());
  assert.equal(laneway.overrides.at(-1)!.limit, 1);
  const unknown = await fetch(`${url}/nothing`);
  assert.match(await unknown.text(), new RegExp(`there is no ${place}/nothing here`));
}

for (const name of ["express", "express-4"])
  for (const parser of ["before", "after"])
    test(`${name}: app.use at a path, the parser of bodies ${parser} it`, async (t) => {
      if (!needsPackage(t, "test/frameworks", name)) return;
      const { default: express } = (await import(name)) as { default: ExpressModule };
      const { laneway, admin } = await pages(t);
      const app = express();
      if (parser === "before") app.use(express.json());
      // Mounted in something that is mounted.
      app.use("/internal", express.Router().use("/lanes", admin));
      app.use(express.json());
      const server = app.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => {
        server.close();
        server.closeAllConnections();
      });
      await works(laneway, `http://127.0.0.1:${(server.address() as AddressInfo).port}/internal/lanes`);
    });

test("fastify: a scope whose requests are taken over before their bodies are read", async (t) => {
  const name = "fastify";
  if (!needsPackage(t, "test/frameworks", name)) return;
  const { default: fastify } = (await import(name)) as { default: (options: object) => Fastify };
  const { laneway, admin } = await pages(t, "/lanes");
  const app = fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  app.register(
    async (scope) => {
      scope.addHook("onRequest", async (request, reply) => {
        reply.hijack();
        admin(request.raw, reply.raw);
      });
      scope.all("/", () => undefined);
      scope.all("/*", () => undefined);
    },
    { prefix: "/lanes" },
  );
  await works(laneway, `${await app.listen({ port: 0, host: "127.0.0.1" })}/lanes`);
});

/** What a user's compiler says of the adapters: each framework's own types are taken, and what is wrong is refused. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { plant } from "../house/planted.ts";
import { needsPackage } from "../needs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSC = join(ROOT, "node_modules/.bin/tsc");

const LANEWAY = `import { Laneway } from "laneway";
const laneway = await Laneway.fromFile("laneway.yaml");
`;

const FASTIFY = `${LANEWAY}
import Fastify from "fastify";
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from "fastify";
import { admissionOf, fastifyLanes } from "laneway/fastify";
import type { FastifyLanesOptions } from "laneway/fastify";

const app = Fastify();
await app.register(fastifyLanes, { laneway, hook: "preHandler" });
const options: FastifyLanesOptions<FastifyRequest, FastifyReply> = {
  laneway,
  flow: (request) => request.ip,
  onShed: (refusal, _request, reply) => reply.code(503).send(refusal.reason),
};
await app.register(fastifyLanes<FastifyRequest, FastifyReply>, options);
app.get("/pay", { config: { lane: "critical" } }, (request) => {
  const lane: string | undefined = request.routeOptions.config.lane;
  return lane ?? admissionOf(request.raw)?.lane;
});
// What an editor offers behind "config: {".
export const offered: keyof FastifyContextConfig = "lane";
// @ts-expect-error
app.get("/wrong", { config: { lane: 7 } }, () => "");
// @ts-expect-error
app.get("/wrong", { config: { lane: ["critical"] } }, () => "");
// @ts-expect-error
export const waited: string | undefined = admissionOf(app)?.waitMs;
// @ts-expect-error
export const hook: FastifyLanesOptions = { laneway, hook: "onResponse" };
// @ts-expect-error
export const none: FastifyLanesOptions = { lane: "critical" };
`;

const EXPRESS = `${LANEWAY}
import express from "express";
import type { Request, Response } from "express";
import { admissionOf, expressLanes } from "laneway/express";

const app = express();
app.use(expressLanes(laneway));
app.use(
  expressLanes<Request, Response>(laneway, {
    flow: (req) => req.get("x-user"),
    skip: (req) => req.path === "/metrics",
    onShed: (refusal, req, res) => res.status(503).json({ reason: refusal.reason, path: req.path }),
  }),
);
app.post("/pay/:id", expressLanes(laneway, { lane: "critical" }), (req, res) => {
  const waitMs: number | undefined = admissionOf(req)?.waitMs;
  res.json({ id: req.params.id, waitMs });
});
// @ts-expect-error
expressLanes(laneway, { lane: 7 });
// @ts-expect-error
expressLanes<Request, Response>(laneway, { flow: (req) => req.nothing });
// @ts-expect-error
expressLanes({});
// @ts-expect-error
app.get("/", (req, res) => res.json(admissionOf(req).lane));
`;

const KOA = `${LANEWAY}
import Koa from "koa";
import type { Context, DefaultState, DefaultContext, ParameterizedContext } from "koa";
import { admissionOf, koaLanes } from "laneway/koa";

interface State extends DefaultState {
  tenant: string;
}
const app = new Koa<State, DefaultContext>();
app.use(koaLanes(laneway));
app.use(
  koaLanes<ParameterizedContext<State>>(laneway, {
    flow: (ctx) => ctx.state.tenant,
    skip: (ctx) => ctx.path === "/metrics",
    onShed: (refusal, ctx) => void (ctx.body = refusal.reason),
  }),
);
app.use((ctx) => {
  const signal: AbortSignal | undefined = admissionOf(ctx.req)?.signal;
  ctx.body = { tenant: ctx.state.tenant.length, left: signal?.aborted };
});
// @ts-expect-error
koaLanes<ParameterizedContext<{ tenant: string }>>(laneway, { flow: (ctx) => ctx.state.tenant.length });
// @ts-expect-error
koaLanes<Context>(laneway, { lane: (ctx) => 7 });
// @ts-expect-error
koaLanes(laneway, { lanes: "critical" });
`;

const HONO = `${LANEWAY}
import { Hono } from "hono";
import type { Context } from "hono";
import { admissionOf, honoLanes } from "laneway/hono";

interface Env {
  Variables: { tenant: string };
}
const app = new Hono<Env>();
app.use(honoLanes(laneway));
app.use(
  honoLanes<Context<Env>>(laneway, {
    flow: (c) => c.get("tenant"),
    lane: (c) => (c.var.tenant === "us" ? "high" : undefined),
    address: (c) => c.req.header("x-real-ip"),
    onShed: (refusal, c) => c.text(refusal.reason, 503),
  }),
);
app.get("/export/:id", honoLanes(laneway, { lane: "bulk" }), (c) => {
  const lane: string | undefined = admissionOf(c)?.lane;
  const tenant: string = c.get("tenant");
  return c.json({ lane, tenant });
});
// @ts-expect-error
honoLanes<Context<Env>>(laneway, { flow: (c) => c.get("tennant") });
// @ts-expect-error
honoLanes<Context<Env>>(laneway, { lane: (c) => c.var.tenant.length });
// @ts-expect-error
honoLanes(laneway, { lane: 7 });
`;

const NEST = `${LANEWAY}
import { Controller, Get, Module } from "@nestjs/common";
import type { Request, Response } from "express";
import { Lane, LanewayModule } from "laneway/nest";

@Lane("low")
@Controller("reports")
class Reports {
  @Lane("critical")
  @Get("alarm")
  alarm(): string {
    return "alarm";
  }

  // @ts-expect-error
  @Lane(7)
  @Get("wrong")
  wrong(): string {
    return "";
  }
}

@Module({
  imports: [
    LanewayModule.forRoot({ laneway }),
    LanewayModule.forRoot<Request, Response>({
      laneway,
      flow: (req) => req.get("x-user"),
      onShed: (refusal, _req, res) => res.status(503).send(refusal.reason),
    }),
    LanewayModule.forRootAsync({ inject: [Laneway], useFactory: (ours: Laneway) => ({ laneway: ours }) }),
  ],
  controllers: [Reports],
})
export class AppModule {}
// @ts-expect-error
LanewayModule.forRoot({ lane: "critical" });
// @ts-expect-error
LanewayModule.forRootAsync({ useFactory: () => ({}) });
`;

const WEB = `${LANEWAY}
import { createServer } from "node:http";
import { admissionOf, httpLanes } from "laneway/http";
import { webLanes } from "laneway/web";

createServer(httpLanes(laneway, (req, res) => res.end(admissionOf(req)?.lane ?? req.url)));
export const GET: (request: Request, context: { id: string }) => Promise<Response> = webLanes(
  laneway,
  (request: Request, context: { id: string }) => new Response(request.url + context.id),
);
// @ts-expect-error
createServer(httpLanes(laneway, (req, res) => res.end(req.body)));
// @ts-expect-error
webLanes(laneway, () => "text");
`;

/** A project that has this package and the frameworks installed; what its compiler says of one file. */
function compile(t: TestContext, text: string, folders: readonly string[] = ["test/frameworks"]): string {
  const root = plant(t, {
    "package.json": JSON.stringify({ private: true, type: "module" }),
    "tsconfig.json": JSON.stringify({
      compilerOptions: {
        target: "es2024",
        lib: ["es2024", "esnext.disposable"],
        module: "nodenext",
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        experimentalDecorators: true,
        noEmit: true,
        // Frameworks have faults of their own in their declarations; ours are seen through what is used of them.
        skipLibCheck: true,
      },
      files: ["app.ts"],
    }),
    "app.ts": text,
  });
  const modules = join(root, "node_modules");
  mkdirSync(modules);
  // What the last of them has goes before what the others have.
  const linked = new Map<string, string>();
  for (const folder of folders) {
    const installed = join(ROOT, folder, "node_modules");
    for (const name of readdirSync(installed))
      if (!name.startsWith(".")) linked.set(name, join(installed, name));
  }
  for (const [name, target] of linked) symlinkSync(target, join(modules, name));
  // A copy, for a link would find what this repository has installed instead.
  const own = join(modules, "laneway");
  for (const part of ["package.json", "dist"])
    cpSync(join(ROOT, part), join(own, part), {
      recursive: true,
      filter: (from) => !/\.(?:js|map)$/.test(from),
    });
  const { stdout, stderr } = spawnSync(TSC, ["-p", root], { cwd: root, encoding: "utf8" });
  return (stdout + stderr).trim();
}

for (const [name, module, text] of [
  ["Fastify: a route's config.lane is a lane's name, requests and replies are its own", "fastify", FASTIFY],
  ["Express: functions get its own request and response", "express", EXPRESS],
  ["Koa: functions get the application's own context and state", "koa", KOA],
  ["Hono: functions get the application's own context and variables", "hono", HONO],
  ["Nest: @Lane stands on controllers and methods and takes a name", "@nestjs/common", NEST],
  ["node:http and web-standard handlers keep their own types", "hono", WEB],
] as const) {
  test(`a user's compiler: ${name}`, (t) => {
    if (!needsPackage(t, "test/frameworks", module)) return;
    assert.equal(compile(t, text), "");
  });
}

test("a user's compiler: Nest 12 takes the same", (t) => {
  if (!needsPackage(t, "test/frameworks", "express") || !needsPackage(t, "test/nest-12", "@nestjs/common"))
    return;
  assert.equal(compile(t, NEST, ["test/frameworks", "test/nest-12"]), "");
});

test("a user's compiler: a mistake in the file is seen at all", (t) => {
  if (!needsPackage(t, "test/frameworks", "fastify")) return;
  const wrong = FASTIFY.replace('config: { lane: "critical" }', "config: { lane: 1 }");
  assert.match(compile(t, wrong), /Type 'number' is not assignable/);
});

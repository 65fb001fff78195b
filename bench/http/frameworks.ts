/**
 * One small application in each framework, bare or with what is measured in front of it. The frameworks are installed
 * with the benchmarks only: they are loaded by name and typed here, as far as they are used.
 */

import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { expressLanes } from "../../src/adapters/express.ts";
import { fastifyLanes } from "../../src/adapters/fastify.ts";
import { honoLanes } from "../../src/adapters/hono.ts";
import type { HonoContext } from "../../src/adapters/hono.ts";
import { httpLanes } from "../../src/adapters/http.ts";
import { koaLanes } from "../../src/adapters/koa.ts";
import type { KoaContext } from "../../src/adapters/koa.ts";
import { LanewayModule } from "../../src/adapters/nest.ts";
import { webLanes } from "../../src/adapters/web.ts";
import type { Laneway } from "../../src/policy/laneway.ts";

/** What stands in front of the handler: nothing, lanes, or a peer. */
export type Front = Laneway | "none" | "express-rate-limit" | "under-pressure";

/** Listens on a free port of this machine, and says which. */
export type Start = (front: Front) => Promise<Server>;

type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

const REPLY = JSON.stringify({ id: 42, name: "x".repeat(200), items: [1, 2, 3] });
const TYPE = "application/json";

/** The applications by their adapters' names. */
export const FRAMEWORKS: Readonly<Record<string, Start>> = {
  http: async (front) => {
    const handler: RequestListener = (_req, res) => {
      res.setHeader("content-type", TYPE);
      res.end(REPLY);
    };
    return createServer(isLanes(front) ? httpLanes(front, handler) : handler);
  },
  express: async (front) => {
    interface App extends RequestListener {
      use(middleware: Middleware): void;
      get(path: string, handler: (req: unknown, res: { json(body: unknown): void }) => void): void;
    }
    const { default: express } = await load<{ default: () => App }>("express");
    const app = express();
    if (isLanes(front)) app.use(expressLanes(front));
    if (front === "express-rate-limit") {
      const { rateLimit } = await load<{ rateLimit: (options: object) => Middleware }>(front);
      app.use(rateLimit({ windowMs: 60_000, limit: 1e9, standardHeaders: "draft-8", legacyHeaders: false }));
    }
    app.get("/api/orders/42", (_req, res) => res.json(BODY));
    return createServer(app);
  },
  koa: async (front) => {
    interface Koa {
      use(middleware: (context: KoaContext, next: () => Promise<unknown>) => unknown): void;
      callback(): RequestListener;
    }
    const { default: Koa } = await load<{ default: new () => Koa }>("koa");
    const app = new Koa();
    if (isLanes(front)) app.use(koaLanes(front));
    app.use((context) => void (context.body = BODY));
    return createServer(app.callback());
  },
  fastify: async (front) => {
    interface Fastify {
      register(plugin: unknown, options: object): PromiseLike<unknown>;
      get(path: string, handler: () => Promise<unknown>): void;
      ready(): PromiseLike<unknown>;
      readonly server: Server;
    }
    const { default: fastify } = await load<{ default: () => Fastify }>("fastify");
    const app = fastify();
    if (isLanes(front)) await app.register(fastifyLanes, { laneway: front });
    if (front === "under-pressure") {
      const { default: plugin } = await load<{ default: unknown }>("@fastify/under-pressure");
      await app.register(plugin, { maxEventLoopDelay: 10_000, maxEventLoopUtilization: 1 });
    }
    app.get("/api/orders/42", async () => BODY);
    await app.ready();
    return app.server;
  },
  nest: startNest,
  hono: async (front) => {
    const app = await hono();
    if (isLanes(front)) app.use(honoLanes<HonoContext & Replying>(front));
    app.get("/api/orders/42", (c) => c.json(BODY));
    return createServer(await listener(app.fetch));
  },
  web: async (front) => {
    const handler = (_request: Request): Response => Response.json(BODY);
    const laned = isLanes(front) ? webLanes(front, handler) : handler;
    // Hidden from the handler: the server's own objects for Node, and its own make of a Response.
    return createServer(await listener((request) => laned(request), { overrideGlobalObjects: false }));
  },
};

const BODY: unknown = JSON.parse(REPLY);

interface Replying {
  json(body: unknown): Response;
}
interface Hono {
  use(middleware: (c: HonoContext & Replying, next: () => Promise<void>) => unknown): void;
  get(path: string, handler: (c: Replying) => Response): void;
  readonly fetch: Fetch;
}
type Fetch = (request: Request) => Response | Promise<Response>;

async function hono(): Promise<Hono> {
  const { Hono } = await load<{ Hono: new () => Hono }>("hono");
  return new Hono();
}

async function listener(fetch: Fetch, options?: object): Promise<RequestListener> {
  interface NodeServer {
    readonly getRequestListener: (fetch: Fetch, options?: object) => RequestListener;
  }
  const { getRequestListener } = await load<NodeServer>("@hono/node-server");
  return getRequestListener(fetch, options);
}

/** Nest's decorators are called as functions: Node runs this file as it is, and knows none. */
async function startNest(front: Front): Promise<Server> {
  type Decorator = (target: object, key?: string, descriptor?: PropertyDescriptor) => void;
  interface Common {
    readonly Module: (metadata: object) => Decorator;
    readonly Controller: (path: string) => Decorator;
    readonly Get: (path: string) => Decorator;
  }
  interface Core {
    NestFactory: {
      create(
        module: unknown,
        options: object,
      ): Promise<{ init(): Promise<unknown>; getHttpServer(): Server }>;
    };
  }
  await load("reflect-metadata");
  const { Controller, Get, Module } = await load<Common>("@nestjs/common");
  const { NestFactory } = await load<Core>("@nestjs/core");
  class OrdersController {
    find(): unknown {
      return BODY;
    }
  }
  Get("42")(
    OrdersController.prototype,
    "find",
    Object.getOwnPropertyDescriptor(OrdersController.prototype, "find"),
  );
  Controller("api/orders")(OrdersController);
  // A module of Nest is a class, whatever is in it.
  // oxlint-disable-next-line typescript/no-extraneous-class
  const AppModule = class {};
  const imports = isLanes(front) ? [LanewayModule.forRoot({ laneway: front })] : [];
  Module({ imports, controllers: [OrdersController] })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.init();
  return app.getHttpServer();
}

function isLanes(front: Front): front is Laneway {
  return typeof front === "object";
}

/** Loads a module that the type check does not follow. */
async function load<Module>(name: string): Promise<Module> {
  return (await import(name)) as Module;
}

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { admissionOf, honoLanes } from "../../src/adapters/hono.ts";
import type { HonoLanesOptions } from "../../src/adapters/hono.ts";
import type { Laneway } from "../../src/policy/laneway.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { fetchText, lanewayOf, listen, snapshotOf, until } from "../conformance/client.ts";
import type { Framework, ServeOptions } from "../conformance/framework.ts";
import { conforms } from "../conformance/suite.ts";
import { needsPackage } from "../needs.ts";

/** What is used of Hono here: this file is checked without it too. */
interface Context {
  readonly req: {
    readonly raw: Request;
    readonly url: string;
    readonly path: string;
    header(name: string): string | undefined;
  };
  readonly env: unknown;
  get res(): Response;
  set res(response: Response | undefined);
  text(text: string, status?: number): Response;
  body(body: ReadableStream): Response;
  header(name: string, value: string): void;
}
type Middleware = (c: Context, next: () => Promise<void>) => Promise<Response | void>;
type Handler = (c: Context) => Response | Promise<Response>;
interface Hono {
  use(...middleware: Middleware[]): Hono;
  all(path: string, ...handlers: (Middleware | Handler)[]): Hono;
  onError(handler: (error: Error, c: Context) => Response): Hono;
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>;
}
type Listener = (fetch: Hono["fetch"], options: object) => RequestListener;

const NEEDS = ["hono", "@hono/node-server"];

async function create(): Promise<Hono> {
  const name = "hono";
  const module = (await import(name)) as { readonly Hono: new () => Hono };
  // Hono prints what goes wrong unless it is told what to do.
  return new module.Hono().onError((_error, c) => c.text("failed", 500));
}

function optionsOf({
  skipPath,
  flowHeader,
  ownRefusal,
  ...options
}: ServeOptions): HonoLanesOptions<Context> {
  return {
    ...options,
    ...(skipPath === undefined ? {} : { skip: (c: Context) => c.req.path === skipPath }),
    ...(flowHeader === undefined ? {} : { flow: (c: Context) => c.req.header(flowHeader) }),
    ...(ownRefusal === undefined
      ? {}
      : { onShed: (_refusal: unknown, c: Context) => c.text(ownRefusal, 418) }),
  };
}

/** Hono's own server for Node, which hands Node's objects to the application too; `hidden` keeps them from it. */
async function serve(t: TestContext, hono: Hono, hidden: boolean): Promise<string> {
  const name = "@hono/node-server";
  const { getRequestListener } = (await import(name)) as { readonly getRequestListener: Listener };
  const fetch: Hono["fetch"] = hidden ? (request) => withoutNode(hono, request) : hono.fetch;
  return listen(t, createServer(getRequestListener(fetch, { overrideGlobalObjects: false })));
}

/** Such a handler has no connection that it could end; the server that it runs on may, and this one does. */
async function withoutNode(hono: Hono, request: Request): Promise<Response> {
  const response = await hono.fetch(request);
  if (response.status === 504) response.headers.set("connection", "close");
  return response;
}

const framework = (name: string, hidden: boolean): Framework => ({
  name,
  needs: NEEDS,
  routeLane: true,
  async start(t, laneway, options, app) {
    const hono = await create();
    const answer: Handler = async (c) => {
      const made = await app(c.req.path + new URL(c.req.url).search);
      return "stream" in made ? c.body(made.stream) : c.text(made.text, made.status ?? 200);
    };
    hono.all("/own-route", honoLanes<Context>(laneway, { lane: "bulk" }), answer);
    hono.use(honoLanes(laneway, optionsOf(options)));
    return serve(t, hono.all("*", answer), hidden);
  },
  async twice(t, laneway) {
    const hono = await create();
    hono.use(honoLanes(laneway), honoLanes(laneway)).all("*", (c: Context) => c.text("served"));
    return serve(t, hono, hidden);
  },
});

conforms(framework("Hono on Node", false));
conforms(framework("Hono without Node's objects, as on other runtimes", true));

const POLICY = "resources: { http: { limit: 1 } }";

async function application(laneway: Laneway): Promise<Hono> {
  const hono = await create();
  hono.use(async (c, next) => {
    c.header("x-outer", "1");
    c.res.headers.append("set-cookie", "outer=1");
    await next();
  });
  hono.use(honoLanes<Context>(laneway, { address: (c) => c.req.header("x-from") }));
  return hono.all("*", (c: Context) => {
    c.header("set-cookie", "own=1");
    return c.text(`${admissionOf(c)?.lane} ${admissionOf(c)?.flow}`);
  });
}

test("headers of middlewares around it survive, cookies too, in replies and in refusals", async (t) => {
  for (const module of NEEDS) if (!needsPackage(t, "test/frameworks", module)) return;
  const laneway = await lanewayOf(POLICY);
  const { fetch } = await application(laneway);
  const served = await fetch(new Request("http://shop.test/x", { headers: { "x-from": "192.0.2.7" } }));
  assert.equal(await served.text(), "normal 192.0.2.7");
  assert.deepEqual(
    [served.headers.get("x-outer"), served.headers.getSetCookie(), served.headers.get("laneway-lane")],
    ["1", ["own=1"], "normal"],
  );
  const held = await laneway.resource("http").acquire();
  const refused = await fetch(
    new Request("http://shop.test/x", { headers: { "x-laneway-deadline-ms": "0" } }),
  );
  assert.deepEqual([refused.status, refused.headers.get("x-outer")], [504, "1"]);
  assert.equal(refused.headers.get("content-type"), "application/problem+json");
  held.release();
});

test("what a handler says after its time-out is dropped, whether it had to wait or not", async (t) => {
  for (const module of NEEDS) if (!needsPackage(t, "test/frameworks", module)) return;
  const clock = new TestClock();
  const laneway = await lanewayOf(POLICY, clock);
  const hono = await create();
  const answers: ((text: string) => void)[] = [];
  let ended = 0;
  hono.use(async (_c, next) => {
    await next();
    ended++;
  });
  hono.use(honoLanes(laneway));
  hono.all("*", async (c: Context) =>
    c.text(await new Promise<string>((resolve) => void answers.push(resolve))),
  );
  const url = await serve(t, hono, false);
  const permit = laneway.resource("http").tryAcquire()!;
  const waits = fetchText(url);
  await until(() => snapshotOf(laneway).waiting === 1);
  permit.release();
  await until(() => answers.length === 1);
  await clock.advance(60_000);
  assert.equal((await waits).status, 504);
  const atOnce = fetchText(url);
  await until(() => answers.length === 2);
  await clock.advance(60_000);
  assert.equal((await atOnce).status, 504);
  for (const answer of answers) answer("late");
  await until(() => ended === 2);
  assert.equal(snapshotOf(laneway).seatsInUse, 0);
});

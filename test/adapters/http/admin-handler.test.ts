import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { adminHandler, httpLanes } from "../../../src/adapters/http.ts";
import type { AdminHandlerOptions } from "../../../src/adapters/http.ts";
import { Laneway } from "../../../src/policy/laneway.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";

const TOKEN = "correct horse battery staple";
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Served {
  readonly laneway: Laneway;
  readonly port: number;
  ask(
    path: string,
    options?: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<Answer>;
}

/** A program's own server, with the pages beside its lanes. */
async function served(t: TestContext, options: AdminHandlerOptions): Promise<Served> {
  const laneway = new Laneway(await parsePolicy("resources: { http: { limit: 2 } }"));
  const admin = adminHandler(laneway, { log: () => undefined, ...options });
  const own = httpLanes(laneway, (_req, res) => res.end("hello"));
  const server = createServer((req, res) =>
    options.prefix === undefined || req.url!.startsWith(options.prefix) ? admin(req, res) : own(req, res),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    admin.close();
    laneway.close();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    laneway,
    port,
    async ask(path, { method = "GET", headers = {}, body } = {}) {
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      request({ port, host: "127.0.0.1", path, method, headers, agent: false }, resolve)
        .on("error", reject)
        .end(body);
      const res = await promise;
      let text = "";
      for await (const piece of res.setEncoding("utf8")) text += String(piece);
      return { status: res.statusCode!, headers: res.headers, text };
    },
  };
}

test("beside a program's own handler it gives metrics, state and probes of the same lanes", async (t) => {
  const at = await served(t, { prefix: "/lanes" });
  assert.equal((await at.ask("/hello", { headers: { "x-priority": "critical" } })).text, "hello");
  const metrics = await at.ask("/lanes/metrics");
  assert.match(metrics.text, /^laneway_tasks_total\{resource="http",lane="normal",result="finished"\} 1$/m);
  assert.match(metrics.text, /^laneway_lane_claims_total\{claimed="critical",granted="normal"\} 1$/m);
  assert.equal((await at.ask("/lanes/healthz")).text, "ok\n");
  assert.equal(JSON.parse((await at.ask("/lanes/api/state")).text).state.resources[0].name, "http");
  assert.equal((await at.ask("/lanes")).headers.location, "/lanes/");
});

test("a forecast is there for whoever may read, and says what it does not know", async (t) => {
  const at = await served(t, { prefix: "/lanes" });
  const ask = (query: string): Promise<Answer> => at.ask(`/lanes/api/forecast?${query}`);
  assert.deepEqual(JSON.parse((await ask("resource=http&lane=bulk&flow=a")).text), {
    resource: "http",
    lane: "bulk",
    flow: "a",
    outcome: "starts",
    reason: null,
    position: 0,
    waitMs: 0,
    queueTimeoutMs: 300_000,
  });
  const unknown = await ask("resource=http&lane=none");
  assert.deepEqual([unknown.status, /one of critical, .* found \\"none\\"/.test(unknown.text)], [400, true]);
  assert.equal((await ask("")).status, 400);
});

test("without a token it answers this machine alone, and nobody may change anything", async (t) => {
  const at = await served(t, {});
  for (const headers of [
    { host: "lanes.example" },
    { "x-forwarded-for": "192.0.2.1" },
    { forwarded: "for=192.0.2.1" },
  ] as Record<string, string>[]) {
    const { status, text } = await at.ask("/api/state", { headers });
    assert.deepEqual([status, /give adminHandler a token/.test(text)], [403, true]);
  }
  assert.equal((await at.ask("/api/state")).status, 200);
  const headers = { ...AUTHORIZED, "content-type": "application/json" };
  assert.equal((await at.ask("/api/overrides", { method: "POST", headers, body: "{}" })).status, 403);
  const open = await served(t, { privateReads: false });
  assert.equal((await open.ask("/api/state", { headers: { host: "lanes.example" } })).status, 200);
});

test("with a token reading takes it too, unless the program says otherwise", async (t) => {
  const at = await served(t, { token: TOKEN });
  assert.equal((await at.ask("/metrics")).status, 401);
  assert.equal((await at.ask("/metrics", { headers: { ...AUTHORIZED, host: "lanes.example" } })).status, 200);
  // The page to sign in on has nothing in it.
  assert.ok(!(await at.ask("/")).text.includes('"http"'));
  const readable = await served(t, { token: TOKEN, privateReads: false });
  assert.equal((await readable.ask("/metrics")).status, 200);
});

test("a path that is none ends neither the server nor the connection's other requests", async (t) => {
  const at = await served(t, {});
  for (const path of ["//", "//x:y/", "/%", "*"]) {
    const socket = connect(at.port, "127.0.0.1");
    socket.end(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`);
    let text = "";
    for await (const piece of socket.setEncoding("utf8")) text += String(piece);
    assert.match(text, /^HTTP\/1\.1 40[04] /, path);
  }
  // As a proxy would ask.
  const { port } = at;
  const whole = await at.ask(`http://127.0.0.1:${port}/healthz`);
  assert.equal(whole.text, "ok\n");
});

test("a token that anybody could guess and a prefix that is none are refused, the token not shown", async () => {
  const laneway = new Laneway(await parsePolicy("resources: { http: { limit: 2 } }"));
  const wrong = (options: object): string => {
    try {
      adminHandler(laneway, options).close();
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };
  assert.match(
    wrong({ token: "secret" }),
    /^adminHandler: token: expected 16 characters or more, found "6 of them"/,
  );
  assert.ok(!wrong({ token: "secret" }).includes("secret"));
  assert.match(
    wrong({ prefix: "lanes" }),
    /^adminHandler: prefix: expected a path that begins with \/, found "lanes"/,
  );
  laneway.close();
});

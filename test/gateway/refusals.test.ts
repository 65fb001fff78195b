import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { PROVIDERS } from "../../src/providers/known.ts";
import type { RefusalKind } from "../../src/providers/provider.ts";
import { startGateway } from "../../src/gateway/index.ts";
import type { Gateway } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { defaultPolicy, laneOf, withResource } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { ask, begin, eventually, gatewayOn, read, startUpstream, stateOf, Wire } from "./fixture.ts";
import type { Arrival, Reply, Upstream } from "./fixture.ts";

const SHAPES = { http: "/", anthropic: "/v1/messages", openai: "/v1/chat/completions" } as const;

/** The statuses, and what a client of that protocol switches on. */
const STATUS: Readonly<Record<RefusalKind, readonly [http: number, anthropic: string, openai: string]>> = {
  full: [503, "429 rate_limit_error", "429 rate_limit_exceeded"],
  "flow-share": [429, "429 rate_limit_error", "429 rate_limit_exceeded"],
  waited: [503, "529 overloaded_error", "503 server_is_overloaded"],
  timeout: [504, "504 timeout_error", "504 timeout"],
  deadline: [504, "504 timeout_error", "504 timeout"],
  draining: [503, "529 overloaded_error", "503 server_is_overloaded"],
  deadlock: [500, "500 api_error", "500 internal_error"],
  upstream: [502, "502 api_error", "502 bad_gateway"],
  "bad-request": [400, "400 invalid_request_error", "400 invalid_request"],
  "not-found": [404, "404 not_found_error", "404 not_found"],
  "upload-timeout": [408, "408 invalid_request_error", "408 request_timeout"],
  "too-large": [413, "413 request_too_large", "413 request_too_large"],
  "headers-too-large": [431, "431 invalid_request_error", "431 headers_too_large"],
  "not-implemented": [501, "501 invalid_request_error", "501 not_implemented"],
  internal: [500, "500 api_error", "500 internal_error"],
};

test("every refusal has its status and its body in each of the three shapes", () => {
  for (const [kind, [http, anthropic, openai]] of Object.entries(STATUS)) {
    const refusal = {
      kind: kind as RefusalKind,
      message: "why",
      requestId: "lw_1",
      code: "LANEWAY_REJECTED",
      reason: "lane-full",
      lane: "bulk",
    } as const;
    const problem = PROVIDERS.http.refusal(refusal);
    const { title, ...rest } = JSON.parse(problem.body);
    assert.deepEqual(
      [problem.status, problem.contentType, typeof title],
      [http, "application/problem+json", "string"],
    );
    assert.deepEqual(rest, {
      type: "about:blank",
      status: http,
      detail: "why",
      code: "LANEWAY_REJECTED",
      reason: "lane-full",
      lane: "bulk",
      requestId: "lw_1",
    });
    const claude = PROVIDERS.anthropic.refusal(refusal);
    const claudeBody = JSON.parse(claude.body);
    assert.equal(`${claude.status} ${claudeBody.error.type}`, anthropic);
    assert.deepEqual(claudeBody, {
      type: "error",
      error: { type: claudeBody.error.type, message: "why" },
      request_id: "lw_1",
    });
    const gpt = PROVIDERS.openai.refusal(refusal);
    const gptBody = JSON.parse(gpt.body);
    assert.equal(`${gpt.status} ${gptBody.error.code}`, openai);
    assert.deepEqual(gptBody, {
      error: { message: "why", type: gptBody.error.type, param: null, code: gptBody.error.code },
    });
    assert.deepEqual([claude.contentType, gpt.contentType], ["application/json", "application/json"]);
  }
});

const POLICY = (url: string, more = ""): string => `
lanes:
  - { name: critical }
  - { name: normal, queue: { max: 1, timeout: 5s } }
flow: { header: x-tenant }
classify: [ { header: { x-rank: critical }, lane: critical } ]
resources: { http: { upstream: "${url}", limit: 1 ${more} } }`;

/** One request runs, the next one waits: the resource and its lane are full. */
async function crowded(
  t: TestContext,
  more = "",
): Promise<{
  gateway: Gateway;
  upstream: Upstream;
  clock: TestClock;
  running: Arrival;
  waiting: Promise<Reply>;
  first: Promise<Reply>;
}> {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, POLICY(upstream.url, more), { clock });
  const first = ask(`${gateway.url}/first`, { headers: { "x-tenant": "a" } });
  const running = await upstream.next();
  const waiting = ask(`${gateway.url}/v1/messages`, { body: "{}", headers: { "x-tenant": "a" } });
  await eventually(() => stateOf(gateway).waiting === 1);
  // A test that looks at neither ends while they are under way.
  for (const pending of [first, waiting]) pending.catch(() => {});
  return { gateway, upstream, clock, running, waiting, first };
}

test("a full lane refuses: in three shapes, with an honest time to come back and the lane's quota", async (t) => {
  const { gateway } = await crowded(t);
  for (const [shape, path] of Object.entries(SHAPES)) {
    const reply = await ask(gateway.url + path, { body: "{}", headers: { "x-tenant": "a" } });
    assert.equal(reply.status, shape === "http" ? 503 : 429);
    assert.match(reply.headers["retry-after"]!, /^([1-9]|[1-5]\d)$/);
    assert.equal(reply.headers["x-should-retry"], undefined);
    assert.equal(reply.headers["laneway-lane"], "normal");
    assert.equal(reply.headers["laneway-wait-ms"], "0");
    assert.match(String(reply.headers["laneway-request-id"]), /^lw_[a-z0-9]+_[a-z0-9]+$/);
    assert.equal(reply.headers["ratelimit-policy"], '"normal";q=1;qu="concurrent-requests"');
    assert.equal(reply.headers["ratelimit"], `"normal";r=0;t=${reply.headers["retry-after"]}`);
    const body = reply.json();
    if (shape === "http")
      assert.deepEqual(
        [body.code, body.reason, body.lane, body.requestId],
        ["LANEWAY_REJECTED", "lane-full", "normal", reply.headers["laneway-request-id"]],
      );
    if (shape === "anthropic")
      assert.deepEqual(
        [body.type, body.error.type, body.request_id],
        ["error", "rate_limit_error", reply.headers["laneway-request-id"]],
      );
    if (shape === "openai") assert.equal(body.error.code, "rate_limit_exceeded");
  }
  assert.equal(stateOf(gateway).waiting, 1);
});

test("the flow that fills the lane gets 429 in every shape", async (t) => {
  const { gateway, upstream } = await crowded(t, ", lanes: { normal: { queue: { max: 3 } } }");
  const others = ["a", "b"].map((tenant) => begin(gateway.url, { headers: { "x-tenant": tenant } }));
  await eventually(() => stateOf(gateway).waiting === 3);
  const refused = await Promise.all(
    Object.values(SHAPES).map((path) =>
      ask(gateway.url + path, { body: "{}", headers: { "x-tenant": "a" } }),
    ),
  );
  assert.deepEqual(
    refused.map(({ status }) => status),
    [429, 429, 429],
  );
  assert.equal(refused[0]!.json().reason, "flow-share");
  assert.equal(upstream.seen, 1);
  for (const other of others) other.destroy();
});

test("a waiter that is put out for a higher lane is told so", async (t) => {
  const { gateway, waiting } = await crowded(t, ", queue: { max: 1, whenFull: evict }");
  const critical = begin(gateway.url, { headers: { "x-rank": "critical" } });
  const reply = await waiting;
  assert.deepEqual([reply.status, reply.json().error.type], [429, "rate_limit_error"]);
  assert.match(reply.json().error.message, /higher lane/);
  critical.destroy();
});

test("a waiter that waited too long: 529 to Anthropic clients, 503 to others, with the wait", async (t) => {
  for (const [path, status] of [
    ["/", 503],
    ["/v1/messages", 529],
    ["/v1/responses", 503],
  ] as const) {
    const clock = new TestClock();
    const upstream = await startUpstream(t);
    const gateway = await gatewayOn(t, POLICY(upstream.url), { clock });
    const running = begin(gateway.url);
    await upstream.next();
    const pending = ask(gateway.url + path, { body: "{}" });
    await eventually(() => stateOf(gateway).waiting === 1);
    await clock.advance(5_000);
    const reply = await pending;
    assert.deepEqual([reply.status, reply.headers["laneway-wait-ms"]], [status, "5000"]);
    assert.match(reply.headers["retry-after"]!, /^\d+$/);
    running.destroy();
  }
});

test("the wait of a request that was served is on its reply, for a person, a log and a browser", async (t) => {
  const { upstream, clock, running, waiting } = await crowded(t);
  await clock.advance(1_234);
  running.res.end();
  (await upstream.next()).res.end("at last");
  const reply = await waiting;
  assert.deepEqual(
    [reply.status, reply.headers["laneway-wait-ms"], reply.headers["server-timing"]],
    [200, "1234", 'laneway;dur=1234.0;desc="wait"'],
  );
});

test("a path that no resource takes: 404 that says what to add", async (t) => {
  const gateway = await gatewayOn(
    t,
    `{ resources: { main-db: { limit: 5 }, claude: { provider: anthropic, upstream: "http://127.0.0.1:1" }, gpt: { provider: openai, upstream: "http://127.0.0.1:1" } }, classify: [ { path: /v1/embeddings, lane: low, resource: main-db } ] }`,
  );
  const plain = await ask(`${gateway.url}/api/x`);
  assert.deepEqual(
    [plain.status, plain.json().detail],
    [404, "no resource of the policy takes GET /api/x; add one with an upstream, or a rule that names one"],
  );
  const named = await ask(`${gateway.url}/v1/embeddings`, { body: "{}" });
  assert.equal(named.status, 404);
  assert.match(named.json().error.message, /"main-db", which has no upstream/);
});

test("a body that must be read and is too large: 413, before and after it is known to be", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    req.resume().on("end", () => res.end("ok"));
  });
  const gateway = await gatewayOn(
    t,
    `{ classify: [ { model: tiny-*, lane: low } ], resources: { gpt: { provider: openai, upstream: "${upstream.url}" } }, gateway: { maxBody: 1kB } }`,
  );
  const large = JSON.stringify({ model: "tiny-1", input: "x".repeat(2_000) });
  for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
    const reply = await ask(`${gateway.url}/v1/responses`, { body: large, headers });
    assert.deepEqual([reply.status, reply.json().error.code], [413, "request_too_large"]);
  }
  const file = await ask(`${gateway.url}/v1/files`, { body: large });
  assert.equal(file.status, 200, "files stream, whatever their size");
  assert.equal(upstream.seen, 1);
});

test("a body that says beforehand that it is too large is not waited for", async (t) => {
  const gateway = await gatewayOn(
    t,
    '{ classify: [ { model: tiny-*, lane: low } ], resources: { gpt: { provider: openai, upstream: "http://127.0.0.1:1" } }, gateway: { maxBody: 1kB } }',
  );
  const wire = new Wire(gateway.url);
  wire.send("POST /v1/responses HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n");
  await wire.until("HTTP/1.1 413 ");
});

test("bodies that are held take no more than their share of memory; what is over is given back", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`, {
    bodyMemory: 10_000,
  });
  const first = ask(gateway.url, { body: "x".repeat(6_000) });
  const { res } = await upstream.next();
  const second = await ask(`${gateway.url}/v1/messages`, { body: "x".repeat(6_000) });
  assert.deepEqual(
    [second.status, second.json().error.type, second.headers["retry-after"]],
    [429, "rate_limit_error", "1"],
  );
  res.end();
  await first;
  const third = ask(gateway.url, { body: "x".repeat(6_000) });
  (await upstream.next()).res.end("room again");
  assert.equal((await third).text, "room again");
  const streamed = ask(gateway.url, { body: "x".repeat(100_000) });
  const arrival = await upstream.next();
  arrival.req.resume().on("end", () => arrival.res.end("not held"));
  assert.equal((await streamed).text, "not held");
});

test("a refused client on a connection that it keeps can ask again on it, its body unread or not", async (t) => {
  const { gateway, running, first, upstream, waiting } = await crowded(t);
  const { Agent } = await import("node:http");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const post = async (bytes: number): Promise<Reply> => {
    const req = request(gateway.url, { method: "POST", agent });
    req.end(Buffer.alloc(bytes));
    const [res] = (await once(req, "response")) as [IncomingMessage];
    return read(res);
  };
  assert.equal((await post(10)).status, 503);
  assert.equal((await post(1_000_000)).status, 503);
  running.res.end();
  await first;
  (await upstream.next()).res.end();
  await waiting;
  const served = post(1_000_000);
  const arrival = await upstream.next();
  arrival.req.resume().on("end", () => arrival.res.end());
  assert.equal((await served).status, 200);
});

test("a fault of the gateway's own: 500 without its details, which the log has under the request's id", async (t) => {
  const lines: string[] = [];
  const gateway = await gatewayOn(t, 'resources: { http: { upstream: "http://127.0.0.1:1" } }', {
    log: (line) => lines.push(line),
  });
  gateway.laneway.classify = () => {
    throw new TypeError("a secret detail");
  };
  const reply = await ask(`${gateway.url}/v1/messages`, { body: "{}" });
  assert.deepEqual([reply.status, reply.json().error.type], [500, "api_error"]);
  assert.doesNotMatch(reply.text, /secret/);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    new RegExp(
      `^request ${String(reply.headers["laneway-request-id"])} failed inside the gateway: TypeError: a secret detail\n`,
    ),
  );
});

test("a refusal's id is that of the record of its task", async (t) => {
  const { gateway } = await crowded(t);
  const reply = await ask(gateway.url, { headers: { "x-tenant": "a" } });
  const record = gateway.laneway
    .resource("http")
    .records()
    .find(({ outcome }) => outcome === "rejected");
  assert.equal(record?.id, reply.headers["laneway-request-id"]);
});

test("a HEAD request is refused without a body", async (t) => {
  const gateway = await gatewayOn(t, "resources: { main-db: { limit: 5 } }");
  const reply = await ask(gateway.url, { method: "HEAD" });
  assert.deepEqual([reply.status, reply.body.length], [404, 0]);
});

test("a shadow policy refuses nothing", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `{ enforce: false, lanes: [ { name: normal, queue: { max: 0 } } ], resources: { http: { upstream: "${upstream.url}", limit: 1 } } }`,
  );
  const pending = [ask(gateway.url), ask(gateway.url), ask(gateway.url)];
  for (const _ of pending) (await upstream.next()).res.end();
  assert.deepEqual(
    (await Promise.all(pending)).map(({ status }) => status),
    [200, 200, 200],
  );
});

test("in shadow mode no request feels it when its record gets a seat later", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `{ enforce: false, resources: { http: { upstream: "${upstream.url}", limit: 1 } } }`,
  );
  const pending = [ask(gateway.url), ask(gateway.url), ask(gateway.url)];
  const calls = [await upstream.next(), await upstream.next(), await upstream.next()];
  for (const { res } of calls) res.end("served");
  assert.deepEqual(
    (await Promise.all(pending)).map(({ status, text }) => [status, text]),
    pending.map(() => [200, "served"]),
  );
});

test("a lane of any name, from a policy made in code, is named as far as a header can", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => {
    res.end("ok");
  });
  const lane = { ...laneOf("größe\n日本"), queue: { max: 0, timeoutMs: 1_000 } };
  const policy = {
    ...defaultPolicy(),
    lanes: [lane],
    defaultLane: lane.name,
    trust: { header: "X-Lane", callers: [] },
  };
  const laneway = new Laneway(withResource(policy, { name: "http", upstream: upstream.url, limit: 1 }));
  const gateway = await startGateway({ laneway, listen: "127.0.0.1:0", admin: false });
  t.after(() => gateway.close());
  assert.equal((await ask(gateway.url)).headers["laneway-lane"], "gr??e???");
  const permit = laneway.resource("http").tryAcquire();
  const refused = await ask(gateway.url);
  permit?.release();
  assert.deepEqual(
    [refused.status, refused.headers["laneway-lane"], refused.json().lane],
    [503, "gr??e???", lane.name],
  );
});

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parsePolicy } from "../../src/policy/policy.ts";
import { ask, eventually, gatewayOn, startUpstream } from "./fixture.ts";

/** An upstream that says its name and what it was sent. */
async function named(t: TestContext, name: string): Promise<string> {
  const upstream = await startUpstream(t, (req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => res.end(`${name} ${req.method} ${req.url} ${Buffer.concat(chunks).length}`));
  });
  return upstream.url;
}

test("AI paths go to the first resource of their provider by their shape, the rest to http", async (t) => {
  const policy = `resources:
  main-db: { limit: 5 }
  claude: { provider: anthropic, upstream: "${await named(t, "claude")}" }
  claude2: { provider: anthropic, upstream: "${await named(t, "claude2")}" }
  gpt: { provider: openai, upstream: "${await named(t, "gpt")}" }
  site: { provider: http, upstream: "${await named(t, "site")}" }
  http: { provider: http, upstream: "${await named(t, "http")}" }`;
  const { url } = await gatewayOn(t, policy);
  const went = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
    (await ask(url + path, { headers })).text.split(" ")[0]!;
  const version = { "anthropic-version": "2026-10-21" };
  const expected: Record<string, string> = {
    "/v1/messages": "claude",
    "/v1/messages?beta=true": "claude",
    "/v1/messages/count_tokens": "claude",
    "/v1/messages/batches/b1/results": "claude",
    "/v1/chat/completions": "gpt",
    "/v1/responses": "gpt",
    "/v1/responses/r1/cancel": "gpt",
    "/v1/embeddings": "gpt",
    "/v1/files": "gpt",
    "/v1/batches/b1": "gpt",
    "/v1/models": "gpt",
    "/v1/messagesque": "http",
    "/v1/unknown": "http",
    "/": "http",
    "/api/v1/messages": "http",
  };
  for (const [path, resource] of Object.entries(expected)) assert.equal(await went(path), resource, path);
  for (const path of ["/v1/models", "/v1/models/claude-x", "/v1/files/f1/content"])
    assert.equal(await went(path, version), "claude", `${path} with anthropic-version`);
});

test("without a resource named http the rest goes to the first plain one, or to the only one there is", async (t) => {
  const site = await gatewayOn(
    t,
    `resources: { gpt: { provider: openai, upstream: "${await named(t, "gpt")}" }, site: { upstream: "${await named(t, "site")}" } }`,
  );
  assert.match((await ask(`${site.url}/about`)).text, /^site /);
  assert.match((await ask(`${site.url}/v1/messages`)).text, /^site /);
  const only = await gatewayOn(
    t,
    `resources: { main-db: { limit: 5 }, claude: { provider: anthropic, upstream: "${await named(t, "claude")}" } }`,
  );
  assert.match((await ask(`${only.url}/anything`)).text, /^claude /);
  assert.match((await ask(`${only.url}/v1/chat/completions`, { body: "{}" })).text, /^claude /);
});

test("a rule that names a resource wins over the shape", async (t) => {
  const { url } = await gatewayOn(
    t,
    `
classify: [ { path: /api/payments/**, lane: critical, resource: payments }, { path: /v1/embeddings, lane: bulk, resource: payments } ]
resources: { http: { upstream: "${await named(t, "http")}" }, gpt: { provider: openai, upstream: "${await named(t, "gpt")}" }, payments: { upstream: "${await named(t, "payments")}" } }`,
  );
  const paid = await ask(`${url}/api/payments/1`);
  assert.deepEqual([paid.text.split(" ")[0], paid.headers["laneway-lane"]], ["payments", "critical"]);
  const embedded = await ask(`${url}/v1/embeddings`, { body: "{}" });
  assert.deepEqual([embedded.text.split(" ")[0], embedded.headers["laneway-lane"]], ["payments", "bulk"]);
});

test("a rule on the model sees the model at the top of the body, and the body passes unchanged", async (t) => {
  const { url } = await gatewayOn(
    t,
    `
classify: [ { model: claude-haiku-*, lane: low }, { model: "*", lane: high } ]
resources: { claude: { provider: anthropic, upstream: "${await named(t, "claude")}" }, gpt: { provider: openai, upstream: "${await named(t, "gpt")}" } }`,
  );
  const lane = async (
    path: string,
    body: string | Buffer,
    headers: Record<string, string> = {},
  ): Promise<string> => {
    const reply = await ask(url + path, { body, headers });
    assert.ok(reply.text.endsWith(` ${Buffer.from(body).length}`), reply.text);
    return String(reply.headers["laneway-lane"]);
  };
  assert.equal(await lane("/v1/messages", '{"model":"claude-haiku-5","messages":[]}'), "low");
  assert.equal(
    await lane("/v1/messages", '{"messages":[{"model":"claude-haiku-5"}],"model":"claude-opus-5"}'),
    "high",
  );
  assert.equal(
    await lane("/v1/messages", '{"messages":[{"role":"user","content":"\\"model\\":\\"claude-haiku-5\\""}]}'),
    "normal",
  );
  assert.equal(await lane("/v1/messages", "not json"), "normal");
  assert.equal(
    await lane("/v1/messages", `{"system":"${"x".repeat(300_000)}","model":"claude-haiku-5"}`),
    "low",
    "a body that would otherwise stream",
  );
  assert.equal(
    await lane("/v1/messages", '{"model":"claude-haiku-5"}', { "transfer-encoding": "chunked" }),
    "low",
  );
  assert.equal(
    await lane("/v1/messages", gzipSync('{"model":"claude-haiku-5"}'), { "content-encoding": "gzip" }),
    "normal",
    "a compressed body is not looked into",
  );
  assert.equal(await lane("/v1/embeddings", '{"input":"x","model":"e-1"}'), "high");
  assert.equal(
    await lane("/v1/messages/batches", '{"requests":[],"model":"claude-haiku-5"}'),
    "normal",
    "batches stream",
  );
});

test("a claim lowers, and raises only those who may; the lane that was given is on the reply", async (t) => {
  const { url } = await gatewayOn(
    t,
    `
trust: { callers: [ { key: chat-key, upTo: critical } ] }
resources: { http: { upstream: "${await named(t, "http")}" } }`,
  );
  const lane = async (headers: Record<string, string>): Promise<unknown> =>
    (await ask(url, { headers })).headers["laneway-lane"];
  assert.equal(await lane({ "x-priority": "bulk" }), "bulk");
  assert.equal(await lane({ "x-priority": "critical" }), "normal");
  assert.equal(await lane({ "x-priority": "critical", "x-api-key": "chat-key" }), "critical");
  assert.equal(await lane({ "x-priority": "nonsense" }), "normal");
});

test("requests queue by lane: the most important goes first when the upstream is full", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `
lanes: [ { name: critical }, { name: normal }, { name: bulk } ]
classify: [ { path: /critical, lane: critical }, { path: /bulk, lane: bulk } ]
resources: { http: { upstream: "${upstream.url}", limit: 1 } }`,
  );
  const replies = [ask(`${gateway.url}/first`)];
  let { res } = await upstream.next();
  for (const path of ["/bulk", "/normal", "/critical"]) {
    replies.push(ask(gateway.url + path));
    await eventually(() => gateway.laneway.resource("http").snapshot().waiting === replies.length - 1);
  }
  const order: string[] = [];
  for (let i = 0; i < 3; i++) {
    res.end();
    const arrival = await upstream.next();
    order.push(arrival.req.url!);
    res = arrival.res;
  }
  res.end();
  await Promise.all(replies);
  assert.deepEqual(order, ["/critical", "/normal", "/bulk"]);
});

test("an edited policy is followed at once: other upstreams, other limits, and those under way end where they began", async (t) => {
  const before = await startUpstream(t);
  const after = await startUpstream(t, (_req, res) => {
    res.end("after");
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${before.url}", limit: 1 } }`);
  const running = ask(gateway.url);
  const arrival = await before.next();
  gateway.laneway.update(await parsePolicy(`resources: { http: { upstream: "${after.url}", limit: 2 } }`));
  assert.equal((await ask(gateway.url)).text, "after");
  arrival.res.end("before");
  assert.equal((await running).text, "before");
});

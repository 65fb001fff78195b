import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { seeded } from "../../src/testing/random.ts";
import { answer, bodyOf, claudePolicy, messageBody, messageEvents, messageReply } from "./ai-fixture.ts";
import { ask, begin, eventually, gatewayOn, read, startUpstream, stateOf, Wire } from "./fixture.ts";

const BUDGETS = { budgets: { inputTokens: "400000/min", outputTokens: "80000/min" }, keys: ["sk-ours"] };

test("what is wrong with a request is the upstream's to say: it passes byte for byte", async (t) => {
  const bodies: (readonly [string, Buffer, Record<string, string>])[] = [
    ["malformed JSON", Buffer.from('{"model": "claude-'), {}],
    ["no JSON at all", Buffer.from([0, 1, 2, 255, 254]), {}],
    ["an array", Buffer.from("[1,2]"), {}],
    ["null", Buffer.from("null"), {}],
    ["an empty object", Buffer.from("{}"), {}],
    ["a model of another kind", Buffer.from('{"model":7,"max_tokens":"many"}'), {}],
    ["an unknown model", Buffer.from(messageBody({ model: "no-such-model-\u00e9\u{1f600}" })), {}],
    ["a model's name without end", Buffer.from(messageBody({ model: "m".repeat(20_000) })), {}],
    ["absurd max_tokens", Buffer.from(messageBody({ max_tokens: 1e300 })), {}],
    ["negative max_tokens", Buffer.from(messageBody({ max_tokens: -5 })), {}],
    ["a deep body", Buffer.from(`${"[".repeat(50_000)}${"]".repeat(50_000)}`), {}],
    ["a wrong content type", Buffer.from(messageBody()), { "content-type": "text/plain" }],
    ["a compressed body", gzipSync(messageBody()), { "content-encoding": "gzip" }],
    ["a body of 3 MiB", Buffer.from(messageBody({ system: "x".repeat(3 * 1_048_576) })), {}],
  ];
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, BUDGETS));
  for (const [what, body, headers] of bodies) {
    const asked = ask(`${gateway.url}/v1/messages`, {
      body,
      headers: { ...headers, "anthropic-version": "2099-01-01", "anthropic-beta": "x,y", "x-unknown": "é" },
    });
    const arrival = await upstream.next();
    const chunks: Buffer[] = [];
    for await (const chunk of arrival.req) chunks.push(chunk as Buffer);
    assert.ok(Buffer.concat(chunks).equals(body), what);
    for (const [name, value] of Object.entries(headers)) assert.equal(arrival.req.headers[name], value);
    assert.equal(arrival.req.headers["anthropic-version"], "2099-01-01");
    assert.equal(arrival.req.headers["anthropic-beta"], "x,y");
    answer(arrival.res, 400, '{"type":"error"}');
    const reply = await asked;
    assert.deepEqual([reply.status, reply.text], [400, '{"type":"error"}'], what);
  }
  assert.equal(stateOf(gateway, "claude").seatsInUse, 0);
});

test("a call without any credential passes without one", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  const { req, res } = await upstream.next();
  assert.deepEqual([req.headers.authorization, req.headers["x-api-key"]], [undefined, undefined]);
  answer(res, 401, '{"type":"error"}');
  assert.deepEqual([(await asked).status, (await asked).text], [401, '{"type":"error"}']);
});

test("a body beyond maxBody is refused in the provider's shape, and the upstream hears nothing", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, {}, { gateway: { maxBody: "1KiB" } }));
  const reply = await ask(`${gateway.url}/v1/messages`, { body: "x".repeat(1_025) });
  assert.deepEqual([reply.status, reply.json().error.type], [413, "request_too_large"]);
  assert.equal(upstream.seen, 0);
});

test("pipelined calls are answered in their order, retries and all", async (t) => {
  let first = true;
  const upstream = await startUpstream(t, (req, res) => {
    void (async () => {
      const body = await bodyOf({ req } as never);
      if (body.includes("a0") && first) {
        first = false;
        return answer(res, 529, "{}", { "retry-after-ms": "1" });
      }
      return answer(res, 200, body);
    })();
  });
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { limit: 4 }));
  const wire = new Wire(gateway.url);
  const bodies = [0, 1, 2].map((i) => messageBody({ user: `a${i}` }));
  wire.send(
    bodies
      .map((body) => `POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      .join(""),
  );
  const received = await wire.until('"a2"');
  assert.deepEqual(received.match(/"a\d"/g), ['"a0"', '"a1"', '"a2"']);
  assert.equal(received.match(/HTTP\/1\.1 200/g)!.length, 3);
});

test("interim replies are not the reply", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, BUDGETS));
  const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  const { res } = await upstream.next();
  res.writeProcessing();
  res.writeEarlyHints({ link: "</a>; rel=preload" });
  answer(res, 200, messageReply());
  assert.deepEqual([(await asked).status, (await asked).text], [200, messageReply()]);
});

test("what is read here must not come compressed; what is only passed on keeps the caller's wish", async (t) => {
  const upstream = await startUpstream(t, (req, res) =>
    answer(res, 200, `"${req.headers["accept-encoding"]}"`),
  );
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { budgets: { requests: "1000/min" } }));
  const headers = { "accept-encoding": "gzip, deflate", "anthropic-version": "2023-06-01" };
  for (const [path, body, expected] of [
    ["/v1/messages", messageBody(), undefined],
    ["/v1/messages/batches", undefined, undefined],
    ["/v1/messages/batches/b/results", undefined, "gzip, deflate"],
    ["/v1/messages/count_tokens", messageBody(), "gzip, deflate"],
    ["/v1/files/f/content", undefined, "gzip, deflate"],
    ["/v1/models", undefined, "gzip, deflate"],
  ] as const) {
    const reply = await ask(gateway.url + path, { headers, ...(body === undefined ? {} : { body }) });
    assert.equal(reply.text, `"${expected}"`, path);
  }
});

test("a reply that comes compressed all the same passes unchanged", async (t) => {
  const packed = gzipSync(messageReply());
  const upstream = await startUpstream(t, (_req, res) =>
    res.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(packed),
  );
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, BUDGETS));
  const reply = await ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  assert.ok(reply.body.equals(packed));
  assert.equal(reply.headers["content-encoding"], "gzip");
});

test("streams pass byte for byte, wherever their pieces end", async (t) => {
  const random = seeded(11);
  const below = (count: number): number => Math.floor(random.next() * count);
  const parts = [
    ...messageEvents().map((event) => event.replaceAll("hi", "h\u00e9\u{1f600}\u2028 sk-our sk-ours")),
    ": a comment\n\n",
    'event: unheard-of\r\ndata: {"usage":\r\ndata: null}\r\n\r\n',
    "data: [DONE]\r\r",
    "id: 7\nretry: 10\n\n",
    "\ufeffdata: x\n\n",
    "data: no end",
  ];
  for (let round = 0; round < 60; round++) {
    const whole = Buffer.concat(
      Array.from({ length: 3 + below(12) }, () => Buffer.from(parts[below(parts.length)]!)),
    );
    const pieces: Buffer[] = [];
    for (let at = 0; at < whole.length;) {
      const length = 1 + below(random.next() < 0.5 ? 4 : 400);
      pieces.push(whole.subarray(at, at + length));
      at += length;
    }
    const upstream = await startUpstream(t);
    const keys = round % 2 === 0 ? ["sk-ours"] : [];
    const gateway = await gatewayOn(
      t,
      claudePolicy(upstream.url, { ...BUDGETS, keys: keys.length > 0 ? keys : undefined }),
    );
    const client = begin(`${gateway.url}/v1/messages`, { body: messageBody({ stream: true }) });
    const responded = once(client, "response");
    const { res } = await upstream.next();
    res.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const piece of pieces)
      await new Promise<void>((resolve) => res.write(piece, () => setImmediate(resolve)));
    res.end();
    const [reply] = (await responded) as [IncomingMessage];
    const expected = keys.length === 0 ? whole.toString() : whole.toString().replaceAll("sk-ours", "*******");
    assert.equal((await read(reply)).text, expected);
    await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
    assert.equal(stateOf(gateway, "claude").lane.finished, 1);
    await Promise.all([gateway.close(), upstream.stop()]);
  }
});

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, bodyOf, claudePolicy, errorBody, messageBody, messageEvents } from "./ai-fixture.ts";
import { ask, begin, eventually, gatewayOn, read, startUpstream, stateOf } from "./fixture.ts";

/** Longer than any back-off and shorter than every lane's time-out. */
const BACK_OFF_MS = 9_000;

test("a stream that has begun is never sent again: its client's connection is cut", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { fallback: { model: "claude-haiku-4-5" } }));
  const client = begin(`${gateway.url}/v1/messages`, { body: messageBody({ stream: true }) });
  const { res } = await upstream.next();
  res.writeHead(200, { "content-type": "text/event-stream" }).write(messageEvents()[0]);
  const [reply] = (await once(client, "response")) as [IncomingMessage];
  await once(reply, "data");
  res.destroy();
  await assert.rejects(read(reply), { code: "ECONNRESET" });
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  assert.equal(upstream.seen, 1);
  assert.equal(stateOf(gateway, "claude").lane.failed, 1);
});

test("a reply without a request body that has begun is not asked for again either", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const client = begin(`${gateway.url}/v1/files/f/content`, {
    headers: { "anthropic-version": "2023-06-01" },
  });
  const { res } = await upstream.next();
  res.writeHead(200, { "content-length": "100" }).write("half");
  const [reply] = (await once(client, "response")) as [IncomingMessage];
  await once(reply, "data");
  res.destroy();
  await assert.rejects(read(reply), { code: "ECONNRESET" });
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  assert.equal(upstream.seen, 1);
});

test("a second try that breaks off in mid-stream is cut too, whatever the first was told", async (t) => {
  const clock = new TestClock();
  const logged: string[] = [];
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock, log: (line) => logged.push(line) });
  const client = begin(`${gateway.url}/v1/messages`, { body: messageBody({ stream: true }) });
  answer((await upstream.next()).res, 529, errorBody("overloaded_error"));
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  await clock.advance(BACK_OFF_MS);
  const { res } = await upstream.next();
  res.writeHead(200, { "content-type": "text/event-stream" }).write(messageEvents()[0]);
  const [reply] = (await once(client, "response")) as [IncomingMessage];
  await once(reply, "data");
  res.destroy();
  await assert.rejects(read(reply), { code: "ECONNRESET" });
  assert.deepEqual([upstream.seen, logged], [2, []]);
});

test("a body that streams through is sent once, whatever the upstream says", async (t) => {
  const upload = Buffer.alloc(100_000, "x");
  for (const path of ["/v1/files", "/v1/messages/batches"]) {
    const upstream = await startUpstream(t);
    const gateway = await gatewayOn(t, claudePolicy(upstream.url, { keys: ["key-a", "key-b"] }));
    for (const status of [429, 529, 401]) {
      const asked = ask(gateway.url + path, { body: upload, headers: { "anthropic-version": "2023-06-01" } });
      const arrival = await upstream.next();
      assert.equal((await bodyOf(arrival)).length, upload.length);
      answer(arrival.res, status, errorBody("overloaded_error"), { "retry-after-ms": "1" });
      const reply = await asked;
      assert.equal(reply.status, status === 401 ? 502 : status);
      if (status !== 401)
        assert.equal(reply.headers["x-should-retry"], undefined, "the SDK can send it again");
      await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
    }
    assert.equal(upstream.seen, 3);
  }
});

test("a batch is created again only where the upstream said that it did nothing", async (t) => {
  const clock = new TestClock();
  const body = JSON.stringify({ requests: [{ custom_id: "a", params: JSON.parse(messageBody()) }] });
  const post = (url: string) => ask(`${url}/v1/messages/batches`, { body });
  for (const [status, tries] of [
    [429, 2],
    [529, 2],
    [500, 1],
    [409, 1],
    [504, 1],
  ] as const) {
    let seen = 0;
    const upstream = await startUpstream(t, (_req, res) =>
      ++seen === 1 ? answer(res, status, errorBody("x")) : answer(res, 200, "{}"),
    );
    const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
    const asked = post(gateway.url);
    await eventually(() => seen === 1 && stateOf(gateway, "claude").seatsInUse === 0);
    await clock.advance(BACK_OFF_MS);
    assert.equal((await asked).status, tries === 2 ? 200 : status);
    assert.equal(seen, tries, `${status}`);
  }
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
  const asked = post(gateway.url);
  (await upstream.next()).res.destroy();
  assert.equal((await asked).status, 502, "nobody knows whether it was created");
});

test("plain HTTP is tried once, unless the policy says otherwise and the method is idempotent", async (t) => {
  const clock = new TestClock();
  for (const [method, plainHttp, tries] of [
    ["GET", false, 1],
    ["POST", true, 1],
    ["GET", true, 2],
    ["PUT", true, 2],
  ] as const) {
    let seen = 0;
    const upstream = await startUpstream(t, (_req, res) => {
      if (++seen === 1) res.writeHead(503).end();
      else res.end("ok");
    });
    const gateway = await gatewayOn(
      t,
      JSON.stringify({
        resources: {
          http: { upstream: upstream.url, ...(plainHttp ? { retry: { plainHttp, attempts: 2 } } : {}) },
        },
      }),
      { clock },
    );
    const asked = ask(gateway.url, { method, ...(method === "GET" ? {} : { body: "x" }) });
    await eventually(() => seen === 1 && stateOf(gateway).seatsInUse === 0);
    await clock.advance(BACK_OFF_MS);
    assert.equal((await asked).status, tries === 2 ? 200 : 503);
    assert.equal(seen, tries, `${method} ${plainHttp}`);
  }
});

test("an error too long to be held passes whole, untried", async (t) => {
  const long = Buffer.alloc(70_000, "e").toString();
  for (const headers of [{}, { "content-length": `${long.length}` }]) {
    const upstream = await startUpstream(t, (_req, res) => void res.writeHead(500, headers).end(long));
    const gateway = await gatewayOn(t, claudePolicy(upstream.url));
    const reply = await ask(`${gateway.url}/v1/messages`, { body: messageBody() });
    assert.deepEqual([reply.status, reply.text === long], [500, true]);
    await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
    assert.equal(upstream.seen, 1);
    await gateway.drain();
  }
});

test("a HEAD that is refused by the upstream has its headers and no body", async (t) => {
  const upstream = await startUpstream(
    t,
    (_req, res) => void res.writeHead(404, { "content-length": "9" }).end(),
  );
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const reply = await ask(`${gateway.url}/v1/models/none`, {
    method: "HEAD",
    headers: { "anthropic-version": "2023-06-01" },
  });
  assert.deepEqual([reply.status, reply.headers["content-length"], reply.text], [404, "9", ""]);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { Warm } from "../../src/gateway/warm.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, claudePolicy, errorBody, messageBody, messageEvents, messageReply } from "./ai-fixture.ts";
import { ask, begin, eventually, gatewayOn, read, startUpstream, stateOf } from "./fixture.ts";

const PING = 'event: ping\ndata: {"type": "ping"}\n\n';
const SSE = { "content-type": "text/event-stream" };

/** A stream that waits until it is told 200. */
async function committed(url: string, path = "/v1/messages", body = messageBody({ stream: true })) {
  const client = begin(url + path, { body });
  const [res] = (await once(client, "response")) as [IncomingMessage];
  return { client, res, whole: read(res) };
}

test("a stream that waits longer than commitAfter is told 200 and kept warm, and its reply follows whole", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { commitAfter: "1ms" }));
  const { res, whole } = await committed(gateway.url);
  assert.equal(res.statusCode, 200);
  assert.match(res.headers["content-type"]!, /^text\/event-stream/);
  assert.equal(res.headers["laneway-lane"], "normal");
  (await upstream.next()).res.writeHead(200, SSE).end(messageEvents().join(""));
  assert.equal((await whole).text, PING + messageEvents().join(""));
});

test("OpenAI's streams are kept warm by a comment, which no client takes for a part of the answer", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    JSON.stringify({
      resources: { openai: { provider: "openai", upstream: upstream.url, commitAfter: "1ms" } },
    }),
  );
  const { whole } = await committed(gateway.url, "/v1/chat/completions");
  (await upstream.next()).res.writeHead(200, SSE).end("data: [DONE]\n\n");
  assert.equal((await whole).text, ": keepalive\n\ndata: [DONE]\n\n");
});

test("a failure after that is told inside the stream, in the provider's way: the upstream's words or ours", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const claude = {
    commitAfter: "1ms",
    retry: { attempts: 1 },
    lanes: { normal: { queue: { timeout: "5s" } } },
  };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude), { clock });
  const running = await committed(gateway.url);
  const { res } = await upstream.next();
  const queued = await committed(gateway.url);
  assert.equal(stateOf(gateway, "claude").waiting, 1);
  await clock.advance(5_000);
  const refusal = (await queued.whole).text;
  assert.ok(
    refusal.startsWith(`${PING}event: error\ndata: {"type":"error","error":{"type":"overloaded_error"`),
    refusal,
  );
  assert.ok(refusal.endsWith("\n\n"));
  answer(res, 500, errorBody("api_error", "it broke"));
  const error = JSON.parse((await running.whole).text.slice(PING.length).split("data: ")[1]!);
  assert.deepEqual([error.type, error.error.type], ["error", "api_error"]);
  assert.match(error.error.message, /it broke/);
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
});

test("tries are repeated behind a stream that is kept warm, but not once its reply has begun", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { commitAfter: "1ms" }), { clock });
  const { res, whole } = await committed(gateway.url);
  answer((await upstream.next()).res, 529, errorBody("overloaded_error"));
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  await clock.advance(9_000);
  const second = await upstream.next();
  second.res.writeHead(200, SSE).write(messageEvents()[0]);
  let seen = "";
  res.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  await eventually(() => seen.includes("message_start"));
  second.res.destroy();
  await assert.rejects(whole, { code: "ECONNRESET" });
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  assert.equal(upstream.seen, 2);
});

test("a reply that is no stream, though one was asked for, is told as an error inside it", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { commitAfter: "1ms" }));
  const { whole } = await committed(gateway.url);
  answer((await upstream.next()).res, 200, messageReply());
  assert.match((await whole).text, /event: error\ndata: \{"type":"error"/);
});

test("without commitAfter, and for what is no stream, nothing is said before the upstream has", async (t) => {
  for (const [claude, body] of [
    [{}, messageBody({ stream: true })],
    [{ commitAfter: "1ms" }, messageBody()],
    [{ commitAfter: "1ms" }, '{"stream":true'],
  ] as const) {
    const upstream = await startUpstream(t);
    const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude));
    const asked = ask(`${gateway.url}/v1/messages`, { body });
    const { res } = await upstream.next();
    // A millisecond and the timer of it are long over when these have been answered.
    for (let i = 0; i < 20; i++)
      assert.equal(
        (
          await ask(`${gateway.url}/v1/messages`, {
            body: "",
            method: "PUT",
            headers: { upgrade: "websocket", connection: "x" },
          })
        ).status,
        501,
      );
    answer(res, 400, errorBody("invalid_request_error"));
    assert.equal((await asked).status, 400);
  }
});

test("a client that leaves a stream kept warm gives its place up, and nothing is written to it any more", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { commitAfter: "1ms" }));
  const running = await committed(gateway.url);
  const arrival = await upstream.next();
  const queued = await committed(gateway.url);
  for (const { client, whole } of [queued, running]) {
    client.destroy();
    await assert.rejects(whole);
  }
  await arrival.cutOff;
  await eventually(() => stateOf(gateway, "claude").seatsInUse + stateOf(gateway, "claude").waiting === 0);
});

test("pings come as long as nothing else does, and never into a client that does not read", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const written: string[] = [];
  const res = {
    headersSent: false,
    destroyed: false,
    writableNeedDrain: false,
    writeHead: () => (res.headersSent = true),
    write: (text: string) => written.push(text),
  };
  const warm = new Warm({
    res: res as never,
    ping: ":\n\n",
    lane: "normal",
    requestId: "lw_1",
    afterMs: 15_000,
  });
  t.mock.timers.tick(14_999);
  assert.deepEqual([warm.committed, written.length], [false, 0]);
  t.mock.timers.tick(1);
  assert.deepEqual([warm.committed, written.length], [true, 1]);
  for (let i = 0; i < 2; i++) t.mock.timers.tick(10_000);
  assert.equal(written.length, 3);
  res.writableNeedDrain = true;
  for (let i = 0; i < 5; i++) t.mock.timers.tick(10_000);
  assert.equal(written.length, 3);
  res.writableNeedDrain = false;
  warm.stop();
  for (let i = 0; i < 5; i++) t.mock.timers.tick(10_000);
  assert.equal(written.length, 3);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Gateway } from "../../src/gateway/index.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, bodyOf, claudePolicy, errorBody, MODEL, messageBody, messageReply } from "./ai-fixture.ts";
import { ask, eventually, gatewayOn, startUpstream, stateOf } from "./fixture.ts";
import type { Reply } from "./fixture.ts";

const HAIKU = "claude-haiku-4-5";

const post = (gateway: Gateway, body = messageBody(), headers = {}): Promise<Reply> =>
  ask(`${gateway.url}/v1/messages`, { body, headers });

/** Two upstreams, the second the fallback of the first; one try each. */
async function withOther(t: TestContext, claude = {}, other = {}) {
  const first = await startUpstream(t);
  const second = await startUpstream(t);
  const text = claudePolicy(
    first.url,
    { retry: { attempts: 1 }, fallback: { resource: "other" }, keys: ["sk-first"], ...claude },
    {
      resources: {
        other: {
          provider: "anthropic",
          upstream: second.url,
          keys: ["sk-second"],
          retry: { attempts: 1 },
          ...other,
        },
      },
    },
  );
  const clock = new TestClock();
  return { first, second, clock, gateway: await gatewayOn(t, text, { admin: "127.0.0.1:0", clock }) };
}

test("a fallback resource serves what the first could not, with its own key, and the reply says so", async (t) => {
  const { first, second, gateway } = await withOther(t);
  const asked = post(gateway);
  answer((await first.next()).res, 529, errorBody("overloaded_error"));
  const arrival = await second.next();
  assert.equal(arrival.req.headers["x-api-key"], "sk-second");
  assert.equal(await bodyOf(arrival), messageBody());
  answer(arrival.res, 200, messageReply());
  const reply = await asked;
  assert.deepEqual([reply.status, reply.headers["laneway-fallback"]], [200, "other"]);
  const metrics = (await ask(`${gateway.adminUrl}/metrics`)).text;
  assert.match(metrics, /laneway_fallbacks_total\{resource="claude",to="other"\} 1\n/);
});

test("a fallback serves too when the first cannot be reached, breaks off, or has no room", async (t) => {
  for (const what of ["stopped", "reset", "full"] as const) {
    const { first, second, gateway } = await withOther(t, { lanes: { normal: { queue: { max: 1 } } } });
    if (what === "stopped") await first.stop();
    const held = what === "full" ? [post(gateway), post(gateway)] : [];
    if (what === "full") await eventually(() => stateOf(gateway, "claude").waiting === 1);
    const asked = post(gateway);
    if (what === "reset") (await first.next()).req.socket.resetAndDestroy();
    answer((await second.next()).res, 200, messageReply());
    assert.deepEqual([(await asked).status, (await asked).headers["laneway-fallback"]], [200, "other"]);
    for (const reply of held) {
      answer((await first.next()).res, 200, messageReply());
      assert.equal((await reply).headers["laneway-fallback"], undefined);
    }
  }
});

test("a request that was wrong itself is not sent elsewhere", async (t) => {
  const { first, second, gateway } = await withOther(t);
  for (const status of [400, 404, 413]) {
    const asked = post(gateway);
    answer((await first.next()).res, status, errorBody("x"));
    assert.equal((await asked).status, status);
  }
  assert.equal(second.seen, 0);
});

test("what is kept at one upstream is not looked for at another: batches and files have no fallback", async (t) => {
  const { first, second, gateway } = await withOther(t);
  const headers = { "anthropic-version": "2023-06-01" };
  for (const question of [
    { path: "/v1/messages/batches", body: "{}" },
    { path: "/v1/messages/batches/b" },
    { path: "/v1/files", body: "x".repeat(70_000) },
    { path: "/v1/files/f" },
  ]) {
    const asked = ask(gateway.url + question.path, { headers, ...question });
    const { req, res } = await first.next();
    req.resume();
    answer(res, 529, errorBody("overloaded_error"));
    assert.equal((await asked).status, 529);
  }
  assert.equal(second.seen, 0);
});

test("another model of the same resource: the body names it, and nothing else in it changes", async (t) => {
  const upstream = await startUpstream(t);
  const claude = { retry: { attempts: 1 }, fallback: { model: HAIKU } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude), { clock: new TestClock() });
  const sent = { system: 'say "model"', stream: false, user: "é" };
  const asked = post(gateway, messageBody(sent));
  answer((await upstream.next()).res, 529, errorBody("overloaded_error"));
  const arrival = await upstream.next();
  const body = await bodyOf(arrival);
  assert.deepEqual(JSON.parse(body), { ...JSON.parse(messageBody(sent)), model: HAIKU });
  assert.equal(arrival.req.headers["content-length"], `${Buffer.byteLength(body)}`);
  answer(arrival.res, 200, messageReply());
  assert.deepEqual([(await asked).status, (await asked).headers["laneway-fallback"]], [200, HAIKU]);
});

test("a fallback that fails as well: its reply passes, and no third is asked", async (t) => {
  const upstream = await startUpstream(t);
  const claude = { retry: { attempts: 1 }, fallback: { model: HAIKU } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude), { clock: new TestClock() });
  const asked = post(gateway);
  answer((await upstream.next()).res, 529, errorBody("overloaded_error", "first"));
  answer((await upstream.next()).res, 500, errorBody("api_error", "second"));
  const reply = await asked;
  assert.deepEqual([reply.status, reply.json().error.message], [500, "second"]);
  assert.equal(reply.headers["laneway-fallback"], HAIKU);
  assert.equal(upstream.seen, 2);
});

test("a fallback without room: the client is told what the first upstream said", async (t) => {
  const { first, second, gateway } = await withOther(
    t,
    {},
    { limit: 1, lanes: { normal: { queue: { max: 0 } } } },
  );
  const body = errorBody("overloaded_error", "the first");
  const blocker = post(gateway);
  answer((await first.next()).res, 529, body);
  const blocking = await second.next();
  const asked = post(gateway);
  answer((await first.next()).res, 529, body);
  const reply = await asked;
  assert.deepEqual([reply.status, reply.text], [529, body]);
  answer(blocking.res, 200, messageReply());
  assert.equal((await blocker).status, 200);
});

test("a call that names no model, or the fallback's own, has no other model to go to", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => answer(res, 529, errorBody("overloaded_error")));
  const claude = { retry: { attempts: 1 }, fallback: { model: MODEL } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude));
  const headers = { "anthropic-version": "2023-06-01" };
  for (const question of [
    { path: "/v1/models" },
    { path: "/v1/messages", body: messageBody() },
    { path: "/v1/messages", body: "no JSON" },
  ])
    assert.equal((await ask(gateway.url + question.path, { headers, ...question })).status, 529);
  assert.equal(upstream.seen, 3);
});

test("retries come first, and the lane's time-out is one for all of it", async (t) => {
  const { first, second, clock, gateway } = await withOther(t, {
    retry: { attempts: 2 },
    lanes: { normal: { timeout: "20s" } },
  });
  const asked = post(gateway);
  answer((await first.next()).res, 529, errorBody("overloaded_error"));
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  await clock.advance(9_000);
  answer((await first.next()).res, 529, errorBody("overloaded_error"));
  answer((await second.next()).res, 200, messageReply());
  assert.equal((await asked).status, 200);
  assert.deepEqual([first.seen, second.seen], [2, 1]);
});

test("plain HTTP goes elsewhere only with what cannot be done twice", async (t) => {
  const first = await startUpstream(t);
  const second = await startUpstream(t, (_req, res) => res.end("second"));
  const gateway = await gatewayOn(
    t,
    JSON.stringify({
      classify: [{ path: "/**", lane: "normal", resource: "one" }],
      resources: {
        one: { upstream: first.url, fallback: { resource: "two" } },
        two: { upstream: second.url, fallback: undefined, retry: { plainHttp: true } },
      },
    }),
  );
  const lost = ask(`${gateway.url}/pay`, { body: "x" });
  (await first.next()).res.destroy();
  assert.equal((await lost).status, 502, "it may have been paid");
  const busy = ask(`${gateway.url}/pay`, { body: "x" });
  (await first.next()).res.writeHead(503).end();
  assert.equal((await busy).text, "second");
  const read = ask(`${gateway.url}/read`);
  (await first.next()).res.destroy();
  assert.equal((await read).text, "second");
  await first.stop();
  assert.equal((await ask(`${gateway.url}/pay`, { body: "x" })).text, "second");
});

test("a plain resource with nothing but an upstream serves as the fallback of another", async (t) => {
  const first = await startUpstream(t, (_req, res) => res.writeHead(503).end());
  const second = await startUpstream(t, (_req, res) => res.end("served"));
  const http = { upstream: first.url, fallback: { resource: "spare" } };
  const policy = { resources: { http, spare: { upstream: second.url } } };
  const gateway = await gatewayOn(t, JSON.stringify(policy));
  const reply = await ask(`${gateway.url}/orders`);
  assert.deepEqual([reply.status, reply.text, reply.headers["laneway-fallback"]], [200, "served", "spare"]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, bodyOf, claudePolicy, errorBody, messageBody, messageReply } from "./ai-fixture.ts";
import { ask, begin, eventually, gatewayOn, startUpstream, stateOf, Wire } from "./fixture.ts";
import type { Arrival } from "./fixture.ts";

/** Longer than any back-off and shorter than every lane's time-out. */
const BACK_OFF_MS = 9_000;

const failures: readonly (readonly [string, (arrival: Arrival) => void])[] = [
  ["500", ({ res }) => answer(res, 500, errorBody("api_error"))],
  ["502", ({ res }) => answer(res, 502, "bad gateway")],
  ["503", ({ res }) => answer(res, 503, "unavailable")],
  ["504", ({ res }) => answer(res, 504, errorBody("timeout_error"))],
  ["529", ({ res }) => answer(res, 529, errorBody("overloaded_error"))],
  ["429", ({ res }) => answer(res, 429, errorBody("rate_limit_error"))],
  ["a connection that is cut before the reply", ({ res }) => void res.destroy()],
  ["a reset", ({ req }) => void req.socket.resetAndDestroy()],
  [
    "an error that breaks off",
    ({ res }) =>
      void (res.writeHead(500, { "content-length": "99" }).write("x"), setImmediate(() => res.destroy())),
  ],
];

for (const [name, fail] of failures) {
  test(`${name}: the call is made again with the same body, and its client sees only the reply`, async (t) => {
    const clock = new TestClock();
    const upstream = await startUpstream(t);
    const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock, admin: "127.0.0.1:0" });
    const asked = ask(`${gateway.url}/v1/messages?beta=true`, { body: messageBody() });
    const first = await upstream.next();
    assert.equal(await bodyOf(first), messageBody());
    fail(first);
    await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
    assert.equal(upstream.seen, 1, "not before the back-off is over");
    await clock.advance(BACK_OFF_MS);
    const second = await upstream.next();
    assert.equal(second.req.url, "/v1/messages?beta=true");
    assert.equal(await bodyOf(second), messageBody());
    answer(second.res, 200, messageReply());
    const reply = await asked;
    assert.deepEqual([reply.status, reply.text], [200, messageReply()]);
    const { lane } = stateOf(gateway, "claude");
    assert.deepEqual([lane.admitted, lane.finished, lane.failed], [1, 1, 0]);
    const metrics = (await ask(`${gateway.adminUrl}/metrics`)).text;
    assert.match(metrics, /laneway_retries_total\{resource="claude",reason="[a-z-]+"\} 1\n/);
  });
}

test("a connection that nobody takes: tried as often as the policy says, then 502 that no SDK repeats", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  await upstream.stop();
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock, admin: "127.0.0.1:0" });
  const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  const metrics = async (): Promise<string> => (await ask(`${gateway.adminUrl}/metrics`)).text;
  for (let retries = 1; retries <= 2; retries++) {
    const counted = `laneway_retries_total{resource="claude",reason="unreachable"} ${retries}\n`;
    while (!(await metrics()).includes(counted));
    await clock.advance(BACK_OFF_MS);
  }
  const reply = await asked;
  assert.deepEqual([reply.status, reply.json().error.type], [502, "api_error"]);
  assert.equal(reply.headers["x-should-retry"], "false");
  assert.match(
    await metrics(),
    /laneway_upstream_failures_total\{resource="claude",reason="unreachable"\} 3\n/,
  );
});

test("all tries that the policy grants: the last reply byte for byte, and no SDK tries again", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { retry: { attempts: 4 } }), { clock });
  const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  for (let attempt = 1; attempt <= 4; attempt++) {
    const arrival = await upstream.next();
    answer(arrival.res, 529, errorBody("overloaded_error", `no ${attempt}`), {
      "request-id": `req_${attempt}`,
      "X-Odd": "yes",
      "x-should-retry": "true",
    });
    await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
    await clock.advance(BACK_OFF_MS);
  }
  const reply = await asked;
  assert.deepEqual([reply.status, reply.text], [529, errorBody("overloaded_error", "no 4")]);
  assert.deepEqual([reply.headers["request-id"], reply.headers["x-should-retry"]], ["req_4", "false"]);
  assert.ok(reply.rawHeaders.includes("X-Odd"));
  assert.equal(reply.headers["laneway-lane"], "normal");
  assert.equal(reply.headers["laneway-wait-ms"], "0");
  assert.equal(upstream.seen, 4);
  assert.deepEqual([stateOf(gateway, "claude").lane.failed, stateOf(gateway, "claude").seatsInUse], [1, 0]);
});

test("with one try in the policy, what an SDK does after it is the SDK's own business", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => answer(res, 529, errorBody("overloaded_error")));
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { retry: { attempts: 1 } }));
  const reply = await ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  assert.deepEqual([reply.status, reply.headers["x-should-retry"]], [529, undefined]);
  assert.equal(upstream.seen, 1);
});

test("a request that was wrong itself is not tried again, and its error passes as it came", async (t) => {
  const body = errorBody("invalid_request_error", "max_tokens: too large");
  const upstream = await startUpstream(t, (_req, res) => answer(res, 400, body, { "request-id": "req_9" }));
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const reply = await ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  assert.deepEqual([reply.status, reply.text, reply.headers["request-id"]], [400, body, "req_9"]);
  assert.equal(reply.headers["x-should-retry"], undefined);
  assert.equal(upstream.seen, 1);
  assert.equal(stateOf(gateway, "claude").lane.failed, 0);
});

test("a retry goes to its own place: what waited behind it stays behind it", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
  const post = (user: string): void =>
    void begin(`${gateway.url}/v1/messages`, { body: messageBody({ user }), headers: { "x-api-key": "k" } });
  post("first");
  const first = await upstream.next();
  post("second");
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  post("third");
  await eventually(() => stateOf(gateway, "claude").waiting === 2);
  answer(first.res, 503, "");
  // Its seat is another's meanwhile.
  const second = await upstream.next();
  assert.match(await bodyOf(second), /"second"/);
  await clock.advance(BACK_OFF_MS);
  assert.equal(stateOf(gateway, "claude").waiting, 2);
  answer(second.res, 200, messageReply());
  const again = await upstream.next();
  assert.match(await bodyOf(again), /"first"/);
  answer(again.res, 200, messageReply());
  assert.match(await bodyOf(await upstream.next()), /"third"/);
});

test("while a higher lane's call backs off, a lower lane uses its seat", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    claudePolicy(upstream.url, {}, { trust: { callers: [{ cidr: "127.0.0.0/8", upTo: "critical" }] } }),
    { clock },
  );
  const post = (lane: string): void =>
    void begin(`${gateway.url}/v1/messages`, { body: messageBody(), headers: { "x-priority": lane } });
  post("critical");
  const critical = await upstream.next();
  post("bulk");
  await eventually(() => stateOf(gateway, "claude", "bulk").waiting === 1);
  answer(critical.res, 503, "");
  await eventually(() => stateOf(gateway, "claude", "bulk").lane.running === 1);
  const bulk = await upstream.next();
  assert.equal(stateOf(gateway, "claude", "critical").lane.running, 0);
  answer(bulk.res, 200, messageReply());
});

test("retry-after and retry-after-ms are obeyed: no try before", async (t) => {
  for (const [header, value, ms] of [
    ["retry-after", "7", 7_000],
    ["retry-after-ms", "2500", 2_500],
  ] as const) {
    const clock = new TestClock();
    const upstream = await startUpstream(t);
    const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
    const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
    answer((await upstream.next()).res, 503, "", { [header]: value });
    await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
    await clock.advance(ms - 1);
    assert.equal(stateOf(gateway, "claude").lane.running, 0);
    await clock.advance(BACK_OFF_MS);
    answer((await upstream.next()).res, 200, messageReply());
    assert.equal((await asked).status, 200);
  }
});

test("what the upstream wants to see no earlier than the lane's time-out is told at once", async (t) => {
  const upstream = await startUpstream(t, (_req, res) =>
    answer(res, 429, errorBody("rate_limit_error"), { "retry-after": "120" }),
  );
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock: new TestClock() });
  const reply = await ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  assert.deepEqual([reply.status, reply.headers["retry-after"]], [429, "120"]);
  assert.equal(reply.headers["x-should-retry"], undefined, "in two minutes it is worth a try");
});

test("a call whose lane's time is up while it backs off gets the upstream's last words", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { lanes: { normal: { timeout: "1s" } } }), {
    clock,
  });
  const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  const { res } = await upstream.next();
  await clock.advance(990);
  answer(res, 529, errorBody("overloaded_error", "first"), { "retry-after-ms": "500" });
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  await clock.advance(10);
  const reply = await asked;
  assert.deepEqual([reply.status, reply.text], [529, errorBody("overloaded_error", "first")]);
  assert.equal(upstream.seen, 1);
});

test("a 429 about money is never tried again, and no SDK tries it either", async (t) => {
  const body = errorBody("rate_limit_error", "spend limit", { error_code: "enforced_spend_limit_reached" });
  const upstream = await startUpstream(t, (_req, res) => answer(res, 429, body));
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const reply = await ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  assert.deepEqual([reply.status, reply.text, reply.headers["x-should-retry"]], [429, body, "false"]);
  assert.equal(upstream.seen, 1);
});

test("a storm of failures is not made worse: beyond the budget of retries every call is tried once", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t, (_req, res) => answer(res, 500, errorBody("api_error")));
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { limit: 100 }), { clock });
  let answered = 0;
  const calls = Array.from({ length: 60 }, async () => {
    const reply = await ask(`${gateway.url}/v1/messages`, { body: messageBody() });
    assert.deepEqual([reply.status, reply.headers["x-should-retry"]], [500, "false"]);
    answered++;
  });
  await eventually(() => upstream.seen >= 60 && stateOf(gateway, "claude").seatsInUse === 0);
  while (answered < 60) await clock.advance(BACK_OFF_MS);
  await Promise.all(calls);
  // A tenth of the calls, and ten that are always allowed.
  assert.ok(upstream.seen > 60 && upstream.seen <= 60 + 16, `${upstream.seen} calls`);
});

test("a request that cannot be passed on gives its seat back", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const wire = new Wire(gateway.url);
  const body = messageBody();
  wire.send(
    `POST /v1/messages HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await wire.until("HTTP/1.1 400");
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  assert.equal(upstream.seen, 0);
});

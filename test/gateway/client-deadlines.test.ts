import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, bodyOf, claudePolicy, messageBody, messageReply } from "./ai-fixture.ts";
import { ask, eventually, gatewayOn, startUpstream, stateOf } from "./fixture.ts";

test("what cannot be done within the time-out that the client states is refused at once, for good", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
  const post = (headers = {}) => ask(`${gateway.url}/v1/messages`, { body: messageBody(), headers });
  // Calls take ten seconds, as the gateway learns.
  for (let i = 0; i < 3; i++) {
    const asked = post();
    const { res } = await upstream.next();
    await clock.advance(10_000);
    answer(res, 200, messageReply());
    await asked;
  }
  const running = post();
  const { res } = await upstream.next();
  const patient = post({ "x-stainless-timeout": "600" });
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  const hasty = await post({ "x-stainless-timeout": "12" });
  assert.deepEqual([hasty.status, hasty.json().error.type], [504, "timeout_error"]);
  assert.equal(hasty.headers["x-should-retry"], "false");
  assert.equal(upstream.seen, 4);
  answer(res, 200, messageReply());
  answer((await upstream.next()).res, 200, messageReply());
  assert.deepEqual([(await running).status, (await patient).status], [200, 200]);
});

test("a call whose client's time is up while it waits is refused then, and never sent", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
  const running = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  const { res } = await upstream.next();
  const waiting = ask(`${gateway.url}/v1/messages`, {
    body: messageBody(),
    headers: { "x-stainless-timeout": "2" },
  });
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  await clock.advance(2_000);
  const reply = await waiting;
  assert.deepEqual([reply.status, reply.headers["x-should-retry"]], [504, "false"]);
  answer(res, 200, messageReply());
  assert.equal((await running).status, 200);
  assert.equal(upstream.seen, 1);
});

test("a client's time-out longer than its lane's changes nothing, and nonsense is none", async (t) => {
  for (const value of ["600", "-1", "soon", "1e99"]) {
    const clock = new TestClock();
    const upstream = await startUpstream(t);
    const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
    const asked = ask(`${gateway.url}/v1/messages`, {
      body: messageBody(),
      headers: { "x-stainless-timeout": value },
    });
    const { cutOff } = await upstream.next();
    await clock.advance(60_000);
    const reply = await asked;
    assert.equal(reply.status, 504);
    assert.match(reply.json().error.message, /lane's time-out of 60000 ms/);
    await cutOff;
  }
});

test("a request that comes back after refusals keeps the credit for all that it has waited", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const claude = { lanes: { normal: { queue: { timeout: "5s" } } } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude), { clock });
  const post = (user: string, retries: number) =>
    ask(`${gateway.url}/v1/messages`, {
      body: messageBody({ user }),
      headers: { "x-api-key": "k", "x-stainless-retry-count": `${retries}` },
    });
  const refused = async (user: string, retries: number): Promise<void> => {
    const asked = post(user, retries);
    await eventually(() => stateOf(gateway, "claude").waiting === 1);
    await clock.advance(5_000);
    const reply = await asked;
    assert.deepEqual([reply.status, Number(reply.headers["retry-after"]) > 0], [529, true]);
  };
  const running = post("running", 0);
  const { res } = await upstream.next();
  await refused("ten", 0);
  await refused("ten", 1);
  await refused("five", 0);
  const five = post("five", 1);
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  await clock.advance(4_000);
  // Nine seconds against ten, though it has just come.
  const ten = post("ten", 2);
  await eventually(() => stateOf(gateway, "claude").waiting === 2);
  answer(res, 200, messageReply());
  const next = await upstream.next();
  assert.match(await bodyOf(next), /"ten"/);
  answer(next.res, 200, messageReply());
  answer((await upstream.next()).res, 200, messageReply());
  for (const reply of [running, ten, five]) assert.equal((await reply).status, 200);
});

test("credit is for what was refused here, not for who says that it has been here", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
  const post = (user: string, retries: number) =>
    ask(`${gateway.url}/v1/messages`, {
      body: messageBody({ user }),
      headers: { "x-stainless-retry-count": `${retries}` },
    });
  const replies = [post("running", 0)];
  const { res } = await upstream.next();
  replies.push(post("first", 0));
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  replies.push(post("liar", 7));
  await eventually(() => stateOf(gateway, "claude").waiting === 2);
  answer(res, 200, messageReply());
  const next = await upstream.next();
  assert.match(await bodyOf(next), /"first"/);
  answer(next.res, 200, messageReply());
  answer((await upstream.next()).res, 200, messageReply());
  await Promise.all(replies);
});

for (const [what, path, provider] of [
  ["plain HTTP", "/orders", undefined],
  ["an AI provider", "/v1/messages", "anthropic"],
] as const)
  test(`the time that the sending service has left is held here too, for ${what}`, async (t) => {
    const clock = new TestClock();
    const upstream = await startUpstream(t);
    const resource = { upstream: upstream.url, limit: 1, ...(provider && { provider }) };
    const policy = JSON.stringify({ resources: { http: resource } });
    const gateway = await gatewayOn(t, policy, { clock });
    const post = (headers = {}) => ask(gateway.url + path, { body: messageBody(), headers });
    const running = post();
    const { res } = await upstream.next();
    const waiting = post({ "x-laneway-deadline-ms": "2000" });
    await eventually(() => stateOf(gateway, "http").waiting === 1);
    await clock.advance(2_000);
    assert.equal((await waiting).status, 504);
    assert.equal((await post({ baggage: "laneway.deadline-ms=0" })).status, 504);
    answer(res, 200, messageReply());
    assert.equal((await running).status, 200);
    assert.equal(upstream.seen, 1);
  });

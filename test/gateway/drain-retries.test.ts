import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, claudePolicy, errorBody, messageBody, messageReply } from "./ai-fixture.ts";
import { ask, eventually, gatewayOn, startUpstream, stateOf } from "./fixture.ts";

const DRAIN = { gateway: { drainTimeout: "30s" } };

test("a drain lets what backs off have its next try, and what waits for budget its turn", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { limit: 2 }, DRAIN), { clock });
  const post = (model: string) => ask(`${gateway.url}/v1/messages`, { body: messageBody({ model }) });
  const backingOff = post("claude-haiku-4-5");
  answer((await upstream.next()).res, 503, "");
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  const paused = post("claude-opus-4-7");
  answer((await upstream.next()).res, 429, errorBody("rate_limit_error"), { "retry-after": "20" });
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  let drained = false;
  const draining = gateway.drain().then(() => (drained = true));
  assert.equal((await ask(`${gateway.url}/v1/messages`, { body: messageBody() })).status, 529);
  await clock.advance(9_000);
  answer((await upstream.next()).res, 200, messageReply());
  const first = await backingOff;
  assert.deepEqual([first.status, first.headers["connection"], drained], [200, "close", false]);
  await clock.advance(12_000);
  answer((await upstream.next()).res, 200, messageReply());
  assert.equal((await paused).status, 200);
  await draining;
});

test("what still backs off when the drain's time is up gets the upstream's last words", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const more = { gateway: { drainTimeout: "1s" } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, {}, more), { clock });
  const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  answer((await upstream.next()).res, 529, errorBody("overloaded_error", "busy"), { "retry-after": "5" });
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  const draining = gateway.drain();
  await clock.advance(1_000);
  const reply = await asked;
  assert.deepEqual([reply.status, reply.json().error.message], [529, "busy"]);
  assert.equal(reply.headers["connection"], "close");
  await draining;
});

test("a drain does not go to a fallback that takes nothing new: the client hears what was wrong", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const claude = { retry: { attempts: 1 }, fallback: { model: "claude-haiku-4-5" } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude, DRAIN), { clock });
  const asked = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  const { res } = await upstream.next();
  const draining = gateway.drain();
  answer(res, 529, errorBody("overloaded_error", "busy"));
  const reply = await asked;
  assert.deepEqual([reply.status, reply.json().error.message], [529, "busy"]);
  await draining;
});

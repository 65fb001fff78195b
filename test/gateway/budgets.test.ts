import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import type { BudgetSnapshot } from "../../src/core/snapshot.ts";
import type { Gateway } from "../../src/gateway/index.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";
import {
  answer,
  bodyOf,
  claudePolicy,
  errorBody,
  messageBody,
  messageEvents,
  messageReply,
} from "./ai-fixture.ts";
import { ask, begin, eventually, gatewayOn, startUpstream, stateOf } from "./fixture.ts";
import type { Reply } from "./fixture.ts";

const BUDGETS = { requests: "1000/min", inputTokens: "400000/min", outputTokens: "80000/min" };
const OPUS = "caller/claude-opus-4";

const post = (gateway: Gateway, more = {}, headers = {}): Promise<Reply> =>
  ask(`${gateway.url}/v1/messages`, { body: messageBody(more), headers });

async function budgetOf(gateway: Gateway, name = OPUS): Promise<BudgetSnapshot | undefined> {
  const { resources } = (await ask(`${gateway.adminUrl}/api/snapshot`)).json();
  return resources[0].budgets.find((budget: BudgetSnapshot) => budget.name === name);
}

async function leftOf(gateway: Gateway, name = OPUS): Promise<number[]> {
  const budget = (await budgetOf(gateway, name))!;
  return [budget.requests!.left, budget.inputTokens!.left, budget.outputTokens!.left];
}

test("an upstream-wide 429 pauses that model alone, and after the pause the oldest goes first", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { limit: 4 }), {
    clock,
    admin: "127.0.0.1:0",
  });
  const first = post(gateway, { user: "first" });
  const limited = await upstream.next();
  answer(limited.res, 429, errorBody("rate_limit_error"), { "retry-after": "5" });
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  const second = post(gateway, { user: "second" });
  await eventually(() => stateOf(gateway, "claude").waiting === 2);
  assert.equal((await budgetOf(gateway))!.pausedMs, 5_000);
  // Another model, and what is no call of a model, go on.
  const haiku = post(gateway, { model: "claude-haiku-4-5" });
  answer((await upstream.next()).res, 200, messageReply());
  assert.equal((await haiku).status, 200);
  const count = ask(`${gateway.url}/v1/messages/count_tokens`, { body: messageBody() });
  answer((await upstream.next()).res, 200, '{"input_tokens":3}');
  assert.equal((await count).status, 200);
  await clock.advance(4_999);
  assert.equal(upstream.seen, 3);
  await clock.advance(1);
  const again = [await upstream.next(), await upstream.next()];
  assert.match(await bodyOf(again[0]!), /"first"/);
  assert.match(await bodyOf(again[1]!), /"second"/);
  for (const { res } of again) answer(res, 200, messageReply());
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
});

test("what a whole reply used corrects the budget, and so do a stream's events", async (t) => {
  for (const stream of [false, true]) {
    const upstream = await startUpstream(t);
    const gateway = await gatewayOn(t, claudePolicy(upstream.url, { budgets: BUDGETS }), {
      clock: new TestClock(),
      admin: "127.0.0.1:0",
    });
    const asked = post(gateway, { stream });
    const { res } = await upstream.next();
    const [requests, input, output] = await leftOf(gateway);
    assert.deepEqual([requests, output], [999, 79_950], "max_tokens, until more is known");
    assert.ok(input! < 400_000);
    if (!stream) answer(res, 200, messageReply(123, 17));
    else res.writeHead(200, { "content-type": "text/event-stream" }).end(messageEvents(123, 17).join(""));
    assert.equal((await asked).status, 200);
    await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
    assert.deepEqual(await leftOf(gateway), [999, 400_000 - 123, 80_000 - 17]);
    const metrics = (await ask(`${gateway.adminUrl}/metrics`)).text;
    assert.match(metrics, /laneway_budget_left_ratio\{resource="claude",kind="requests"\} 0\.999\n/);
  }
});

test("a stream that its client gives up has used what was seen of it", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { budgets: BUDGETS }), {
    clock: new TestClock(),
    admin: "127.0.0.1:0",
  });
  const client = begin(`${gateway.url}/v1/messages`, { body: messageBody({ stream: true }) });
  const { res, cutOff } = await upstream.next();
  const [start = "", , delta = ""] = messageEvents(123);
  res.writeHead(200, { "content-type": "text/event-stream" }).write(start + delta.repeat(3));
  const [reply] = (await once(client, "response")) as [IncomingMessage];
  await once(reply, "data");
  client.destroy();
  await cutOff;
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  const [requests, input, output] = await leftOf(gateway);
  assert.deepEqual([requests, input], [999, 400_000 - 123]);
  assert.ok(output! < 80_000 && output! > 79_980, `${output}`);
});

test("a refused call has used one request, one that never left has used nothing", async (t) => {
  const upstream = await startUpstream(t, (_req, res) =>
    answer(res, 400, errorBody("invalid_request_error")),
  );
  const claude = { budgets: BUDGETS, retry: { attempts: 1 } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude), {
    clock: new TestClock(),
    admin: "127.0.0.1:0",
  });
  assert.equal((await post(gateway)).status, 400);
  assert.deepEqual(await leftOf(gateway), [999, 400_000, 80_000]);
  await upstream.stop();
  assert.equal((await post(gateway)).status, 502);
  assert.deepEqual(await leftOf(gateway), [999, 400_000, 80_000]);
});

test("a try that never reached the upstream is repeated without paying for it twice", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  await upstream.stop();
  const claude = { budgets: { requests: "1/min" }, retry: { attempts: 2 } };
  const more = { lanes: [{ name: "normal" }] };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude, more), { clock });
  const asked = post(gateway);
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  await clock.advance(5_000);
  assert.equal((await asked).status, 502);
});

test("the upstream's own headers lower what is left, for a key that others use too", async (t) => {
  const upstream = await startUpstream(t, (_req, res) =>
    answer(res, 200, messageReply(), {
      "anthropic-ratelimit-requests-limit": "1000",
      "anthropic-ratelimit-requests-remaining": "400",
      "anthropic-ratelimit-requests-reset": new Date(Date.now() + 60_000).toISOString(),
    }),
  );
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { budgets: BUDGETS }), {
    clock: new TestClock(),
    admin: "127.0.0.1:0",
  });
  await post(gateway);
  const [requests] = await leftOf(gateway);
  assert.ok(requests! <= 401, `${requests}`);
});

test("a caller that waits for budget holds no seat, and other models pass it", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t, (_req, res) => answer(res, 200, messageReply()));
  const claude = { limit: 1, budgets: { models: { "claude-opus-*": { requests: "2/min" } } } };
  const more = { lanes: [{ name: "normal" }] };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude, more), { clock });
  for (let i = 0; i < 2; i++) assert.equal((await post(gateway)).status, 200);
  const third = post(gateway);
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  assert.equal(stateOf(gateway, "claude").seatsInUse, 0);
  assert.equal((await post(gateway, { model: "claude-haiku-4-5" })).status, 200);
  await clock.advance(29_999);
  assert.equal(upstream.seen, 3);
  await clock.advance(1_001);
  assert.equal((await third).status, 200);
});

test("a burst over the budgets of a provider that enforces them: not one 429 of its", async (t) => {
  const budgets = { requests: 120, inputTokens: 20_000, outputTokens: 6_000 };
  const standIn = await startStandIn({ budgets, runMs: 2, atOnce: 100 });
  t.after(() => standIn.close());
  const perMinute = Object.fromEntries(Object.entries(budgets).map(([kind, size]) => [kind, `${size}/min`]));
  const claude = { limit: 50, keys: ["sk-a"], budgets: perMinute };
  const more = { lanes: [{ name: "normal" }] };
  const gateway = await gatewayOn(t, claudePolicy(standIn.url, claude, more));
  const replies = await Promise.all(
    Array.from({ length: 123 }, (_, i) =>
      post(gateway, { stream: i % 2 === 0, max_tokens: 40 }, { "anthropic-version": "2023-06-01" }),
    ),
  );
  assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
  const { served, refused429 } = standIn.counts();
  assert.deepEqual([served, refused429], [123, 0]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import { answer } from "./ai-fixture.ts";
import { ask, eventually, gatewayOn, startUpstream, stateOf } from "./fixture.ts";

const BODY = JSON.stringify({ model: "gpt-5.2", max_completion_tokens: 40, messages: [] });

function policy(upstream: string, more = {}): string {
  const openai = { provider: "openai", upstream, keys: ["sk-ours-openai"], limit: 1, ...more };
  return JSON.stringify({ resources: { openai } });
}

test("OpenAI's calls go up with our key, and their usage corrects the budget", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const budgets = { requests: "100/min", inputTokens: "100000/min", outputTokens: "10000/min" };
  const gateway = await gatewayOn(t, policy(upstream.url, { budgets }), { clock, admin: "127.0.0.1:0" });
  let used = 0;
  for (const [path, reply, output] of [
    ["/v1/chat/completions", { usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } }, 3],
    ["/v1/responses", { usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10 } }, 3],
    ["/v1/embeddings", { usage: { prompt_tokens: 7, total_tokens: 7 } }, 0],
  ] as const) {
    const asked = ask(gateway.url + path, {
      body: BODY,
      headers: { authorization: "Bearer sk-theirs", "openai-organization": "org" },
    });
    const first = await upstream.next();
    assert.equal(first.req.headers.authorization, "Bearer sk-ours-openai");
    assert.equal(first.req.headers["openai-organization"], "org");
    answer(first.res, 200, JSON.stringify(reply));
    assert.equal((await asked).status, 200);
    await eventually(() => stateOf(gateway, "openai").seatsInUse === 0);
    used += output;
    const { budgets: all } = gateway.laneway.resource("openai").snapshot();
    assert.equal(all[0]!.outputTokens!.left, 10_000 - used, path);
  }
});

test("OpenAI's calls are tried again too", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, policy(upstream.url), { clock });
  const asked = ask(`${gateway.url}/v1/responses`, { body: BODY });
  answer((await upstream.next()).res, 503, "");
  await eventually(() => stateOf(gateway, "openai").seatsInUse === 0);
  await clock.advance(9_000);
  answer((await upstream.next()).res, 200, "{}");
  assert.equal((await asked).status, 200);
});

test("OpenAI's refusals, and what it says of money, keep its own shape", async (t) => {
  const body = JSON.stringify({
    error: { message: "no credit", type: "insufficient_quota", param: null, code: "insufficient_quota" },
  });
  const upstream = await startUpstream(t, (_req, res) => answer(res, 429, body));
  const gateway = await gatewayOn(t, policy(upstream.url));
  const reply = await ask(`${gateway.url}/v1/chat/completions`, { body: BODY });
  assert.deepEqual([reply.status, reply.text, reply.headers["x-should-retry"]], [429, body, "false"]);
  assert.equal(upstream.seen, 1);
  await upstream.stop();
  const lost = await ask(`${gateway.url}/v1/files`, { body: "x".repeat(70_000) });
  assert.deepEqual(
    [lost.status, Object.keys(lost.json().error)],
    [502, ["message", "type", "param", "code"]],
  );
});

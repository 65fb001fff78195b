import assert from "node:assert/strict";
import { test } from "node:test";
import { ANTHROPIC, eventsOf, json, MESSAGE, OPENAI, post, standIn } from "./started.ts";

test("a request over the limit is refused with when to come back and how all limits stand", async (t) => {
  let now = Date.UTC(2027, 0, 1);
  const server = await standIn(t, {
    runMs: 0,
    budgets: { requests: 2, inputTokens: 50_000, outputTokens: 8_000 },
    now: () => now,
  });
  for (let call = 0; call < 2; call++)
    assert.equal((await post(`${server.url}/v1/messages`, MESSAGE)).status, 200);
  const refused = await post(`${server.url}/v1/messages`, MESSAGE);
  assert.equal(refused.status, 429);
  assert.equal((await json(refused)).error.type, "rate_limit_error");
  assert.equal(refused.headers.get("retry-after"), "30");
  assert.equal(refused.headers.get("anthropic-ratelimit-requests-remaining"), "0");
  assert.equal(refused.headers.get("anthropic-ratelimit-requests-reset"), "2027-01-01T00:01:00Z");
  assert.equal(refused.headers.get("anthropic-ratelimit-input-tokens-remaining"), "50000");
  now += 30_000;
  assert.equal((await post(`${server.url}/v1/messages`, MESSAGE)).status, 200);
  const counts = server.counts();
  assert.deepEqual([counts.served, counts.refused429, counts.refusedFor.requests], [3, 1, 1]);
  assert.equal(counts.byKey["any"]?.byModelClass["claude-sonnet-5"]?.served, 3);
});

test("while a call runs its max_tokens are held back, and its headers say so in thousands", async (t) => {
  let goOn = (): void => undefined;
  const server = await standIn(t, {
    budgets: { outputTokens: 8_000 },
    now: () => 0,
    pace: () => new Promise((resolve) => (goOn = resolve)),
  });
  const running = post(`${server.url}/v1/messages`, { ...MESSAGE, max_tokens: 5_400 });
  while (server.stats().running === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await post(`${server.url}/v1/messages`, { ...MESSAGE, max_tokens: 3_000 })).status, 429);
  goOn();
  const response = await running;
  assert.equal(response.headers.get("anthropic-ratelimit-output-tokens-remaining"), "3000");
  const { usage } = await json(response);
  const counts = server.counts();
  assert.deepEqual([counts.outputTokens, counts.refusedFor.outputTokens], [usage.output_tokens, 1]);
});

test("a stream that its caller leaves is charged what it wrote, not what it might have written", async (t) => {
  const server = await standIn(t, { runMs: 0, budgets: { outputTokens: 1_000 }, now: () => 0 });
  const request = { ...MESSAGE, max_tokens: 500, stream: true };
  const script = { ...ANTHROPIC, "x-stand-in": "tokens=400; cut=51" };
  await assert.rejects(eventsOf(await post(`${server.url}/v1/messages`, request, script)));
  while (server.stats().running > 0) await new Promise((resolve) => setImmediate(resolve));
  const { outputTokens, served } = server.counts();
  assert.ok(outputTokens >= 190 && outputTokens <= 210, String(outputTokens));
  assert.equal(served, 0);
});

test("OpenAI's limits are told as numbers and Go durations", async (t) => {
  const server = await standIn(t, {
    runMs: 0,
    budgets: { requests: 60, tokens: 2_000 },
    charsPerToken: 1,
    now: () => 0,
  });
  const request = { model: "gpt-5.2", messages: MESSAGE.messages, max_tokens: 1_000 };
  const chat = (body: object) => post(`${server.url}/v1/chat/completions`, body, OPENAI);
  const first = await chat(request);
  const prompt = (await json(first)).usage.prompt_tokens;
  assert.equal(prompt, JSON.stringify(MESSAGE.messages).length);
  assert.equal(first.headers.get("x-ratelimit-limit-tokens"), "2000");
  assert.equal(first.headers.get("x-ratelimit-remaining-tokens"), String(1_000 - prompt));
  assert.match(first.headers.get("x-ratelimit-reset-tokens") ?? "", /^3\d(\.\d+)?s$/);
  assert.equal(first.headers.get("x-ratelimit-reset-requests"), "1s");
  const refused = await chat({ ...request, max_tokens: 2_000 });
  const { error } = await json(refused);
  assert.deepEqual([refused.status, error.code, error.type], [429, "rate_limit_exceeded", "tokens"]);
});

test("embeddings use input alone", async (t) => {
  const server = await standIn(t, { runMs: 0, budgets: { tokens: 100 }, now: () => 0 });
  const request = { model: "text-embedding-3-small", input: "x".repeat(40) };
  const response = await post(`${server.url}/v1/embeddings`, request, OPENAI);
  assert.equal(response.headers.get("x-ratelimit-remaining-tokens"), "90");
});

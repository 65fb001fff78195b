import assert from "node:assert/strict";
import { test } from "node:test";
import { ANTHROPIC, eventsOf, MESSAGE, OPENAI, post, standIn } from "./started.ts";

const TOOL = {
  name: "get_weather",
  input_schema: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } } },
};

/** Lets a test decide when each part of each reply is written. */
function pacer(): { pace: () => Promise<void>; paused: () => Promise<void>; goOn: () => void } {
  const held: (() => void)[] = [];
  let noticed = (): void => undefined;
  return {
    pace: () =>
      new Promise<void>((resolve) => {
        held.push(resolve);
        noticed();
      }),
    paused: () =>
      new Promise<void>((resolve) => {
        noticed = resolve;
        if (held.length > 0) resolve();
      }),
    goOn: () => held.shift()?.(),
  };
}

test("a message has the shape, the ids and the rate-limit headers of the real one", async (t) => {
  const { url } = await standIn(t);
  const response = await post(`${url}/v1/messages?beta=true`, MESSAGE);
  const message = (await response.json()) as Record<string, any>;
  assert.equal(response.status, 200);
  assert.match(response.headers.get("request-id") ?? "", /^req_\w{24}$/);
  assert.equal(response.headers.get("anthropic-ratelimit-requests-limit"), "4000");
  assert.equal(Number(response.headers.get("anthropic-ratelimit-output-tokens-remaining")) % 1_000, 0);
  assert.match(
    response.headers.get("anthropic-ratelimit-requests-reset") ?? "",
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  );
  assert.match(message["id"], /^msg_/);
  assert.equal(message["content"][0].type, "text");
  assert.equal(message["stop_reason"], "end_turn");
  assert.equal(message["usage"].output_tokens, message["content"][0].text.split(" ").length);
});

test("a stream's events come in the real order, and its usage is cumulative", async (t) => {
  const { url } = await standIn(t);
  const response = await post(`${url}/v1/messages`, { ...MESSAGE, stream: true });
  const all = await eventsOf(response);
  const types = all.map((event) => event["type"]).filter((type, at, list) => type !== list[at - 1]);
  assert.deepEqual(types, [
    "message_start",
    "content_block_start",
    "ping",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  const text = all.map((event) => (event["delta"] as { text?: string } | undefined)?.text ?? "").join("");
  const usage = all.find((event) => event["type"] === "message_delta")?.["usage"] as {
    output_tokens: number;
  };
  assert.equal(usage.output_tokens, text.split(" ").length);
});

test("a request that offers tools gets a tool call that fits its schema, in pieces when streamed", async (t) => {
  const { url } = await standIn(t);
  const request = { ...MESSAGE, tools: [TOOL], tool_choice: { type: "any" } };
  const whole = (await (await post(`${url}/v1/messages`, request)).json()) as Record<string, any>;
  assert.equal(whole["stop_reason"], "tool_use");
  assert.deepEqual(whole["content"][1].input, { city: "example", days: 1 });
  const streamed = await eventsOf(await post(`${url}/v1/messages`, { ...request, stream: true }));
  const pieces = streamed.map(
    (event) => (event["delta"] as { partial_json?: string } | undefined)?.partial_json ?? "",
  );
  assert.deepEqual(JSON.parse(pieces.join("")), { city: "example", days: 1 });
});

test("a tool's result is answered with text", async (t) => {
  const { url } = await standIn(t);
  const result = {
    role: "user",
    content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "sunny" }],
  };
  const request = { ...MESSAGE, tools: [TOOL], messages: [...MESSAGE.messages, result] };
  const reply = (await (await post(`${url}/v1/messages`, request)).json()) as Record<string, any>;
  assert.equal(reply["stop_reason"], "end_turn");
});

test("mistakes are answered in Anthropic's error shape, with the request id in body and header", async (t) => {
  const { url } = await standIn(t);
  const cases: [object | string, Record<string, string>, number, string][] = [
    [MESSAGE, { "anthropic-version": "2023-06-01" }, 401, "authentication_error"],
    [MESSAGE, { authorization: "Bearer any" }, 400, "invalid_request_error"],
    ["{", ANTHROPIC, 400, "invalid_request_error"],
    [{ model: "claude-sonnet-5-5" }, ANTHROPIC, 400, "invalid_request_error"],
    [{ ...MESSAGE, model: "gpt-5" }, ANTHROPIC, 404, "not_found_error"],
    [
      { ...MESSAGE, temperature: 1 },
      { ...ANTHROPIC, "anthropic-version": "2026-10-21" },
      400,
      "invalid_request_error",
    ],
  ];
  for (const [body, headers, status, type] of cases) {
    const response = await post(`${url}/v1/messages`, body, headers);
    const error = (await response.json()) as { error: { type: string }; request_id: string };
    assert.deepEqual([response.status, error.error.type], [status, type]);
    assert.equal(error.request_id, response.headers.get("request-id"));
  }
});

test("tokens are counted and models listed without taking a seat", async (t) => {
  const server = await standIn(t, { pace: () => new Promise(() => undefined) });
  const { url } = server;
  const { max_tokens: _unused, ...question } = MESSAGE;
  const counted = (await (await post(`${url}/v1/messages/count_tokens`, question)).json()) as {
    input_tokens: number;
  };
  assert.ok(counted.input_tokens > 0);
  const listed = (await (await fetch(`${url}/v1/models`, { headers: ANTHROPIC })).json()) as {
    data: { id: string }[];
  };
  const one = (await (
    await fetch(`${url}/v1/models/${listed.data[0]!.id}`, { headers: ANTHROPIC })
  ).json()) as { type: string };
  assert.equal(one.type, "model");
  assert.equal(server.stats().mostAtOnce, 0);
});

test("more calls than it works on at once queue, first in, first out", async (t) => {
  const { pace, paused, goOn } = pacer();
  const order: string[] = [];
  const server = await standIn(t, { atOnce: 1, pace });
  const first = post(`${server.url}/v1/messages`, MESSAGE).then(() => order.push("first"));
  await paused();
  const second = post(`${server.url}/v1/messages`, MESSAGE).then(() => order.push("second"));
  while (server.stats().waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.stats().running, 1);
  goOn();
  await first;
  await paused();
  goOn();
  await second;
  assert.deepEqual(order, ["first", "second"]);
  assert.equal(server.stats().mostAtOnce, 2);
  assert.equal(server.stats().served, 2);
});

test("told to reject, a full stand-in answers overloaded, in each protocol's shape", async (t) => {
  const { pace, paused } = pacer();
  const { url } = await standIn(t, { atOnce: 1, whenFull: "reject", pace });
  post(`${url}/v1/messages`, MESSAGE).catch(() => undefined);
  await paused();
  const anthropic = await post(`${url}/v1/messages`, MESSAGE);
  assert.equal(anthropic.status, 529);
  assert.equal(((await anthropic.json()) as { error: { type: string } }).error.type, "overloaded_error");
  const openai = await post(
    `${url}/v1/chat/completions`,
    { model: "gpt-5.2", messages: MESSAGE.messages },
    OPENAI,
  );
  assert.equal(openai.status, 503);
  assert.equal(((await openai.json()) as { error: { code: string } }).error.code, "server_is_overloaded");
});

test("a caller that leaves in the middle of a stream frees its seat", async (t) => {
  const { pace, paused, goOn } = pacer();
  const server = await standIn(t, { atOnce: 1, pace });
  const caller = new AbortController();
  const response = fetch(`${server.url}/v1/messages`, {
    method: "POST",
    headers: ANTHROPIC,
    body: JSON.stringify({ ...MESSAGE, stream: true, metadata: { user_id: "chat" } }),
    signal: caller.signal,
  });
  await paused();
  assert.deepEqual(server.stats().runningByUser, { chat: 1 });
  goOn();
  await response;
  caller.abort();
  while (server.stats().abandoned === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.stats().running, 0);
  assert.deepEqual(server.stats().runningByUser, {});
});

test("a failure that a test asks for is answered in the caller's protocol", async (t) => {
  const fail = () => ({
    status: 429,
    type: "rate_limit_error",
    message: "Slow down",
    headers: { "retry-after": "3" },
  });
  const { url } = await standIn(t, { fail });
  const response = await post(`${url}/v1/messages`, MESSAGE);
  assert.equal(response.status, 429);
  assert.equal(response.headers.get("retry-after"), "3");
  assert.equal(((await response.json()) as { error: { message: string } }).error.message, "Slow down");
});

test("a chat completion streams its usage only when asked, and ends with [DONE]", async (t) => {
  const { url } = await standIn(t);
  const request = { model: "gpt-5.2", messages: MESSAGE.messages, stream: true };
  const plain = await (await post(`${url}/v1/chat/completions`, request, OPENAI)).text();
  assert.ok(plain.endsWith("data: [DONE]\n\n"));
  assert.ok(!plain.includes('"usage"'));
  const counted = await (
    await post(`${url}/v1/chat/completions`, { ...request, stream_options: { include_usage: true } }, OPENAI)
  ).text();
  assert.match(counted, /"choices":\[\],"usage":\{"prompt_tokens":/);
});

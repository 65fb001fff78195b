import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { PROVIDERS } from "../../src/providers/known.ts";
import type { Provider, Usage } from "../../src/providers/provider.ts";
import { pick, pieces, randomOf } from "./random.ts";

const { anthropic, openai, http } = PROVIDERS;

function readBy(
  provider: Provider,
  contentType: string,
  parts: readonly (string | Buffer)[],
): Usage | undefined {
  const reader = provider.usageReader(contentType);
  assert.ok(reader, `${provider.name} reads ${contentType}`);
  for (const part of parts) reader.push(Buffer.from(part));
  assert.deepEqual(reader.seen, reader.end());
  return reader.end();
}

const sse = (provider: Provider, ...parts: (string | Buffer)[]): Usage | undefined =>
  readBy(provider, "text/event-stream; charset=utf-8", parts);
const json = (provider: Provider, value: unknown): Usage | undefined =>
  readBy(provider, "application/json", [JSON.stringify(value)]);

const event = (name: string, data: object): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const chunk = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;

const messageStart = (usage: object, model = "claude-opus-4-1"): string =>
  event("message_start", {
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      content: [],
      model,
      stop_reason: null,
      usage,
    },
  });
const textDelta = (text: string): string =>
  event("content_block_delta", {
    type: "content_block_delta",
    index: 0,
    delta: { type: "text_delta", text },
  });
const messageDelta = (usage: object): string =>
  event("message_delta", { type: "message_delta", delta: { stop_reason: "end_turn" }, usage });
const START = messageStart({
  input_tokens: 25,
  cache_creation_input_tokens: 100,
  cache_read_input_tokens: 4_000,
  cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 0 },
  output_tokens: 1,
  service_tier: "standard",
});
const PING = 'event: ping\ndata: {"type": "ping"}\n\n';
const STOP = event("message_stop", { type: "message_stop" });

test("a whole Anthropic reply counts what was sent and written to the cache, and not what was read from it", () => {
  const usage = {
    input_tokens: 10,
    cache_creation_input_tokens: 5,
    cache_read_input_tokens: 900,
    output_tokens: 7,
  };
  const nested = { type: "tool_use", id: "t", name: "n", input: { usage: { input_tokens: 1e6 } } };
  assert.deepEqual(
    json(anthropic, { id: "msg_1", type: "message", model: "claude-sonnet-4-5", content: [nested], usage }),
    { inputTokens: 15, outputTokens: 7, final: true },
  );
  assert.equal(json(anthropic, { input_tokens: 12 }), undefined);
  assert.equal(json(anthropic, { type: "error", error: { type: "api_error", message: "usage" } }), undefined);
});

test("the limits of the oldest models count what is read from the cache too", () => {
  const usage = { input_tokens: 10, cache_read_input_tokens: 900, output_tokens: 7 };
  const input = (model: string): number | undefined => json(anthropic, { model, usage })?.inputTokens;
  for (const model of ["claude-3-haiku-20240307", "claude-3-5-haiku-latest", "claude-3-opus-20240229"])
    assert.equal(input(model), 910, model);
  for (const model of ["claude-3-7-sonnet-20250219", "claude-haiku-4-5", "claude-opus-4-1", "new"])
    assert.equal(input(model), 10, model);
  assert.deepEqual(
    sse(anthropic, messageStart(usage, "claude-3-5-haiku-20241022"), messageDelta({ output_tokens: 9 })),
    {
      inputTokens: 910,
      outputTokens: 9,
      final: true,
    },
  );
});

test("an Anthropic stream's output is the last cumulated count", () => {
  assert.deepEqual(
    sse(
      anthropic,
      START,
      PING,
      textDelta("Hello"),
      messageDelta({ output_tokens: 12 }),
      textDelta(" world"),
      messageDelta({ input_tokens: 30, cache_creation_input_tokens: null, output_tokens: 90 }),
      STOP,
    ),
    { inputTokens: 130, outputTokens: 90, final: true },
  );
});

test("what an Anthropic stream said before it was given up is counted by its bytes", () => {
  const reader = anthropic.usageReader("text/event-stream")!;
  assert.equal(reader.seen, undefined);
  reader.push(Buffer.from(START));
  assert.deepEqual(reader.seen, { inputTokens: 125, outputTokens: 1, final: false });
  for (let i = 0; i < 100; i++) reader.push(Buffer.from(textDelta("word ".repeat(8))));
  const seen: Usage | undefined = reader.seen;
  assert.ok(seen !== undefined);
  const { outputTokens, final } = seen;
  assert.equal(final, false);
  assert.ok(
    outputTokens > 800 && outputTokens < 1_200,
    `4,000 bytes of text, found ${String(outputTokens)} tokens`,
  );
});

test("OpenAI's replies name their counts in three ways", () => {
  assert.deepEqual(
    json(openai, {
      object: "chat.completion",
      choices: [{ message: { tool_calls: [{ function: { arguments: '{"usage":{}}' } }] } }],
      usage: {
        prompt_tokens: 19,
        completion_tokens: 10,
        total_tokens: 29,
        prompt_tokens_details: { cached_tokens: 12 },
      },
    }),
    { inputTokens: 19, outputTokens: 10, final: true },
  );
  assert.deepEqual(
    json(openai, {
      object: "response",
      usage: {
        input_tokens: 36,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 87,
        total_tokens: 123,
      },
    }),
    { inputTokens: 36, outputTokens: 87, final: true },
  );
  assert.deepEqual(
    json(openai, {
      object: "list",
      data: [{ embedding: [0.1] }],
      usage: { prompt_tokens: 8, total_tokens: 8 },
    }),
    { inputTokens: 8, outputTokens: 0, final: true },
  );
});

test("an OpenAI chat stream tells its usage before the end, if it was asked for it", () => {
  const delta = (content: string): string =>
    chunk({ object: "chat.completion.chunk", choices: [{ index: 0, delta: { content } }], usage: null });
  const last = chunk({
    object: "chat.completion.chunk",
    choices: [],
    usage: { prompt_tokens: 5, completion_tokens: 3 },
  });
  const done = "data: [DONE]\n\n";
  assert.deepEqual(sse(openai, delta("a"), delta("b"), last, done), {
    inputTokens: 5,
    outputTokens: 3,
    final: true,
  });
  assert.equal(sse(openai, delta("a"), done), undefined);
  assert.equal(sse(openai, last, delta("still counting"))?.final, false);
});

test("an OpenAI response tells its usage when it is completed", () => {
  const response = (usage: object | null): object => ({
    response: { id: "resp_1", output: [{ content: [{ text: '"usage":{"input_tokens":1}' }] }], usage },
  });
  assert.deepEqual(
    sse(
      openai,
      event("response.created", { type: "response.created", ...response(null) }),
      event("response.output_text.delta", { type: "response.output_text.delta", delta: "hi" }),
      event("response.completed", {
        type: "response.completed",
        ...response({ input_tokens: 37, output_tokens: 11, total_tokens: 48 }),
      }),
    ),
    { inputTokens: 37, outputTokens: 11, final: true },
  );
});

test("nothing is read where no usage is to be found", () => {
  for (const type of [undefined, "", "text/html", "application/x-jsonl", "application/octet-stream"]) {
    assert.equal(anthropic.usageReader(type), undefined);
    assert.equal(openai.usageReader(type), undefined);
  }
  assert.equal(http.usageReader("application/json"), undefined);
  for (const garbage of ["", "\0\u0001", "data", "data: {", 'data: {"usage"\n\n', "[".repeat(100_000)]) {
    assert.equal(sse(anthropic, garbage), undefined);
    assert.equal(readBy(openai, "application/json", [garbage]), undefined);
  }
});

test("no JSON is parsed, neither of events without usage nor of those with it", (t: TestContext) => {
  const parse = t.mock.method(JSON, "parse");
  const deltas = Array.from({ length: 50 }, (_, n) => textDelta(`"usage" ${n} \\ {"usage":{}}`));
  const stream = [START, PING, ...deltas, messageDelta({ output_tokens: 40 }), STOP];
  const whole = sse(anthropic, ...stream);
  const random = randomOf(5);
  const split = sse(anthropic, ...pieces(random, Buffer.from(stream.join(""))));
  assert.equal(parse.mock.callCount(), 0);
  assert.deepEqual(whole, { inputTokens: 125, outputTokens: 40, final: true });
  assert.deepEqual(split, whole);
});

test("chunk borders anywhere give the usage of the stream read whole, cut off anywhere, and no byte is changed", () => {
  const random = randomOf(17);
  const texts = ["Hello", "漢字😀", '{"usage":{"output_tokens":9}}', "\r\n\r\ndata: {}\n\n", "\\", ""];
  const odd = [PING, ": comment\n\n", event("new_event", { usage_of: 1, é: "😀" }), "retry: 5\n\n", "id\n\n"];
  for (let i = 0; i < 1_500; i++) {
    const provider = pick(random, [anthropic, openai]);
    const parts: string[] = [];
    let output = 0;
    for (let n = Math.floor(random() * 12); n > 0; n--) {
      const kind = random();
      if (kind < 0.3) parts.push(pick(random, odd));
      else if (kind < 0.8) parts.push(textDelta(pick(random, texts)));
      else if (provider === anthropic) parts.push(messageDelta({ output_tokens: (output += 7) }));
      else parts.push(chunk({ choices: [], usage: { prompt_tokens: 3, completion_tokens: (output += 2) } }));
    }
    const text = (provider === anthropic ? START : "") + parts.join("");
    const bytes = Buffer.from(pick(random, ["\n", "\r\n", "\r"]) === "\n" ? text : withLineEnd(text, random));
    const cut = bytes.subarray(0, random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length));
    const copy = Buffer.from(cut);
    const name = `seed 17, case ${i}: ${JSON.stringify(cut.toString())}`;
    assert.deepEqual(sse(provider, ...pieces(random, cut)), sse(provider, cut), name);
    assert.deepEqual(cut, copy, name);
    if (cut.length === bytes.length && output > 0) {
      const usage = sse(provider, cut)!;
      assert.ok(usage.final ? usage.outputTokens === output : usage.outputTokens >= output, name);
    }
  }
});

/** The stream's own line ends; JSON escapes those of the text. */
function withLineEnd(text: string, random: () => number): string {
  return text.replaceAll("\n", pick(random, ["\r\n", "\r"]));
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventsOf, get, json, OPENAI, post, standIn } from "./started.ts";

const CHAT = { model: "gpt-5.2", messages: [{ role: "user", content: "Hello" }] };
const ASK = { model: "gpt-5.2", input: "Hello" };
const TOOL = {
  type: "function",
  name: "get_weather",
  parameters: { type: "object", properties: { city: { type: "string" } } },
};

function upload(url: string, text: string): Promise<Response> {
  const form = new FormData();
  form.append("purpose", "batch");
  form.append("file", new Blob([text], { type: "application/jsonl" }), "in.jsonl");
  const headers = { authorization: OPENAI.authorization };
  return fetch(`${url}/v1/files`, { method: "POST", headers, body: form });
}

test("a response streams typed events with running numbers, and the last one is the whole response", async (t) => {
  const { url } = await standIn(t);
  const all = await eventsOf(await post(`${url}/v1/responses`, { ...ASK, stream: true }, OPENAI));
  assert.deepEqual(
    all.map((event) => event["sequence_number"]),
    all.map((_, at) => at),
  );
  const types = all.map((event) => event["type"]).filter((type, at, list) => type !== list[at - 1]);
  assert.deepEqual(types, [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  const text = all.map((event) => (event["delta"] as string | undefined) ?? "").join("");
  const { response } = all.at(-1) as { response: any };
  assert.equal(response.output[0].content[0].text, text);
  assert.equal(response.usage.output_tokens, text.split(" ").length);
});

test("a response may think first and call a tool, whole and streamed", async (t) => {
  const { url } = await standIn(t);
  const request = { ...ASK, tools: [TOOL], reasoning: { effort: "high", summary: "auto" } };
  const whole = await json(post(`${url}/v1/responses`, request, OPENAI));
  assert.deepEqual(
    whole.output.map(({ type }: { type: string }) => type),
    ["reasoning", "function_call"],
  );
  const all = await eventsOf(await post(`${url}/v1/responses`, { ...request, stream: true }, OPENAI));
  const pieces = (type: string) =>
    all
      .filter((event) => event["type"] === type)
      .map((event) => event["delta"])
      .join("");
  assert.equal(pieces("response.function_call_arguments.delta"), '{"city":"example"}');
  assert.equal(pieces("response.reasoning_summary_text.delta"), whole.output[0].summary[0].text);
});

test("a response that reaches its limit is incomplete and says why", async (t) => {
  const { url } = await standIn(t);
  const request = { ...ASK, max_output_tokens: 3 };
  const whole = await json(post(`${url}/v1/responses`, request, OPENAI));
  assert.deepEqual([whole.status, whole.incomplete_details.reason], ["incomplete", "max_output_tokens"]);
  const all = await eventsOf(await post(`${url}/v1/responses`, { ...request, stream: true }, OPENAI));
  assert.equal(all.at(-1)?.["type"], "response.incomplete");
});

test("a response can be asked for again and deleted", async (t) => {
  const { url } = await standIn(t);
  const made = await json(post(`${url}/v1/responses`, ASK, OPENAI));
  assert.deepEqual(await json(get(`${url}/v1/responses/${made.id}`, OPENAI)), made);
  const gone = await fetch(`${url}/v1/responses/${made.id}`, { method: "DELETE", headers: OPENAI });
  assert.equal((await json(gone)).deleted, true);
  assert.equal((await get(`${url}/v1/responses/${made.id}`, OPENAI)).status, 404);
});

test("embeddings are the same numbers as a list and as base64", async (t) => {
  const { url } = await standIn(t);
  const request = { model: "text-embedding-3-small", input: ["one", "two"] };
  const list = await json(post(`${url}/v1/embeddings`, request, OPENAI));
  const packed = await json(post(`${url}/v1/embeddings`, { ...request, encoding_format: "base64" }, OPENAI));
  assert.equal(list.data.length, 2);
  const bytes = Uint8Array.from(Buffer.from(packed.data[1].embedding, "base64"));
  assert.deepEqual([...new Float32Array(bytes.buffer)], list.data[1].embedding);
  assert.deepEqual(list.usage, { prompt_tokens: 2, total_tokens: 2 });
});

test("a batch turns a file of requests into a file of replies", async (t) => {
  const { url } = await standIn(t);
  const line = (id: string, body: object) =>
    JSON.stringify({ custom_id: id, method: "POST", url: "/v1/chat/completions", body });
  const file = await json(upload(url, `${line("a", CHAT)}\n${line("b", { model: "gpt-5.2" })}\n`));
  assert.deepEqual([file.purpose, file.object], ["batch", "file"]);
  const request = {
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    metadata: { of: "test" },
  };
  const made = await json(post(`${url}/v1/batches`, request, OPENAI));
  assert.deepEqual([made.status, made.request_counts.total], ["in_progress", 2]);
  await get(`${url}/v1/batches/${made.id}`, OPENAI);
  const done = await json(get(`${url}/v1/batches/${made.id}`, OPENAI));
  assert.equal(done.status, "completed");
  assert.deepEqual(done.request_counts, { total: 2, completed: 1, failed: 1 });
  const text = await (await get(`${url}/v1/files/${done.output_file_id}/content`, OPENAI)).text();
  const replies = text
    .trimEnd()
    .split("\n")
    .map((reply) => JSON.parse(reply));
  assert.equal(replies[0].custom_id, "a");
  assert.equal(replies[0].response.body.object, "chat.completion");
  assert.equal(replies[1].response.status_code, 400);
});

test("batches are listed youngest first in pages, and can be cancelled", async (t) => {
  const { url } = await standIn(t);
  const file = await json(upload(url, ""));
  const ids: string[] = [];
  for (let made = 0; made < 3; made++) {
    const request = { input_file_id: file.id, endpoint: "/v1/responses", completion_window: "24h" };
    ids.unshift((await json(post(`${url}/v1/batches`, request, OPENAI))).id);
  }
  const first = await json(get(`${url}/v1/batches?limit=2`, OPENAI));
  assert.deepEqual(
    [first.has_more, ...first.data.map(({ id }: { id: string }) => id)],
    [true, ids[0], ids[1]],
  );
  const second = await json(get(`${url}/v1/batches?limit=2&after=${ids[1]}`, OPENAI));
  assert.deepEqual([second.has_more, second.data[0].id], [false, ids[2]]);
  assert.equal((await json(post(`${url}/v1/batches/${ids[0]}/cancel`, "", OPENAI))).status, "cancelling");
  await get(`${url}/v1/batches/${ids[0]}`, OPENAI);
  assert.equal((await json(get(`${url}/v1/batches/${ids[0]}`, OPENAI))).status, "cancelled");
});

test("a tool call of a streamed chat comes in pieces", async (t) => {
  const { url } = await standIn(t);
  const tools = [{ type: "function", function: TOOL }];
  const chunks = await eventsOf(
    await post(`${url}/v1/chat/completions`, { ...CHAT, tools, stream: true }, OPENAI),
  );
  const calls = chunks.flatMap((chunk: any) => chunk.choices[0]?.delta.tool_calls ?? []);
  assert.equal(calls[0].function.name, "get_weather");
  assert.equal(calls.map((call: any) => call.function.arguments).join(""), '{"city":"example"}');
});

test("mistakes are answered in OpenAI's error shape", async (t) => {
  const { url } = await standIn(t);
  const cases: [path: string, body: object | string, headers: Record<string, string>, number, string][] = [
    ["chat/completions", CHAT, { "content-type": "application/json" }, 401, "missing_api_key"],
    ["chat/completions", "{", OPENAI, 400, "invalid_json"],
    ["responses", { input: "x" }, OPENAI, 400, "missing_required_parameter"],
    ["embeddings", { model: "m" }, OPENAI, 400, "missing_required_parameter"],
    ["images", {}, OPENAI, 404, "unknown_url"],
  ];
  for (const [path, body, headers, status, code] of cases) {
    const response = await post(`${url}/v1/${path}`, body, headers);
    const { error } = await json(response);
    assert.deepEqual([response.status, error.code, error.param], [status, code, null]);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ANTHROPIC, eventsOf, get, json, MESSAGE, post, standIn } from "./started.ts";

const LINES = [
  { custom_id: "one", params: MESSAGE },
  { custom_id: "two", params: { ...MESSAGE, model: "gpt-5" } },
];

test("extended thinking comes before the text, whole and streamed, with its signature", async (t) => {
  const { url } = await standIn(t);
  const request = { ...MESSAGE, thinking: { type: "enabled", budget_tokens: 1_024 } };
  const whole = await json(post(`${url}/v1/messages`, request));
  assert.deepEqual(
    whole.content.map(({ type }: { type: string }) => type),
    ["thinking", "text"],
  );
  const deltas = (await eventsOf(await post(`${url}/v1/messages`, { ...request, stream: true })))
    .map((event) => event["delta"] as Record<string, string> | undefined)
    .filter((delta) => delta?.["type"] !== undefined);
  const types = deltas.map((delta) => delta?.["type"]).filter((type, at, all) => type !== all[at - 1]);
  assert.deepEqual(types, ["thinking_delta", "signature_delta", "text_delta"]);
  assert.equal(deltas.map((delta) => delta?.["thinking"] ?? "").join(""), whole.content[0].thinking);
  assert.equal(deltas.find((delta) => delta?.["signature"])?.["signature"], whole.content[0].signature);
  const words = `${whole.content[0].thinking} ${whole.content[1].text}`.split(" ");
  assert.equal(whole.usage.output_tokens, words.length);
});

test("what is marked to be cached is written once and read after that, and then counts no more", async (t) => {
  let now = 0;
  const server = await standIn(t, { runMs: 0, now: () => now });
  const system = [{ type: "text", text: "long ".repeat(100), cache_control: { type: "ephemeral" } }];
  const ask = async () => (await json(post(`${server.url}/v1/messages`, { ...MESSAGE, system }))).usage;
  const first = await ask();
  assert.ok(first.cache_creation_input_tokens > 100);
  assert.equal(first.cache_read_input_tokens, 0);
  const charged = server.counts().inputTokens;
  assert.equal(charged, first.input_tokens + first.cache_creation_input_tokens);
  const second = await ask();
  assert.deepEqual(
    [second.cache_creation_input_tokens, second.cache_read_input_tokens],
    [0, first.cache_creation_input_tokens],
  );
  assert.equal(server.counts().inputTokens, charged + second.input_tokens);
  now = 300_001;
  assert.equal((await ask()).cache_read_input_tokens, 0, "a prompt unused for five minutes is forgotten");
});

test("a batch is in progress until it is asked for again, and its results are at this server's own URL", async (t) => {
  const { url } = await standIn(t);
  const base = `${url}/v1/messages/batches`;
  const created = await json(post(base, { requests: LINES }));
  assert.match(created.id, /^msgbatch_/);
  assert.equal(created.processing_status, "in_progress");
  assert.equal(created.request_counts.processing, 2);
  assert.equal(created.results_url, null);
  assert.equal((await json(get(`${base}/${created.id}`))).processing_status, "in_progress");
  const ended = await json(get(`${base}/${created.id}`));
  assert.equal(ended.processing_status, "ended");
  assert.deepEqual(ended.request_counts, {
    processing: 0,
    succeeded: 1,
    errored: 1,
    canceled: 0,
    expired: 0,
  });
  assert.equal(ended.results_url, `${base}/${created.id}/results`);
  const response = await get(ended.results_url);
  assert.equal(response.headers.get("content-type"), "application/x-jsonl");
  const lines = (await response.text()).trimEnd().split("\n");
  const results = Object.fromEntries(
    lines.map((line) => [JSON.parse(line).custom_id, JSON.parse(line).result]),
  );
  assert.equal(results["one"].message.usage.service_tier, "batch");
  assert.equal(results["two"].error.error.type, "not_found_error");
});

test("a cancelled batch ends with nothing done, and only an ended one can be deleted", async (t) => {
  const { url } = await standIn(t, { runMs: 0, pollsBeforeEnd: 0 });
  const base = `${url}/v1/messages/batches`;
  const { id } = await json(post(base, { requests: LINES }));
  assert.equal((await fetch(`${base}/${id}`, { method: "DELETE", headers: ANTHROPIC })).status, 400);
  assert.equal((await json(post(`${base}/${id}/cancel`, ""))).processing_status, "canceling");
  assert.equal((await json(get(`${base}/${id}`))).request_counts.canceled, 2);
  const deleted = await json(fetch(`${base}/${id}`, { method: "DELETE", headers: ANTHROPIC }));
  assert.deepEqual(deleted, { id, type: "message_batch_deleted" });
  assert.equal((await get(`${base}/${id}`)).status, 404);
});

test("batches without ids of their own, results that are not there and unknown paths are refused", async (t) => {
  const { url } = await standIn(t);
  const base = `${url}/v1/messages/batches`;
  assert.equal((await post(base, { requests: [] })).status, 400);
  assert.equal((await post(base, { requests: [LINES[0], LINES[0]] })).status, 400);
  const { id } = await json(post(base, { requests: LINES }));
  assert.equal((await get(`${base}/${id}/results`)).status, 404);
  assert.equal((await post(`${base}/${id}/other`, "")).status, 404);
});

test("lists are paged forwards and backwards", async (t) => {
  const { url } = await standIn(t);
  const all = (await json(get(`${url}/v1/models`))).data.map(({ id }: { id: string }) => id);
  const first = await json(get(`${url}/v1/models?limit=2`));
  assert.deepEqual([first.has_more, first.first_id, first.last_id], [true, all[0], all[1]]);
  const second = await json(get(`${url}/v1/models?limit=2&after_id=${first.last_id}`));
  assert.deepEqual(
    second.data.map(({ id }: { id: string }) => id),
    all.slice(2, 4),
  );
  const before = await json(get(`${url}/v1/models?limit=2&before_id=${second.first_id}`));
  assert.deepEqual([before.first_id, before.has_more], [all[0], false]);
  const last = await json(get(`${url}/v1/models?limit=2&after_id=${second.last_id}`));
  assert.equal(last.has_more, false);
});

test("files are uploaded, listed, read and deleted, byte for byte", async (t) => {
  const { url } = await standIn(t);
  const bytes = Uint8Array.from({ length: 3_000 }, (_, at) => at % 256);
  const form = new FormData();
  form.append("file", new Blob([bytes], { type: "application/pdf" }), "a.pdf");
  const { "content-type": _json, ...headers } = ANTHROPIC;
  const file = await json(fetch(`${url}/v1/files`, { method: "POST", headers, body: form }));
  assert.deepEqual(
    [file.type, file.filename, file.mime_type, file.size_bytes],
    ["file", "a.pdf", "application/pdf", 3_000],
  );
  assert.equal((await json(get(`${url}/v1/files`))).data[0].id, file.id);
  const content = await get(`${url}/v1/files/${file.id}/content`);
  assert.equal(content.headers.get("content-type"), "application/pdf");
  assert.deepEqual(new Uint8Array(await content.arrayBuffer()), bytes);
  await fetch(`${url}/v1/files/${file.id}`, { method: "DELETE", headers });
  assert.equal((await get(`${url}/v1/files/${file.id}`)).status, 404);
});

test("a compressed body is read, and one that is not what it says is refused", async (t) => {
  const { url } = await standIn(t);
  const send = (body: Buffer<ArrayBuffer>, coding: string) =>
    fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: { ...ANTHROPIC, "content-encoding": coding },
      body,
    });
  const packed = gzipSync(JSON.stringify(MESSAGE));
  assert.equal((await send(packed, "gzip")).status, 200);
  assert.match((await json(send(packed, "br"))).error.message, /request_body_encoding_invalid/);
  assert.match((await json(send(packed, "lzw"))).error.message, /request_body_encoding_unsupported/);
});

test("since its newest version sampling parameters are refused", async (t) => {
  const { url } = await standIn(t);
  for (const field of ["temperature", "top_p", "top_k"]) {
    const body = { ...MESSAGE, [field]: 1 };
    assert.equal((await post(`${url}/v1/messages`, body)).status, 200);
    const strict = { ...ANTHROPIC, "anthropic-version": "2026-10-21" };
    assert.equal((await post(`${url}/v1/messages`, body, strict)).status, 400);
  }
});

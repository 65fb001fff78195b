import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyFacts } from "../../src/providers/body-facts.ts";
import { PROVIDERS, providerByShape } from "../../src/providers/known.ts";
import type { Provider, Refusal, RequestKind } from "../../src/providers/provider.ts";

const { anthropic, openai, http } = PROVIDERS;
const none = (): undefined => undefined;

test("each path asks for what it costs", () => {
  const wanted: readonly (readonly [Provider, string, RequestKind])[] = [
    [anthropic, "POST /v1/messages", "generate"],
    [anthropic, "GET /v1/messages", "other"],
    [anthropic, "POST /v1/messages/count_tokens", "count"],
    [anthropic, "POST /v1/messages/batches", "batch"],
    [anthropic, "GET /v1/messages/batches/msgbatch_1/results", "batch"],
    [anthropic, "POST /v1/messages/new", "other"],
    [anthropic, "GET /v1/models/claude-opus-4-1", "list"],
    [anthropic, "POST /v1/files", "file"],
    [openai, "POST /v1/chat/completions", "generate"],
    [openai, "GET /v1/chat/completions/id", "other"],
    [openai, "POST /v1/responses", "generate"],
    [openai, "POST /v1/responses/input_tokens", "count"],
    [openai, "POST /v1/responses/resp_1/cancel", "other"],
    [openai, "GET /v1/responses/resp_1", "other"],
    [openai, "POST /v1/embeddings", "embed"],
    [openai, "POST /v1/batches/b/cancel", "batch"],
    [openai, "GET /v1/files/f/content", "file"],
    [openai, "GET /v1/models", "list"],
    [openai, "POST /openai/v1/chat/completions", "generate"],
    [openai, "POST /chat/completions", "generate"],
    [openai, "POST /constructor", "other"],
    [http, "POST /v1/messages", "other"],
  ];
  for (const [provider, request, kind] of wanted) {
    const [method, path] = request.split(" ") as [string, string];
    assert.equal(provider.kindOf(method, path), kind, `${provider.name} ${request}`);
  }
});

test("models that share a rate limit share a class", () => {
  const wanted: readonly (readonly [Provider, string, string])[] = [
    [anthropic, "claude-opus-4-1-20250805", "claude-opus-4"],
    [anthropic, "claude-opus-4-5", "claude-opus-4"],
    [anthropic, "claude-opus-4-20250514", "claude-opus-4"],
    [anthropic, "claude-opus-5", "claude-opus-5"],
    [anthropic, "claude-sonnet-4-5@20250929", "claude-sonnet-4"],
    [anthropic, "claude-haiku-4-5-20251001", "claude-haiku-4-5"],
    [anthropic, "claude-3-5-haiku-latest", "claude-3-5-haiku"],
    [anthropic, "something-else", "something-else"],
    [openai, "gpt-4o-2024-08-06", "gpt-4o"],
    [openai, "gpt-4o-mini", "gpt-4o-mini"],
    [openai, "gpt-4-0613", "gpt-4"],
    [openai, "chatgpt-4o-latest", "chatgpt-4o"],
    [openai, "ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt-4o-mini"],
    [openai, "llama-3.1-8b", "llama-3.1-8b"],
    [http, "anything", ""],
  ];
  for (const [provider, model, name] of wanted) assert.equal(provider.classOf(model), name, model);
});

test("a key goes where the caller had its own, and all places it may have had one are known", () => {
  const bearer = (name: string): string | undefined =>
    name === "authorization" ? "bearer caller" : undefined;
  const apiKey = (name: string): string | undefined => (name === "x-api-key" ? "caller" : undefined);
  const azure = (name: string): string | undefined => (name === "api-key" ? "caller" : undefined);
  assert.deepEqual(anthropic.keyHeader("k", bearer), ["authorization", "Bearer k"]);
  assert.deepEqual(anthropic.keyHeader("k", apiKey), ["x-api-key", "k"]);
  assert.deepEqual(anthropic.keyHeader("k", none), ["x-api-key", "k"]);
  assert.deepEqual(openai.keyHeader("k", bearer), ["authorization", "Bearer k"]);
  assert.deepEqual(openai.keyHeader("k", none), ["authorization", "Bearer k"]);
  assert.deepEqual(openai.keyHeader("k", azure), ["api-key", "k"]);
  for (const provider of Object.values(PROVIDERS)) {
    const { credentialHeaders } = provider;
    for (const header of [bearer, apiKey, azure, none])
      assert.ok(credentialHeaders.includes(provider.keyHeader("k", header)[0]), provider.name);
    assert.ok(
      credentialHeaders.includes("authorization") && credentialHeaders.includes("proxy-authorization"),
    );
    assert.deepEqual(
      credentialHeaders.map((name) => name.toLowerCase()),
      credentialHeaders,
    );
  }
});

test("a client's own time-out and its tries are read from what its SDK sends", () => {
  const timeout = (headers: Readonly<Record<string, string>>): number | undefined =>
    anthropic.clientTimeoutMs((name) => headers[name]);
  assert.equal(timeout({ "x-stainless-timeout": "600" }), 600_000);
  assert.equal(timeout({ "x-stainless-read-timeout": "12.5" }), 12_500);
  for (const text of ["0", "-1", "None", "", "1e99"])
    assert.equal(timeout({ "x-stainless-timeout": text }), undefined, text);
  assert.equal(timeout({}), undefined);
  const retries = (text: string | undefined): number => openai.clientRetries(() => text);
  assert.deepEqual(["0", "2", "-1", "x", "1.5", undefined].map(retries), [0, 2, 0, 0, 0, 0]);
  assert.equal(
    http.clientTimeoutMs(() => "600"),
    undefined,
  );
  assert.equal(
    http.clientRetries(() => "2"),
    0,
  );
});

const REFUSAL: Refusal = { kind: "timeout", message: "line 1\nline 2", requestId: "lw_1" };

test("a stream that waits is kept warm, and told of an error, in its protocol's way", () => {
  assert.equal(anthropic.streamPing, 'event: ping\ndata: {"type": "ping"}\n\n');
  assert.equal(openai.streamPing, ": keepalive\n\n");
  assert.equal(http.streamPing, undefined);
  assert.equal(http.streamError(REFUSAL), undefined);
  const claude = anthropic.streamError(REFUSAL)!.split("\n");
  assert.deepEqual([claude[0], ...claude.slice(2)], ["event: error", "", ""]);
  assert.deepEqual(
    JSON.parse(claude[1]!.slice("data: ".length)),
    JSON.parse(anthropic.refusal(REFUSAL).body),
  );
  const gpt = openai.streamError(REFUSAL)!.split("\n");
  assert.deepEqual(gpt.slice(1), ["", ""]);
  assert.deepEqual(JSON.parse(gpt[0]!.slice("data: ".length)), JSON.parse(openai.refusal(REFUSAL).body));
});

test("URLs are rewritten in replies about batches, and never in their results", () => {
  assert.ok(anthropic.rewritesUrls("GET", "/v1/messages/batches"));
  assert.ok(anthropic.rewritesUrls("GET", "/v1/messages/batches/msgbatch_1"));
  assert.ok(anthropic.rewritesUrls("POST", "/v1/messages/batches/msgbatch_1/cancel"));
  assert.equal(anthropic.rewritesUrls("GET", "/v1/messages/batches/msgbatch_1/results"), false);
  assert.equal(anthropic.rewritesUrls("POST", "/v1/messages"), false);
  assert.equal(openai.rewritesUrls("GET", "/v1/batches"), false);
  assert.equal(http.rewritesUrls("GET", "/v1/messages/batches"), false);
});

test("paths that two protocols share belong to the one whose version header came", () => {
  const version = (name: string): string | undefined => (name === "anthropic-version" ? "1" : undefined);
  assert.equal(providerByShape("/v1/models", version), anthropic);
  assert.equal(providerByShape("/v1/models", none), openai);
  assert.equal(providerByShape("/v1/messagesx", none), undefined);
});

test("a body's facts are those of its top level", () => {
  const of = (value: unknown): object => {
    const { bytes: _, ...facts } = bodyFacts(Buffer.from(JSON.stringify(value)));
    return facts;
  };
  assert.deepEqual(
    of({
      model: "claude-opus-4-1",
      max_tokens: 1_024,
      stream: true,
      service_tier: "auto",
      messages: [{ role: "user", content: "x", stream: false, max_tokens: 1 }],
    }),
    { model: "claude-opus-4-1", maxOutputTokens: 1_024, stream: true, service: "auto" },
  );
  assert.deepEqual(of({ model: 5, max_tokens: 5, max_completion_tokens: 7, stream: "true" }), {
    model: undefined,
    maxOutputTokens: 7,
    stream: false,
    service: undefined,
  });
  for (const odd of [0, -5, 1.5, null, "5", [5], {}, 1e300])
    assert.deepEqual(of({ max_output_tokens: odd, max_tokens: odd }), {
      model: undefined,
      maxOutputTokens: undefined,
      stream: false,
      service: undefined,
    });
  assert.deepEqual(bodyFacts(new Uint8Array([0x1f, 0x8b, 0x7b])), {
    model: undefined,
    maxOutputTokens: undefined,
    stream: false,
    service: undefined,
    bytes: 3,
  });
});

test("text counts by its bytes, and an image or a file inside by what it comes to", () => {
  const bytes = (content: unknown): number => bodyFacts(Buffer.from(JSON.stringify({ content }))).bytes;
  const frame = bytes("");
  const text = "some words and 漢字. ".repeat(5_000);
  assert.equal(bytes(text), frame + Buffer.byteLength(text));
  const image = Buffer.alloc(3_000_000, 0xa5).toString("base64");
  assert.equal(bytes(image), frame + 6_400);
  assert.equal(bytes(`data:image/png;base64,${image}`), frame + 6_400);
  assert.equal(bytes("A".repeat(4_000)), frame + 4_000);
  const pdf = Buffer.from(`%PDF-1.7${" ".repeat(600_000)}`).toString("base64");
  assert.equal(bytes(pdf), frame + Math.round(pdf.length / 8));
});

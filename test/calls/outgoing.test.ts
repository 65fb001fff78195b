import assert from "node:assert/strict";
import { test } from "node:test";
import { apiPath, outgoing, tryOf } from "../../src/calls/outgoing.ts";

const URL_OF = "http://api.test/v1/messages";
const { signal } = new AbortController();

test("a body of text or bytes is read as bytes and can be sent again; one made on the way can be sent once", async () => {
  const bytes = new TextEncoder().encode('{"model":"m"}');
  for (const body of ['{"model":"m"}', bytes, bytes.buffer]) {
    const request = await outgoing(URL_OF, { method: "post", body });
    assert.deepEqual([request.method, request.repeatable], ["POST", true]);
    assert.deepEqual(new Uint8Array(request.bytes!), bytes);
  }
  for (const body of [new FormData(), new URLSearchParams("a=1"), new Blob(["x"])]) {
    const { repeatable, bytes: read } = await outgoing(URL_OF, { method: "POST", body });
    assert.deepEqual([repeatable, read], [true, undefined]);
  }
  const made = (async function* () {
    yield bytes;
  })();
  for (const body of [new Blob(["x"]).stream(), made as unknown as ReadableStream])
    assert.equal((await outgoing(URL_OF, { method: "POST", body })).repeatable, false);
  assert.equal((await outgoing(URL_OF)).repeatable, true);
});

test("a `Request` is taken apart, its body read, and what is given beside it goes before", async () => {
  const request = new Request(URL_OF, {
    method: "PUT",
    body: "text",
    redirect: "manual",
    headers: { "x-one": "1", "laneway-lane": "batch" },
  });
  const taken = await outgoing(request, { headers: { "x-two": "2" } });
  assert.equal(Buffer.from(taken.bytes!).toString(), "text");
  assert.deepEqual([taken.url, taken.method, taken.lane], [URL_OF, "PUT", undefined]);
  const sent = tryOf(taken, taken.headers, signal);
  assert.deepEqual([sent.redirect, sent.signal, [...taken.headers]], ["manual", signal, [["x-two", "2"]]]);
});

test("lane and flow are taken off the headers, and the caller's own headers stay as they were", async () => {
  const headers = new Headers({ "laneway-lane": "batch", "laneway-flow": "me", "x-one": "1" });
  const request = await outgoing(new URL(URL_OF), { headers });
  assert.deepEqual([request.lane, request.flow, [...request.headers]], ["batch", "me", [["x-one", "1"]]]);
  assert.equal(headers.get("laneway-lane"), "batch");
});

test("a path is its provider's own, whatever a base URL puts before it", () => {
  const paths = {
    "https://api.anthropic.com/v1/messages?beta=true": "/v1/messages",
    "https://proxy.test/anthropic/v1/messages/count_tokens": "/v1/messages/count_tokens",
    "https://azure.test/openai/deployments/gpt/chat/completions?api-version=1": "/v1/chat/completions",
    "http://local.test/api/embeddings": "/v1/embeddings",
    "http://local.test/api/messages/batches/x/results": "/v1/messages/batches/x/results",
    "http://local.test/other": "/other",
  };
  for (const [url, path] of Object.entries(paths)) assert.equal(apiPath(url), path);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { languageModelLanes } from "../../../src/adapters/ai.ts";
import { textBytes, usageOf } from "../../../src/adapters/ai/language-model.ts";
import type { ModelCall } from "../../../src/adapters/ai/language-model.ts";
import { isLanewayError } from "../../../src/core/errors.ts";
import { runInLane } from "../../../src/node/context.ts";
import { Resource } from "../../../src/node/resource.ts";
import { PROVIDERS } from "../../../src/providers/known.ts";
import { TestClock } from "../../../src/testing/clock.ts";
import { NOTHING, taken, until } from "../provided.ts";

const PARAMS: ModelCall = {
  prompt: [{ role: "user", content: [{ type: "text", text: "What is a lane?" }] }],
  maxOutputTokens: 64,
};

/** The usage of version 3 of the AI SDK's models. */
const USAGE = {
  inputTokens: { total: 120, noCache: 20, cacheRead: 100, cacheWrite: 0 },
  outputTokens: { total: 30, text: 30, reasoning: 0 },
  raw: { input_tokens: 20, cache_read_input_tokens: 100, cache_creation_input_tokens: 0, output_tokens: 30 },
};
const REPLY = { content: [{ type: "text", text: "A lane." }], usage: USAGE, response: { headers: {} } };

type Part = { readonly type: string; readonly usage?: unknown; readonly delta?: string };

/** An error as the AI SDK makes it of a failing reply. */
function callError(statusCode: number | undefined, responseHeaders: Record<string, string> = {}): Error {
  const isRetryable = statusCode === undefined || statusCode === 429 || statusCode >= 500;
  const facts = { name: "AI_APICallError", statusCode, responseHeaders, responseBody: "{}", isRetryable };
  return Object.assign(new Error(`status ${statusCode}`), facts);
}

interface Made {
  readonly resource: Resource;
  readonly clock: TestClock;
  /** What the model was called with. */
  readonly calls: ModelCall[];
  readonly lanes: string[];
  model<Reply>(replies: readonly (Reply | Error)[]): {
    provider: string;
    modelId: string;
    doGenerate(call: ModelCall): Promise<Reply>;
    doStream(call: ModelCall): Promise<Reply>;
  };
}

function make(limit = 2): Made {
  const clock = new TestClock();
  const budgets = { requests: 50, inputTokens: 50_000, outputTokens: 50_000 };
  const lanes = [{ name: "chat" }, { name: "batch" }];
  const resource = new Resource({ name: "claude", limit, lanes, budgets, clock });
  const seen: string[] = [];
  resource.onRecord(({ lane, flow }) => seen.push(flow === "" ? lane : `${lane} ${flow}`));
  const calls: ModelCall[] = [];
  return {
    resource,
    clock,
    calls,
    lanes: seen,
    model: (replies) => {
      const left = [...replies];
      const answer = (call: ModelCall): Promise<never> => {
        calls.push(call);
        const reply = left.length > 1 ? left.shift()! : left[0]!;
        return (reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply)) as Promise<never>;
      };
      return {
        provider: "anthropic.messages",
        modelId: "claude-sonnet-4-5",
        doGenerate: answer,
        doStream: answer,
      };
    },
  };
}

async function settled<Value>(clock: TestClock, promise: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const mark = (): void => void (isSettled = true);
  promise.then(mark, mark);
  while (!isSettled) await clock.advance(10);
  return promise;
}

test("a whole reply passes as it is, its seat is free with it, and its usage corrects the budget", async () => {
  const { resource, model, calls } = make();
  const reply = await languageModelLanes(resource).wrapGenerate({ model: model([REPLY]), params: PARAMS });
  assert.equal(reply, REPLY);
  assert.deepEqual(taken(resource), NOTHING);
  assert.equal(calls[0]!.prompt, PARAMS.prompt);
  // What came from the cache does not count at Anthropic.
  assert.deepEqual(resource.budget("caller/claude-sonnet-4").left, {
    requests: 49,
    inputTokens: 50_000 - 20,
    outputTokens: 50_000 - 30,
  });
});

test("a stream passes part by part, holds its seat to its end, and its last part's usage counts", async () => {
  const { resource, model } = make();
  let parts!: ReadableStreamDefaultController<Part>;
  const stream = new ReadableStream<Part>({ start: (controller) => void (parts = controller) });
  const reply = await languageModelLanes(resource).wrapStream({
    model: model([{ stream, response: {} }]),
    params: PARAMS,
  });
  const reader = reply.stream.getReader();
  const delta: Part = { type: "text-delta", delta: "A" };
  parts.enqueue(delta);
  assert.equal((await reader.read()).value, delta);
  assert.equal(taken(resource).seats, 1);
  parts.enqueue({ type: "finish", usage: USAGE });
  parts.close();
  await reader.read();
  assert.equal((await reader.read()).done, true);
  assert.deepEqual(taken(resource), NOTHING);
  assert.equal(resource.budget("caller/claude-sonnet-4").left.outputTokens, 50_000 - 30);
});

test("a stream that is cancelled, or whose caller leaves, frees its seat", async () => {
  const { resource, model } = make();
  const caller = new AbortController();
  const open = async (): Promise<ReadableStream<Part>> => {
    const stream = new ReadableStream<Part>();
    const params = { ...PARAMS, abortSignal: caller.signal };
    const reply = await languageModelLanes(resource).wrapStream({ model: model([{ stream }]), params });
    return reply.stream;
  };
  const [first] = await Promise.all([open(), open()]);
  assert.equal(taken(resource).seats, 2);
  await first.cancel();
  assert.equal(taken(resource).seats, 1);
  caller.abort();
  assert.deepEqual(taken(resource), NOTHING);
});

test("the lane is the call's, else the option's, else the context's", async () => {
  const { resource, model, lanes } = make();
  const call = (options: object, laneway?: object): Promise<unknown> =>
    languageModelLanes(resource, options).wrapGenerate({
      model: model([REPLY]),
      params: { ...PARAMS, ...(laneway === undefined ? {} : { providerOptions: { laneway } }) } as ModelCall,
    });
  await call({ lane: "chat", flow: "a" }, { lane: "batch", flow: "b" });
  await runInLane("batch", () => call({ lane: "chat" }));
  await runInLane("chat", () => call({}));
  await call({});
  assert.deepEqual(lanes, ["batch b", "chat", "chat", "batch"]);
});

test("a failing call is tried again at its own place; the AI SDK is told to stop when we have", async () => {
  const { resource, clock, model, calls, lanes } = make();
  const middleware = languageModelLanes(resource);
  const reply = await settled(
    clock,
    middleware.wrapGenerate({ model: model([callError(529), callError(undefined), REPLY]), params: PARAMS }),
  );
  assert.equal(reply, REPLY);
  assert.deepEqual([calls.length, lanes.length], [3, 1]);
  const overloaded = callError(529);
  const failing = middleware.wrapGenerate({ model: model<typeof REPLY>([overloaded]), params: PARAMS });
  await assert.rejects(settled(clock, failing), (error) => error === overloaded);
  assert.equal((overloaded as Error & { isRetryable: boolean }).isRetryable, false);
  assert.equal(calls.length, 6);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a rate limit pauses the model for as long as the provider asks", async () => {
  const { resource, clock, model, calls } = make();
  const limited = callError(429, { "Retry-After": "5" });
  const answer = languageModelLanes(resource).wrapGenerate({
    model: model([limited, REPLY]),
    params: PARAMS,
  });
  await until(() => calls.length === 1 && taken(resource).waiting === 1);
  assert.equal(resource.budget("caller/claude-sonnet-4").pausedMs, 5_000);
  await clock.advance(5_000);
  assert.equal(await answer, REPLY);
});

test("a mistake of the program is not repeated, and neither is one in the request", async () => {
  const { resource, model, calls } = make();
  const retryable = (error: Error): unknown => (error as Error & { isRetryable?: boolean }).isRetryable;
  for (const error of [new TypeError("a bug"), callError(400)]) {
    const before = retryable(error);
    const answer = languageModelLanes(resource).wrapGenerate({
      model: model<typeof REPLY>([error]),
      params: PARAMS,
    });
    await assert.rejects(answer, (thrown) => thrown === error && retryable(error) === before);
  }
  assert.equal(calls.length, 2);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a refusal rejects with the error of the lanes, and a caller that leaves with its own reason", async () => {
  const { resource, clock, model } = make(1);
  const held = await resource.acquire();
  const middleware = languageModelLanes(resource, { lane: "chat" });
  const late = middleware.wrapGenerate({ model: model([REPLY]), params: PARAMS });
  const refused = assert.rejects(late, (error) => isLanewayError(error) && error.reason === "task");
  const caller = new AbortController();
  const params = { ...PARAMS, abortSignal: caller.signal };
  const left = middleware.wrapGenerate({ model: model([REPLY]), params });
  const gone = assert.rejects(left, { message: "left" });
  caller.abort(new Error("left"));
  await gone;
  await clock.advance(60_000);
  await refused;
  held.release();
  assert.deepEqual(taken(resource), NOTHING);
});

test("a call that is out of time is stopped through its own signal", async () => {
  const { resource, clock } = make();
  const stopped: unknown[] = [];
  const model = {
    provider: "openai.responses",
    modelId: "gpt-5",
    doGenerate: ({ abortSignal }: ModelCall) =>
      new Promise<typeof REPLY>((_resolve, reject) => {
        abortSignal!.addEventListener("abort", () => {
          stopped.push(abortSignal!.reason);
          reject(new DOMException("This operation was aborted", "AbortError"));
        });
      }),
  };
  const answer = languageModelLanes(resource).wrapGenerate({ model, params: PARAMS });
  const rejected = assert.rejects(answer, (error) => isLanewayError(error) && error.reason === "task");
  await clock.advance(10 * 60_000);
  await rejected;
  assert.equal(stopped.length, 1);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a key of ours takes the place of the model's own header", async () => {
  const { resource, model, calls } = make();
  await languageModelLanes(resource, { keys: ["our-key"] }).wrapGenerate({
    model: model([REPLY]),
    params: { ...PARAMS, headers: { "x-one": "1" } },
  });
  assert.deepEqual(calls[0]!.headers, {
    "x-one": "1",
    "x-api-key": "our-key",
    authorization: undefined,
    "proxy-authorization": undefined,
  });
});

test("text counts by its bytes, and images and files by what they come to", () => {
  assert.equal(textBytes("größer"), 8);
  assert.equal(textBytes([{ a: "xyz" }, "1", undefined, 7]), 5);
  const image = { type: "file", mediaType: "image/png", data: new Uint8Array(5_000_000) };
  assert.ok(textBytes(image) < 7_000);
  assert.ok(textBytes({ ...image, data: "A".repeat(5_000_000) }) < 7_000);
});

test("usage is read from either version of the AI SDK's models, and from the provider's own numbers where it can be", () => {
  const { anthropic, openai } = PROVIDERS;
  assert.deepEqual(usageOf(USAGE, anthropic), { inputTokens: 20, outputTokens: 30, final: true });
  assert.deepEqual(usageOf({ ...USAGE, raw: undefined }, openai), {
    inputTokens: 120,
    outputTokens: 30,
    final: true,
  });
  assert.deepEqual(usageOf({ inputTokens: 5, outputTokens: 6, totalTokens: 11 }, openai), {
    inputTokens: 5,
    outputTokens: 6,
    final: true,
  });
  for (const unknown of [undefined, {}, { inputTokens: 5 }, { inputTokens: Number.NaN, outputTokens: 1 }])
    assert.equal(usageOf(unknown, openai), undefined);
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { abortsMidStream, abortsWhileQueued, all, sameAsDirect } from "./same-as-direct.ts";

const AI: string = "ai";
const PROMPT = "What is a lane?";

/** How a model of a provider is made, and how it is told to think. */
interface Kind {
  readonly module: string;
  readonly make: (provider: any, url: string) => any;
  readonly thinking?: object;
}

const OPENAI = "@ai-sdk/openai";

const KINDS: Readonly<Record<string, Kind>> = {
  anthropic: {
    module: "@ai-sdk/anthropic",
    make: ({ createAnthropic }, url) =>
      createAnthropic({ apiKey: "any", baseURL: `${url}/v1` })("claude-sonnet-5-5"),
    thinking: { anthropic: { thinking: { type: "adaptive" } } },
  },
  "openai responses": {
    module: OPENAI,
    make: ({ createOpenAI }, url) =>
      createOpenAI({ apiKey: "any", baseURL: `${url}/v1` }).responses("gpt-5.2"),
    thinking: { openai: { reasoningEffort: "low", reasoningSummary: "auto" } },
  },
  "openai chat": {
    module: OPENAI,
    make: ({ createOpenAI }, url) => createOpenAI({ apiKey: "any", baseURL: `${url}/v1` }).chat("gpt-5.2"),
  },
};

/** One SDK with one provider, as the tests use it. */
interface Loaded {
  readonly ai: any;
  model(url: string): any;
  tools(): any;
}

/** The packages may not be installed, so their types are not asked for. */
async function load(t: TestContext, { module, make }: Kind): Promise<Loaded | undefined> {
  if (!needsPackage(t, "test/sdks", module) || !needsPackage(t, "test/sdks", AI)) return undefined;
  const ai: any = await import(AI);
  const provider: any = await import(module);
  const inputSchema = ai.jsonSchema({
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  });
  return {
    ai,
    model: (url) => make(provider, url),
    tools: () => ({ get_weather: ai.tool({ inputSchema, execute: () => "sunny" }) }),
  };
}

for (const [name, kind] of Object.entries(KINDS))
  suite(`the Vercel AI SDK with ${name}`, () => {
    const { thinking } = kind;

    test("generates the same text through the gateway as directly", async (t) => {
      const sdk = await load(t, kind);
      if (sdk === undefined) return;
      const seen = await sameAsDirect(t, async (url) => {
        const result = await sdk.ai.generateText({ model: sdk.model(url), prompt: PROMPT, maxRetries: 0 });
        return { text: result.text, usage: result.usage, finishReason: result.finishReason };
      });
      assert.ok(seen.text.length > 0);
      assert.ok(seen.usage.outputTokens > 0);
    });

    test("streams the same parts", async (t) => {
      const sdk = await load(t, kind);
      if (sdk === undefined) return;
      const seen = await sameAsDirect(t, async (url) => {
        const result = sdk.ai.streamText({ model: sdk.model(url), prompt: PROMPT, maxRetries: 0 });
        const texts = await all(result.textStream);
        return { texts, usage: await result.usage, finishReason: await result.finishReason };
      });
      assert.ok(seen.texts.length > 1);
    });

    if (thinking !== undefined)
      test("thinks", async (t) => {
        const sdk = await load(t, kind);
        if (sdk === undefined) return;
        const seen = await sameAsDirect(t, async (url) => {
          const request = {
            model: sdk.model(url),
            prompt: PROMPT,
            maxRetries: 0,
            providerOptions: thinking,
          };
          const whole = await sdk.ai.generateText(request);
          const streamed = sdk.ai.streamText(request);
          await streamed.consumeStream();
          return { whole: whole.reasoningText, streamed: await streamed.reasoningText };
        });
        assert.ok(seen.whole.length > 0);
        assert.equal(seen.streamed, seen.whole);
      });

    test("calls a tool and goes on with its result, as an agent does", async (t) => {
      const sdk = await load(t, kind);
      if (sdk === undefined) return;
      const seen = await sameAsDirect(t, async (url) => {
        const request = {
          model: sdk.model(url),
          prompt: PROMPT,
          maxRetries: 0,
          tools: sdk.tools(),
          stopWhen: sdk.ai.isStepCount(3),
        };
        const whole = await sdk.ai.generateText(request);
        const streamed = sdk.ai.streamText(request);
        await streamed.consumeStream();
        const steps = (taken: any) =>
          taken.map(({ text, finishReason, toolResults }: any) => [
            text,
            finishReason,
            toolResults.map(({ input, output }: any) => [input, output]),
          ]);
        return { whole: steps(whole.steps), streamed: steps(await streamed.steps) };
      });
      assert.equal(seen.whole.length, 2);
      assert.deepEqual(seen.whole[0][2], [[{ city: "example" }, "sunny"]]);
    });

    test("aborts in the middle of a stream", async (t) => {
      const sdk = await load(t, kind);
      if (sdk === undefined) return;
      await abortsMidStream(t, (url, abortSignal) =>
        Promise.resolve(
          sdk.ai.streamText({ model: sdk.model(url), prompt: PROMPT, maxRetries: 0, abortSignal }).textStream,
        ),
      );
    });

    test("aborts while it is queued", async (t) => {
      const sdk = await load(t, kind);
      if (sdk === undefined) return;
      await abortsWhileQueued(t, (url, abortSignal) =>
        sdk.ai.generateText({ model: sdk.model(url), prompt: PROMPT, maxRetries: 0, abortSignal }),
      );
    });
  });

test("the Vercel AI SDK embeds the same numbers", async (t) => {
  const sdk = await load(t, { module: OPENAI, make: () => undefined });
  if (sdk === undefined) return;
  const { createOpenAI }: any = await import(OPENAI);
  const seen = await sameAsDirect(t, async (url) => {
    const model = createOpenAI({ apiKey: "any", baseURL: `${url}/v1` }).embedding("text-embedding-3-small");
    const { embeddings, usage } = await sdk.ai.embedMany({ model, values: ["one", "two"], maxRetries: 0 });
    return { embeddings, usage };
  });
  assert.equal(seen.embeddings.length, 2);
});

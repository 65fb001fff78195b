import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { abortsMidStream, abortsWhileQueued, all, sameAsDirect } from "./same-as-direct.ts";

const OPENAI = "@langchain/openai";
const QUESTION = "What is a lane?";
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

type Make = (module: any, url: string, options?: object) => any;

const chatOpenAi =
  (fixed: object): Make =>
  ({ ChatOpenAI }, url, options = {}) =>
    new ChatOpenAI({
      apiKey: "any",
      model: "gpt-5.2",
      maxRetries: 0,
      configuration: { baseURL: `${url}/v1` },
      ...fixed,
      ...options,
    });

/** How a model of each provider is made, and what makes it think. */
const MODELS: Readonly<
  Record<string, { readonly module: string; readonly make: Make; readonly thinking?: object }>
> = {
  anthropic: {
    module: "@langchain/anthropic",
    make: ({ ChatAnthropic }, url, options = {}) =>
      new ChatAnthropic({
        apiKey: "any",
        anthropicApiUrl: url,
        model: "claude-sonnet-5-5",
        maxTokens: 2_048,
        maxRetries: 0,
        ...options,
      }),
    thinking: { thinking: { type: "adaptive" } },
  },
  "openai chat": { module: OPENAI, make: chatOpenAi({ useResponsesApi: false }) },
  "openai responses": {
    module: OPENAI,
    make: chatOpenAi({ useResponsesApi: true }),
    thinking: { reasoning: { effort: "low", summary: "auto" } },
  },
};

/** The packages may not be installed, so their types are not asked for. */
async function load(
  t: TestContext,
  name: string,
): Promise<((url: string, options?: object) => any) | undefined> {
  const kind = MODELS[name];
  if (kind === undefined || !needsPackage(t, "test/sdks", kind.module)) return undefined;
  const module: unknown = await import(kind.module);
  return (url, options) => kind.make(module, url, options);
}

/** What a caller reads of a message. */
function read({ content, tool_calls, usage_metadata }: any): object {
  return { content, tool_calls, usage_metadata };
}

for (const [name, { thinking }] of Object.entries(MODELS))
  suite(`LangChain with ${name}`, () => {
    test("gets the same message through the gateway as directly", async (t) => {
      const model = await load(t, name);
      if (model === undefined) return;
      const seen: any = await sameAsDirect(t, async (url) => read(await model(url).invoke(QUESTION)));
      assert.ok(seen.content.length > 0);
      assert.ok(seen.usage_metadata.output_tokens > 0);
    });

    test("streams the same chunks", async (t) => {
      const model = await load(t, name);
      if (model === undefined) return;
      const seen = await sameAsDirect(t, async (url) =>
        (await all(await model(url).stream(QUESTION))).map(read),
      );
      assert.ok(seen.length > 1);
    });

    if (thinking !== undefined)
      test("thinks", async (t) => {
        const model = await load(t, name);
        if (model === undefined) return;
        const seen: any = await sameAsDirect(t, async (url) => ({
          whole: read(await model(url, thinking).invoke(QUESTION)),
          streamed: (await all(await model(url, thinking).stream(QUESTION))).map(read),
        }));
        assert.ok(JSON.stringify(seen.streamed).length > 0);
      });

    test("calls a tool and goes on with its result", async (t) => {
      const model = await load(t, name);
      if (model === undefined) return;
      const seen: any = await sameAsDirect(t, async (url) => {
        const bound = model(url).bindTools([WEATHER]);
        const call = await bound.invoke(QUESTION);
        const result = { role: "tool", tool_call_id: call.tool_calls[0].id, content: "sunny" };
        const answer = await bound.invoke([{ role: "user", content: QUESTION }, call, result]);
        return { call: read(call), answer: read(answer) };
      });
      assert.deepEqual(seen.call.tool_calls[0].args, { city: "example" });
      assert.equal(seen.answer.tool_calls.length, 0);
    });

    test("runs many inputs at once", async (t) => {
      const model = await load(t, name);
      if (model === undefined) return;
      const seen = await sameAsDirect(t, async (url) =>
        (await model(url).batch([QUESTION, QUESTION, QUESTION])).map(read),
      );
      assert.equal(seen.length, 3);
    });

    test("aborts in the middle of a stream", async (t) => {
      const model = await load(t, name);
      if (model === undefined) return;
      await abortsMidStream(t, (url, signal) => model(url).stream(QUESTION, { signal }));
    });

    test("aborts while it is queued", async (t) => {
      const model = await load(t, name);
      if (model === undefined) return;
      await abortsWhileQueued(t, (url, signal) =>
        model(url).invoke(QUESTION, signal === undefined ? {} : { signal }),
      );
    });
  });

test("LangChain embeds the same numbers", async (t) => {
  if (!needsPackage(t, "test/sdks", OPENAI)) return;
  const { OpenAIEmbeddings }: any = await import(OPENAI);
  const seen: any = await sameAsDirect(t, (url) =>
    new OpenAIEmbeddings({
      apiKey: "any",
      model: "text-embedding-3-small",
      configuration: { baseURL: `${url}/v1` },
    }).embedDocuments(["one", "two"]),
  );
  assert.equal(seen.length, 2);
});

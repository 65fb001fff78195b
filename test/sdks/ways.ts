/** Every SDK with the adapter that puts lanes in front of it, and what the tests do with each. */

import type { TestContext } from "node:test";
import { aiFetch, anthropicLanes, languageModelLanes } from "../../src/adapters/ai.ts";
import type { Resource } from "../../src/core/resource.ts";
import { needsPackage } from "../needs.ts";

/** One call as a test makes it. */
export interface Ask {
  readonly model?: string;
  readonly lane?: string;
  readonly signal?: AbortSignal;
  /** What tells this call from the others upstream. */
  readonly prompt?: string;
}

/** What a reply held, whichever SDK read it. */
export interface Reply {
  readonly text: string;
  readonly tool?: unknown;
  readonly thoughts?: string;
}

/** A client of one SDK. `resource` undefined: the SDK as it is, without an adapter. */
export interface Client {
  create(ask?: Ask): Promise<Reply>;
  /** Pieces of text. */
  stream(ask?: Ask): AsyncIterable<string>;
  callTool(ask?: Ask): Promise<Reply>;
  /** Undefined where the API has no thoughts to show. */
  readonly think?: (ask?: Ask) => Promise<Reply>;
}

/** One SDK with one adapter. */
export interface Way {
  readonly name: string;
  readonly modules: readonly string[];
  /** Two models with rate limits of their own. */
  readonly models: readonly [string, string];
  /** Whether the SDK ends a call when its stream is left. The Vercel AI SDK does not: only a signal ends its calls. */
  readonly endsWhenLeft: boolean;
  /** How the provider says that it is overloaded. */
  readonly overloaded: number;
  client(loaded: readonly any[], url: string, resource: Resource | undefined): Client;
}

const CLAUDE = ["claude-sonnet-5-5", "claude-haiku-5-5"] as const;
const GPT = ["gpt-5.2", "gpt-5.2-mini"] as const;
const LANE = "chat";
const PROMPT = "What is a lane?";
const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

/** Only the first try of each call is the SDK's: what is tried again, we try again. */
const ONCE = { maxRetries: 0 } as const;

/** The modules of a way, or undefined where they are not installed. */
export async function load(t: TestContext, way: Way): Promise<readonly any[] | undefined> {
  if (!way.modules.every((module) => needsPackage(t, "test/sdks", module))) return undefined;
  return Promise.all(way.modules.map((module) => import(module)));
}

function laned(resource: Resource | undefined): object {
  return resource === undefined ? {} : { fetch: aiFetch(resource, { lane: LANE }) };
}

function laneHeader({ lane }: Ask): Record<string, string> {
  return lane === undefined ? {} : { "laneway-lane": lane };
}

function signalOf({ signal }: Ask): object {
  return signal === undefined ? {} : { signal };
}

/** Runs what opens a stream when its first piece is asked for. */
async function* lazily<Event>(
  open: () => Promise<AsyncIterable<Event>>,
  textOf: (event: Event) => string | undefined,
): AsyncGenerator<string> {
  for await (const event of await open()) {
    const text = textOf(event);
    if (text !== undefined && text !== "") yield text;
  }
}

/** The Anthropic SDK, with `fixed` as the options that bring in the lanes. */
function anthropicClient(Anthropic: any, url: string, fixed: object): Client {
  const client = new Anthropic({ apiKey: "any", baseURL: url, ...ONCE, ...fixed });
  const request = ({ model = CLAUDE[0], prompt = PROMPT }: Ask, more: object = {}) => ({
    model,
    max_tokens: 64,
    messages: [{ role: "user", content: prompt }],
    ...more,
  });
  const options = (ask: Ask) => ({ headers: laneHeader(ask), ...signalOf(ask) });
  const create = async (ask: Ask = {}, more: object = {}): Promise<Reply> => {
    const { content } = await client.messages.create(request(ask, more), options(ask));
    const block = (type: string): any => content.find((one: any) => one.type === type);
    return {
      text: block("text")?.text,
      tool: block("tool_use")?.input,
      thoughts: block("thinking")?.thinking,
    };
  };
  return {
    create,
    stream: (ask = {}) =>
      lazily<any>(
        () => client.messages.create(request(ask, { stream: true }), options(ask)),
        (event) => event.delta?.text,
      ),
    callTool: (ask) => create(ask, { tools: [{ name: "get_weather", input_schema: PARAMETERS }] }),
    think: (ask) => create(ask, { thinking: { type: "adaptive" } }),
  };
}

function openaiClient(OpenAI: any, url: string, resource: Resource | undefined): Client {
  const client = new OpenAI({ apiKey: "any", baseURL: `${url}/v1`, ...ONCE, ...laned(resource) });
  const request = ({ model = GPT[0], prompt = PROMPT }: Ask, more: object = {}) => ({
    model,
    messages: [{ role: "user", content: prompt }],
    ...more,
  });
  const options = (ask: Ask) => ({ headers: laneHeader(ask), ...signalOf(ask) });
  const create = async (ask: Ask = {}, more: object = {}): Promise<Reply> => {
    const { choices } = await client.chat.completions.create(request(ask, more), options(ask));
    const { content, tool_calls: calls } = choices[0].message;
    return { text: content, tool: calls === undefined ? undefined : JSON.parse(calls[0].function.arguments) };
  };
  return {
    create,
    stream: (ask = {}) =>
      lazily<any>(
        () => client.chat.completions.create(request(ask, { stream: true }), options(ask)),
        (chunk) => chunk.choices[0]?.delta.content,
      ),
    callTool: (ask) =>
      create(ask, {
        tools: [{ type: "function", function: { name: "get_weather", parameters: PARAMETERS } }],
      }),
    think: async ({ model = GPT[0], prompt = PROMPT, ...ask } = {}) => {
      const question = { model, input: prompt, reasoning: { effort: "low", summary: "auto" } };
      const { output, output_text: text } = await client.responses.create(question, options(ask));
      return { text, thoughts: output[0].summary[0].text };
    },
  };
}

/** The Vercel AI SDK; `lanes` are set around the model, or inside its fetch. */
function vercelClient(
  ai: any,
  modelOf: (name: string) => any,
  named: { readonly model: string; readonly thinking: object },
  inside: "model" | "fetch",
): Client {
  const common = ({ model = named.model, lane, prompt = PROMPT, signal }: Ask) => ({
    model: modelOf(model),
    prompt,
    ...ONCE,
    ...(signal === undefined ? {} : { abortSignal: signal }),
    ...(inside === "fetch" ? { headers: laneHeader(lane === undefined ? {} : { lane }) } : {}),
    ...(inside === "model" && lane !== undefined ? { providerOptions: { laneway: { lane } } } : {}),
  });
  const create = async (ask: Ask = {}, more: object = {}): Promise<Reply> => {
    const { text, reasoningText, toolCalls } = await ai.generateText({ ...common(ask), ...more });
    return { text, thoughts: reasoningText, tool: toolCalls[0]?.input };
  };
  const tools = { get_weather: ai.tool({ inputSchema: ai.jsonSchema(PARAMETERS) }) };
  return {
    create,
    // An error of a stream comes as a part of it; the SDK's default is to print it.
    stream: (ask = {}) =>
      lazily<any>(
        () => Promise.resolve(ai.streamText({ ...common(ask), onError: () => undefined }).fullStream),
        (part) => {
          if (part.type === "error") throw part.error;
          return part.type === "text-delta" ? part.text : undefined;
        },
      ),
    callTool: (ask) => create(ask, { tools }),
    think: (ask) => create(ask, { providerOptions: named.thinking }),
  };
}

function langchainClient(modelOf: (options: object) => any, thinking: object | undefined): Client {
  // LangChain takes headers only when a model is made, so a lane of one call has a model of its own.
  const made = ({ model, ...ask }: Ask, more: object = {}) =>
    modelOf({ ...(model === undefined ? {} : { model }), headers: laneHeader(ask), ...more });
  const read = ({ content, tool_calls: calls }: any): Reply => {
    const blocks: any[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
    return {
      text: blocks.map((block) => block.text ?? "").join(""),
      thoughts: blocks.map((block) => block.thinking ?? "").join(""),
      tool: calls?.[0]?.args,
    };
  };
  const create = async (ask: Ask = {}, more: object = {}): Promise<Reply> =>
    read(await made(ask, more).invoke(ask.prompt ?? PROMPT, signalOf(ask)));
  return {
    create,
    stream: (ask = {}) =>
      lazily<any>(
        () => made(ask).stream(ask.prompt ?? PROMPT, signalOf(ask)),
        (chunk) => read(chunk).text,
      ),
    callTool: async (ask = {}) => {
      const tool = { type: "function", function: { name: "get_weather", parameters: PARAMETERS } };
      return read(
        await made(ask)
          .bindTools([tool])
          .invoke(ask.prompt ?? PROMPT, signalOf(ask)),
      );
    },
    ...(thinking === undefined ? {} : { think: (ask) => create(ask, thinking) }),
  };
}

function chatAnthropic({ ChatAnthropic }: any, url: string, resource: Resource | undefined): Client {
  const modelOf = ({ headers, ...options }: any) =>
    new ChatAnthropic({
      apiKey: "any",
      anthropicApiUrl: url,
      model: CLAUDE[0],
      maxTokens: 64,
      ...ONCE,
      ...options,
      clientOptions: { ...laned(resource), defaultHeaders: headers },
    });
  return langchainClient(modelOf, { thinking: { type: "adaptive" } });
}

function chatOpenAi({ ChatOpenAI }: any, url: string, resource: Resource | undefined): Client {
  const modelOf = ({ headers, ...options }: any) =>
    new ChatOpenAI({
      apiKey: "any",
      model: GPT[0],
      ...ONCE,
      ...options,
      configuration: { baseURL: `${url}/v1`, defaultHeaders: headers, ...laned(resource) },
    });
  return langchainClient(modelOf, undefined);
}

const AS_CLAUDE = { models: CLAUDE, overloaded: 529, endsWhenLeft: true } as const;
const AS_GPT = { models: GPT, overloaded: 503, endsWhenLeft: true } as const;
const VERCEL_CLAUDE = {
  model: CLAUDE[0],
  thinking: { anthropic: { thinking: { type: "adaptive" } } },
};
const VERCEL_GPT = {
  model: GPT[0],
  thinking: { openai: { reasoningEffort: "low", reasoningSummary: "auto" } },
};

const wrapped = (ai: any, model: any, resource: Resource | undefined): any =>
  resource === undefined
    ? model
    : ai.wrapLanguageModel({ model, middleware: languageModelLanes(resource, { lane: LANE }) });

/** All of them. */
export const WAYS: readonly Way[] = [
  {
    name: "anthropicLanes in the Anthropic SDK",
    modules: ["@anthropic-ai/sdk"],
    ...AS_CLAUDE,
    client: ([sdk], url, resource) =>
      anthropicClient(
        sdk.default,
        url,
        resource === undefined ? {} : { middleware: [anthropicLanes(resource, { lane: LANE })] },
      ),
  },
  ...["@anthropic-ai/sdk", "@anthropic-ai/sdk-0"].map((module): Way => ({
    name: `aiFetch in ${module}`,
    modules: [module],
    ...AS_CLAUDE,
    client: ([sdk], url, resource) => anthropicClient(sdk.default, url, laned(resource)),
  })),
  ...["openai", "openai-6"].map((module): Way => ({
    name: `aiFetch in ${module}`,
    modules: [module],
    ...AS_GPT,
    client: ([sdk], url, resource) => openaiClient(sdk.default, url, resource),
  })),
  {
    name: "aiFetch in the Vercel AI SDK, Anthropic",
    modules: ["ai", "@ai-sdk/anthropic"],
    ...AS_CLAUDE,
    endsWhenLeft: false,
    client: ([ai, { createAnthropic }], url, resource) => {
      const provider = createAnthropic({ apiKey: "any", baseURL: `${url}/v1`, ...laned(resource) });
      return vercelClient(ai, provider, VERCEL_CLAUDE, "fetch");
    },
  },
  {
    name: "aiFetch in the Vercel AI SDK, OpenAI",
    modules: ["ai", "@ai-sdk/openai"],
    ...AS_GPT,
    endsWhenLeft: false,
    client: ([ai, { createOpenAI }], url, resource) => {
      const provider = createOpenAI({ apiKey: "any", baseURL: `${url}/v1`, ...laned(resource) });
      return vercelClient(ai, provider, VERCEL_GPT, "fetch");
    },
  },
  {
    name: "languageModelLanes in the Vercel AI SDK, Anthropic",
    modules: ["ai", "@ai-sdk/anthropic"],
    ...AS_CLAUDE,
    endsWhenLeft: false,
    client: ([ai, { createAnthropic }], url, resource) => {
      const provider = createAnthropic({ apiKey: "any", baseURL: `${url}/v1` });
      return vercelClient(ai, (model) => wrapped(ai, provider(model), resource), VERCEL_CLAUDE, "model");
    },
  },
  {
    name: "languageModelLanes in the Vercel AI SDK, OpenAI",
    modules: ["ai", "@ai-sdk/openai"],
    ...AS_GPT,
    endsWhenLeft: false,
    client: ([ai, { createOpenAI }], url, resource) => {
      const provider = createOpenAI({ apiKey: "any", baseURL: `${url}/v1` });
      return vercelClient(ai, (model) => wrapped(ai, provider(model), resource), VERCEL_GPT, "model");
    },
  },
  {
    name: "aiFetch in LangChain, Anthropic",
    modules: ["@langchain/anthropic"],
    ...AS_CLAUDE,
    client: ([sdk], url, resource) => chatAnthropic(sdk, url, resource),
  },
  {
    name: "aiFetch in LangChain, OpenAI",
    modules: ["@langchain/openai"],
    ...AS_GPT,
    client: ([sdk], url, resource) => chatOpenAi(sdk, url, resource),
  },
];

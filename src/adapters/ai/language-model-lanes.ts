import { inAttempts } from "../../calls/attempts.ts";
import type { Failed, Succeeded } from "../../calls/attempts.ts";
import { watchStream } from "../../node/watched-stream.ts";
import { taskOf } from "../../calls/task.ts";
import { NO_REPLY } from "../../calls/traffic.ts";
import type { CallPlan, Traffic } from "../../calls/traffic.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import { currentLane } from "../../node/context.ts";
import { PROVIDERS } from "../../providers/known.ts";
import type { HeaderOf, Provider, Usage } from "../../providers/provider.ts";
import { isModelCallError, textBytes, usageOf } from "./language-model.ts";
import type { ModelCall, ModelCallError } from "./language-model.ts";
import { trafficBy } from "./options.ts";
import type { AiLanesOptions } from "./options.ts";

interface NamedModel {
  readonly provider: string;
  readonly modelId: string;
}

/** The reply of a model, of either kind, as far as it is looked at here. */
interface ModelReply {
  readonly response?: { readonly headers?: Readonly<Record<string, string>> | undefined } | undefined;
}

/** The Vercel AI SDK's `LanguageModelMiddleware`, as far as it is used here: the package itself is not needed. */
export interface LanguageModelLanes {
  readonly specificationVersion: "v3";
  /** A whole reply: the seat is held until it is there. */
  wrapGenerate<Call extends ModelCall, Reply extends ModelReply & { readonly usage: unknown }>(options: {
    readonly params: Call;
    readonly model: NamedModel & { doGenerate(call: Call): PromiseLike<Reply> };
  }): Promise<Reply>;
  /** A streamed reply: the seat is held until the stream has ended, or nobody wants it any more. */
  wrapStream<
    Part,
    Call extends ModelCall,
    Reply extends ModelReply & { stream: ReadableStream<Part> },
  >(options: {
    readonly params: Call;
    readonly model: NamedModel & { doStream(call: Call): PromiseLike<Reply> };
  }): Promise<Reply>;
}

/**
 * Middleware for models of the Vercel AI SDK (5 and 6): `generateText`, `streamText`, tools and agents. Each call of the
 * model, so each step of an agent, waits for its turn in its lane, within the resource's seats and rate budgets, is
 * retried at its own place, and holds its seat until its reply has ended.
 *
 * A call names its lane by `providerOptions.laneway.lane` (and its flow by `.flow`); else the option's, else the async
 * context's. A refusal rejects with the `LanewayError`, which the AI SDK does not repeat; nor does it repeat an error of
 * the provider that was retried here. Use either this or `aiFetch` for one model, not both: a call would take two seats.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a wrong option.
 * @example
 * const model = wrapLanguageModel({ model: anthropic("claude-sonnet-5-5"), middleware: languageModelLanes(resource) });
 * await generateText({ model, prompt, providerOptions: { laneway: { lane: "batch" } } });
 */
export function languageModelLanes(resource: Resource, options: AiLanesOptions = {}): LanguageModelLanes {
  const trafficTo = trafficBy("languageModelLanes", resource, options);
  const callOf = (model: NamedModel, params: ModelCall, stream: boolean): ModelTask => {
    const traffic = trafficTo(providerOf(options, model));
    return modelTask(resource, traffic, options, model, params, stream);
  };
  return {
    specificationVersion: "v3",
    wrapGenerate: ({ model, params }) => {
      const task = callOf(model, params, false);
      return run(
        task,
        params,
        (call) => model.doGenerate(call),
        (reply, permit) => {
          end(task, permit, usageOf(reply.usage, task.traffic.provider), false);
          return reply;
        },
      );
    },
    wrapStream: ({ model, params }) => {
      const task = callOf(model, params, true);
      return run(
        task,
        params,
        (call) => model.doStream(call),
        (reply, permit) => ({
          ...reply,
          stream: held(task, permit, reply.stream),
        }),
      );
    },
  };
}

interface ModelTask {
  readonly resource: Resource;
  readonly traffic: Traffic;
  readonly plan: CallPlan;
  readonly lane: string | undefined;
  readonly flow: string | undefined;
}

/** `"anthropic.messages"`, `"openai.responses"`, `"amazon-bedrock.anthropic"`: whose models they are, and whose limits. */
function providerOf(options: AiLanesOptions, model: NamedModel): Provider {
  return PROVIDERS[options.provider ?? (model.provider.includes("anthropic") ? "anthropic" : "openai")];
}

/** Where each provider's models are asked: it tells a call of a model from the others. */
const PATHS = { anthropic: "/v1/messages", openai: "/v1/responses", http: "/" } as const;

function modelTask(
  resource: Resource,
  traffic: Traffic,
  options: AiLanesOptions,
  model: NamedModel,
  params: ModelCall,
  stream: boolean,
): ModelTask {
  const own = params.providerOptions?.["laneway"];
  const lane = textOf(own?.["lane"]) ?? options.lane;
  const plan = traffic.begin({
    method: "POST",
    path: PATHS[traffic.provider.name],
    lane: lane ?? currentLane(),
    body: {
      model: model.modelId,
      maxOutputTokens: params.maxOutputTokens,
      stream,
      service: undefined,
      bytes: textBytes(params.prompt) + textBytes(params.tools),
    },
  });
  return { resource, traffic, plan, lane, flow: textOf(own?.["flow"]) ?? options.flow };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Makes the call; `accept` takes the reply over, with the permit. */
function run<Call extends ModelCall, Reply extends ModelReply>(
  task: ModelTask,
  params: Call,
  ask: (call: Call) => PromiseLike<Reply>,
  accept: (reply: Reply, permit: Permit) => Reply,
): Promise<Reply> {
  const { resource, traffic, plan, lane, flow } = task;
  const signal = params.abortSignal;
  return inAttempts<Reply>(resource, {
    plan,
    task: taskOf({ lane, flow, signal }),
    repeatable: true,
    async attempt(permit, key): Promise<Succeeded<Reply> | Failed<Reply>> {
      try {
        const reply = await ask(callWith(params, permit.signal, key, traffic.provider));
        plan.replied(permit, 200, headerOf(reply.response?.headers));
        permit.answered();
        return { value: accept(reply, permit) };
      } catch (error) {
        if (permit.signal.aborted || !isModelCallError(error)) throw error;
        return failed(task, permit, error);
      }
    },
  });
}

/** The same call, stopped with its permit, and with our key. */
function callWith<Call extends ModelCall>(
  params: Call,
  signal: AbortSignal,
  key: string | undefined,
  provider: Provider,
): Call {
  if (key === undefined) return { ...params, abortSignal: signal };
  // A header that is undefined takes away the one that the model would have sent.
  const headers: Record<string, string | undefined> = { ...params.headers };
  for (const name of provider.credentialHeaders) headers[name] = undefined;
  const [name, value] = provider.keyHeader(key, headerOf(params.headers));
  headers[name] = value;
  return { ...params, abortSignal: signal, headers };
}

function failed<Reply>({ traffic, plan }: ModelTask, permit: Permit, error: ModelCallError): Failed<Reply> {
  const { statusCode: status, responseBody } = error;
  // A reply that came and could not be read is no fault that goes away, and a request that could not be made neither.
  if (status === undefined ? !error.isRetryable : status < 400) throw error;
  const header = headerOf(error.responseHeaders);
  if (status !== undefined) plan.replied(permit, status, header);
  const body = responseBody === undefined ? undefined : Buffer.from(responseBody);
  return {
    verdict: status === undefined ? NO_REPLY : traffic.provider.judge({ status, header, body }),
    giveUp(final) {
      // The AI SDK would multiply our tries by its own.
      if (final && traffic.attempts > 1) error.isRetryable = false;
      throw error;
    },
    forget() {},
  };
}

function held<Part>(task: ModelTask, permit: Permit, stream: ReadableStream<Part>): ReadableStream<Part> {
  let usage: Usage | undefined;
  return watchStream(stream, {
    signal: permit.signal,
    chunk(part) {
      if (typeof part !== "object" || part === null || !("type" in part) || part.type !== "finish") return;
      if ("usage" in part) usage = usageOf(part.usage, task.traffic.provider);
    },
    over: (how) => end(task, permit, usage, how === "failed"),
  });
}

function end({ plan }: ModelTask, permit: Permit, usage: Usage | undefined, isFailed: boolean): void {
  const cost = plan.used(usage);
  permit.release({ failed: isFailed, ...(cost === undefined ? {} : { cost }) });
}

function headerOf(headers: Readonly<Record<string, string | undefined>> | undefined): HeaderOf {
  const lower = new Map(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => lower.get(name);
}

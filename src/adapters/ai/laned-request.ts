/** One HTTP request to a model under a resource: what `aiFetch` and `anthropicLanes` have in common. */

import { lanedHttp } from "../../calls/laned-http.ts";
import { apiPath } from "../../calls/outgoing.ts";
import type { Outgoing } from "../../calls/outgoing.ts";
import { refusalResponse } from "../../calls/refusal.ts";
import { taskOf } from "../../calls/task.ts";
import type { Traffic } from "../../calls/traffic.ts";
import { isLanewayError } from "../../core/errors.ts";
import type { LanewayError } from "../../core/errors.ts";
import type { Resource } from "../../core/resource.ts";
import { currentLane } from "../../node/context.ts";
import { bodyFacts } from "../../providers/body-facts.ts";
import { PROVIDERS, providerByShape, providerOfHost } from "../../providers/known.ts";
import type { HeaderOf, Provider } from "../../providers/provider.ts";
import type { AiLanesOptions } from "./options.ts";

export interface LanedRequest {
  readonly resource: Resource;
  readonly traffic: Traffic;
  readonly options: AiLanesOptions;
  readonly request: Outgoing;
  /** On the resource's clock. */
  readonly deadline?: number | undefined;
  readonly waitedMs: number;
  /** Sends it once. Rejects when no reply came. */
  readonly send: (headers: Headers, signal: AbortSignal) => Promise<Response>;
  /** Told of a refusal, before it is answered. */
  readonly onRefused: (error: LanewayError) => void;
}

/** The reply; a refusal comes as a reply too, in the shape of the provider's own errors. */
export async function lanedRequest(call: LanedRequest): Promise<Response> {
  const { resource, traffic, options, request } = call;
  const { provider } = traffic;
  const lane = request.lane ?? options.lane;
  const path = apiPath(request.url);
  const readable = request.bytes !== undefined && request.method === "POST" && provider.namesModel(path);
  const plan = traffic.begin({
    method: request.method,
    path,
    lane: lane ?? currentLane(),
    body: readable ? bodyFacts(request.bytes) : undefined,
  });
  const { deadline, waitedMs } = call;
  const task = taskOf({
    lane,
    flow: request.flow ?? options.flow,
    signal: request.signal,
    deadline,
    waitedMs: waitedMs > 0 ? waitedMs : undefined,
  });
  const { headers, repeatable } = request;
  try {
    return await lanedHttp({
      resource,
      traffic,
      plan,
      task,
      headers,
      repeatable,
      tellsSdk: true,
      send: call.send,
    });
  } catch (error) {
    if (!isLanewayError(error)) throw error;
    call.onRefused(error);
    return refusalResponse(error, provider);
  }
}

/** Whose protocol a request speaks: what was configured, what it looks like, or whose host it is for. */
export function providerOf(options: AiLanesOptions, url: string, header: HeaderOf): Provider {
  if (options.provider !== undefined) return PROVIDERS[options.provider];
  const byShape = providerByShape(apiPath(url), header);
  if (byShape !== undefined) return byShape;
  if (header("anthropic-version") !== undefined) return PROVIDERS.anthropic;
  const byHost = providerOfHost(new URL(url).host);
  // Most of what is neither speaks OpenAI's protocol.
  return PROVIDERS[byHost === "http" ? "openai" : byHost];
}

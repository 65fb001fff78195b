/** A scenario's defaults, filled in. */

import { parseDuration } from "../../policy/units.ts";
import type { Returning } from "../overload/plan.ts";
import type { AiEntry, PathEntry, RateEntry, ScenarioFile, ScenarioLaneEntry } from "./file.ts";
import { parseObjective } from "./objective.ts";
import { phasesOf } from "./phases.ts";
import { parseRateText } from "./rate.ts";
import type { Rate } from "./rate.ts";
import type { ReadyMadeFor } from "./ready-made.ts";
import { readyMade } from "./ready-made.ts";
import type { Scenario, ScenarioLane, ScenarioRequest } from "./scenario.ts";

/** What the command line and the policy say beside the scenario. */
export interface ScenarioSurroundings extends ReadyMadeFor {
  /** The path of the URL, for lanes that name none. */
  readonly path: string;
  /** The header that claims a lane, and the one that tells flows apart. */
  readonly header: string;
  readonly flowHeader: string;
  /** Calls a second that the service can do, over what the scenario says. */
  readonly rate?: number | undefined;
  /** How long all phases together last, over what the scenario says. */
  readonly durationMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_RATE = "10%";
const DEFAULT_IN_FLIGHT = 20_000;
const DEFAULT_RETURNS = 3;
const MODELS: Readonly<Record<AiEntry["provider"], string>> = {
  anthropic: "claude-haiku-4-5",
  openai: "gpt-5-mini",
};

/** Fills in every default of a scenario that `readScenario` accepted. */
export function resolveScenario(name: string, file: ScenarioFile, around: ScenarioSurroundings): Scenario {
  const lanes = file.lanes ?? readyMade("spike", around)!.lanes!;
  const phases = phasesOf(file, around.durationMs);
  const given = file.rate === undefined ? undefined : parseRateText(file.rate)!.value;
  const header = file.header ?? around.header;
  const timeoutMs = timeoutOf(file.timeout, DEFAULT_TIMEOUT_MS);
  return {
    name,
    about: file.about ?? "Does every lane get what was promised of it?",
    capacity: around.rate ?? given,
    arrivals: file.arrivals ?? "poisson",
    header,
    inFlightMax: file.inFlight ?? DEFAULT_IN_FLIGHT,
    phases,
    lanes: lanes.map((lane) =>
      resolveLane(lane, { around, header, timeoutMs, phases: phases.map((each) => each.name) }),
    ),
  };
}

interface Whole {
  readonly around: ScenarioSurroundings;
  readonly header: string;
  readonly timeoutMs: number;
  readonly phases: readonly string[];
}

function resolveLane(entry: ScenarioLaneEntry, { around, header, timeoutMs, phases }: Whole): ScenarioLane {
  const { name, lane = name, rate = DEFAULT_RATE, during = {} } = entry;
  const { returns, returnsMax } = returning(entry.returns);
  const headers = { [header]: lane, ...entry.headers };
  return {
    name,
    lane,
    timeoutMs: timeoutOf(entry.timeout, timeoutMs),
    returns,
    returnsMax,
    requests: requestsOf(entry, around.path).map((request) => ({
      ...request,
      headers: { ...headers, ...request.headers },
    })),
    flows: flowsOf(entry, around.flowHeader),
    rates: phases.map((phase) => rateOf((Object.hasOwn(during, phase) ? during[phase] : undefined) ?? rate)),
    objectives: (entry.objectives ?? []).map((text) => parseObjective(text)!),
  };
}

function timeoutOf(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : parseDuration(text)!;
}

function rateOf(entry: RateEntry): { from: Rate; to: Rate } {
  const { from, to } = typeof entry === "string" ? { from: entry, to: entry } : entry;
  return { from: parseRateText(from)!, to: parseRateText(to)! };
}

function returning(entry: ScenarioLaneEntry["returns"]): { returns: Returning; returnsMax: number } {
  if (typeof entry === "object") return { returns: entry.after, returnsMax: entry.most ?? DEFAULT_RETURNS };
  return { returns: entry ?? "none", returnsMax: DEFAULT_RETURNS };
}

function flowsOf({ name, flows }: ScenarioLaneEntry, header: string): ScenarioLane["flows"] {
  if (flows === undefined) return undefined;
  const given = typeof flows === "number" ? { count: flows } : flows;
  return {
    count: given.count,
    header: given.header ?? header,
    prefix: given.prefix ?? name,
    skew: given.skew ?? 0,
  };
}

function requestsOf({ ai, paths }: ScenarioLaneEntry, path: string): ScenarioRequest[] {
  if (ai !== undefined) return [aiRequest(ai)];
  return (paths ?? [path]).map((entry) => requestOf(typeof entry === "string" ? { path: entry } : entry));
}

function requestOf({ path, method, weight = 1, headers = {}, body }: PathEntry): ScenarioRequest {
  const json = typeof body === "object";
  return {
    method: (method ?? (body === undefined ? "GET" : "POST")).toUpperCase(),
    path,
    weight,
    headers: json ? { "content-type": "application/json", ...headers } : headers,
    body: json ? JSON.stringify(body) : body,
  };
}

function aiRequest({
  provider,
  model = MODELS[provider],
  maxTokens = 100,
  ...rest
}: AiEntry): ScenarioRequest {
  const { stream = false, prompt = "Say in one sentence why queues grow." } = rest;
  const messages = [{ role: "user", content: prompt }];
  const own =
    provider === "anthropic"
      ? { path: "/v1/messages", headers: { "anthropic-version": "2023-06-01", "x-api-key": "verify" } }
      : { path: "/v1/chat/completions", headers: { authorization: "Bearer verify" } };
  const tokens = provider === "anthropic" ? { max_tokens: maxTokens } : { max_completion_tokens: maxTokens };
  return {
    method: "POST",
    path: own.path,
    weight: 1,
    headers: { "content-type": "application/json", ...own.headers },
    body: JSON.stringify({ model, ...tokens, stream, messages }),
  };
}

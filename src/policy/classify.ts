/**
 * Where a request belongs: the first rule that matches gives the lane, else the default lane; a claim may then lower or
 * raise it. Compiled once per policy, for every request of a gateway passes through here.
 */

import { invalid } from "../core/errors.ts";
import { plainAddress } from "./address.ts";
import { forwardedLane, LANE_HEADER } from "./forwarded.ts";
import {
  hostMatcher,
  hostPatternProblem,
  pathMatcher,
  pathPatternProblem,
  pathReadings,
  valueMatcher,
} from "./pattern.ts";
import type { Matcher } from "./pattern.ts";
import type { Policy, Rule } from "./policy.ts";
import { Callers, isCredentialHeader, shortHash, weighClaim } from "./trust.ts";
import type { Caller, Ranks } from "./trust.ts";

/** What a request tells. */
export interface RequestFacts {
  readonly method: string;
  /** The request target as it was sent, query included. */
  readonly path: string;
  /** The value of a header; `name` is lower-case. */
  header(name: string): string | undefined;
  /** With or without port. Default: the `host` header. */
  readonly host?: string | undefined;
  /** The model that an AI call names. */
  readonly model?: string | undefined;
  readonly remoteAddress?: string | undefined;
}

/** What became of a claimed lane. */
export interface Claim {
  readonly claimed: string;
  readonly decision: "granted" | "lowered" | "capped" | "not-trusted" | "unknown-lane";
}

/** Where a request belongs, and why. */
export interface Classification {
  readonly lane: string;
  /** The resource that the rule names. */
  readonly resource: string | undefined;
  readonly flow: string;
  /**
   * What chose the lane: `"laneway.yaml:17 path /api/export/**"`, `"default lane"`, with what a claim changed:
   * `"default lane, lowered to bulk by x-priority"`. One of finitely many texts, whatever clients send.
   */
  readonly rule: string;
  readonly claim: Claim | undefined;
  /** The listed caller that the request comes from. */
  readonly caller: string | undefined;
}

/** A flow's name is a key of many maps and a word of many messages: it is kept short. */
const FLOW_LENGTH_MAX = 128;

interface CompiledRule {
  readonly rank: number;
  /** The rank, but above all others for an exempt lane, wherever it is listed. */
  readonly standing: number;
  readonly resource: string | undefined;
  readonly text: string;
  readonly method: string | undefined;
  readonly path: Matcher | undefined;
  readonly headers: readonly { readonly name: string; readonly matches: Matcher }[];
  readonly model: Matcher | undefined;
  readonly host: Matcher | undefined;
}

/**
 * Compiles the rules, callers and flow settings of a policy.
 *
 * @throws LanewayError `LANEWAY_INVALID` when they name a lane or a resource that there is not; a policy that was read
 * from a file never does.
 */
export function compileClassify(policy: Policy): (request: RequestFacts) => Classification {
  const names = policy.lanes.map(({ name }) => name);
  const byName = new Map(names.map((name, rank) => [name, rank]));
  const claimable = policy.lanes.flatMap(({ exempt }, rank) => (exempt ? [] : [rank]));
  const ranks: Ranks = { names, byName, claimable, defaultRank: byName.get(policy.defaultLane) ?? -1 };
  rankOf(policy.defaultLane, "defaultLane", ranks);
  for (const { resource } of policy.classify) knownResource(policy, resource);
  const rules = policy.classify.map((rule, index) => compileRule(rule, index, policy.file, ranks));
  const otherwise: CompiledRule = {
    ...NO_CONDITIONS,
    ...standing(ranks.defaultRank, ranks),
    resource: undefined,
    text: "default lane",
  };
  const callers = new Callers(
    policy.trust.callers,
    (lane) => rankOf(lane, "trust: upTo", ranks),
    names.length,
  );
  const claimHeader = policy.trust.header.toLowerCase();
  const flowOf = compileFlow(policy.flow.header?.toLowerCase());

  return (request) => {
    const rule = choose(rules, otherwise, request);
    const caller = callers.find(request);
    // A service that calls this one says it by a header of its own: what `trust.header` names may mean something else there.
    const forwarded = forwardedLane(request);
    const header = forwarded === undefined ? claimHeader : LANE_HEADER;
    const claimed = forwarded ?? request.header(claimHeader);
    const weighed = weighClaim(claimed, header, rule.rank, ranks, caller);
    const rank = weighed?.rank ?? rule.rank;
    const claim = weighed?.claim;
    return {
      lane: names[rank]!,
      resource: rule.resource,
      flow: flowOf(request, caller),
      rule:
        rank === rule.rank
          ? rule.text
          : `${rule.text}, ${rank > rule.rank ? "lowered" : "raised"} to ${names[rank]!} by ${header}`,
      claim,
      caller: caller?.name,
    };
  };
}

function rankOf(lane: string, place: string, { names, byName }: Ranks): number {
  const rank = byName.get(lane);
  if (rank === undefined) throw invalid(`${place}: lane`, `one of ${names.join(", ")}`, lane);
  return rank;
}

function knownResource({ resources }: Policy, name: string | undefined): void {
  if (name === undefined || Object.hasOwn(resources, name)) return;
  throw invalid(
    "classify: resource",
    `one of ${Object.keys(resources).join(", ") || "none, for the policy has no resources"}`,
    name,
  );
}

function standing(rank: number, { claimable }: Ranks): { rank: number; standing: number } {
  return { rank, standing: claimable.includes(rank) ? rank : -1 };
}

const NO_CONDITIONS = {
  method: undefined,
  path: undefined,
  headers: [],
  model: undefined,
  host: undefined,
} as const;

function compileRule(rule: Rule, index: number, file: string | undefined, ranks: Ranks): CompiledRule {
  const { path, method, model, host } = rule;
  const at = `classify[${index}]`;
  const problem =
    (path === undefined ? undefined : pathPatternProblem(path)) ??
    (host === undefined ? undefined : hostPatternProblem(host));
  if (problem !== undefined) throw invalid(at, problem, path ?? host);
  const headers = Object.entries(rule.header ?? {}).map(([name, pattern]) => ({
    name: name.toLowerCase(),
    matches: valueMatcher(pattern),
  }));
  return {
    ...standing(rankOf(rule.lane, at, ranks), ranks),
    resource: rule.resource,
    text: ruleText(rule, index, file),
    method: method?.toUpperCase(),
    path: path === undefined ? undefined : pathMatcher(path),
    headers,
    model: model === undefined ? undefined : valueMatcher(model),
    host: host === undefined ? undefined : hostMatcher(host),
  };
}

/** Names of headers only: their values may be secrets. */
function ruleText(
  { path, method, header, model, host, line }: Rule,
  index: number,
  file: string | undefined,
): string {
  const where = line === undefined ? `rule ${index + 1}` : `${file ?? "policy"}:${line}`;
  const conditions = [
    method === undefined ? [] : `method ${method.toUpperCase()}`,
    host === undefined ? [] : `host ${host}`,
    path === undefined ? [] : `path ${path}`,
    Object.keys(header ?? {}).map((name) => `header ${name.toLowerCase()}`),
    model === undefined ? [] : `model ${model}`,
  ].flat();
  return `${where} ${conditions.length === 0 ? "every request" : conditions.join(" ")}`;
}

function choose(
  rules: readonly CompiledRule[],
  otherwise: CompiledRule,
  request: RequestFacts,
): CompiledRule {
  if (rules.length === 0) return otherwise;
  const readings = pathReadings(request.path);
  const first = firstMatch(rules, readings[0], request) ?? otherwise;
  if (readings.length < 2) return first;
  // Two ways to read the path: neither may get it more than the other would.
  const second = firstMatch(rules, readings[1], request) ?? otherwise;
  return first.standing > second.standing ? first : second;
}

function firstMatch(
  rules: readonly CompiledRule[],
  path: string | undefined,
  request: RequestFacts,
): CompiledRule | undefined {
  for (const rule of rules) {
    if (rule.path !== undefined && (path === undefined || !rule.path(path))) continue;
    if (rule.method !== undefined && rule.method !== request.method) continue;
    if (rule.model !== undefined && (request.model === undefined || !rule.model(request.model))) continue;
    if (rule.host !== undefined && !matchesText(rule.host, request.host ?? request.header("host"))) continue;
    if (rule.headers.every(({ name, matches }) => matchesText(matches, request.header(name)))) return rule;
  }
  return undefined;
}

function matchesText(matches: Matcher, value: unknown): boolean {
  return typeof value === "string" && matches(value);
}

function compileFlow(
  header: string | undefined,
): (request: RequestFacts, caller: Caller | undefined) => string {
  const credential = header !== undefined && isCredentialHeader(header);
  return (request, caller) => {
    const value = header === undefined ? undefined : request.header(header);
    if (typeof value === "string" && value !== "") {
      if (!credential) return value.length > FLOW_LENGTH_MAX ? value.slice(0, FLOW_LENGTH_MAX) : value;
      // A listed caller's own name says more than the hash of the credential that it is known by.
      return (caller?.byKey === true ? caller.flow : undefined) ?? shortHash(value);
    }
    if (caller?.flow !== undefined) return caller.flow;
    return request.remoteAddress === undefined ? "unknown" : plainAddress(request.remoteAddress);
  };
}

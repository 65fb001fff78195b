/** `laneway explain METHOD PATH`: the lane of a request, what chose it, and what awaits it there. */

import { shares } from "../core/seats.ts";
import { providerByShape } from "../providers/known.ts";
import { compileClassify } from "../policy/classify.ts";
import type { Claim, Classification, RequestFacts } from "../policy/classify.ts";
import { checkResource } from "../policy/options.ts";
import { defaultPolicy, loadPolicy, seatsAtStart, withOwnRequests } from "../policy/policy.ts";
import type { Policy, PolicyLane, PolicyResource } from "../policy/policy.ts";
import { PolicyError } from "../policy/problems.ts";
import { isCredentialHeader } from "../policy/trust.ts";
import { showDuration } from "../policy/units.ts";
import type { ShownForecast } from "../admin/wire.ts";
import { callFacts, callRows } from "./calls.ts";
import { forecastFor, forecastText } from "./explain-live.ts";
import { AdminError } from "./live/admin-port.ts";
import type { AdminPortOptions } from "./live/admin-port.ts";
import { clean } from "./top/words.ts";
import { data, paint, talk, unreadable } from "./output.ts";

/** What the command line may say. */
export interface ExplainOptions extends AdminPortOptions {
  /** `name: value`, each. */
  readonly header?: readonly string[];
  readonly model?: string;
  /** The client's address. */
  readonly from?: string;
  readonly json?: boolean;
  /** Ask what runs. */
  readonly live?: boolean;
}

/** The file that is used when it exists and none is named. */
const DEFAULT_FILE = "laneway.yaml";

/** Returns the exit code: 0 explained, 4 when the policy is invalid, 1 when its file cannot be read or nobody answers. */
export async function explainCommand(
  method: string,
  path: string,
  options: ExplainOptions = {},
): Promise<number> {
  const found = await policyFor(options.policy);
  if (typeof found === "number") return found;
  const policy = withOwnRequests(found);
  const request = requestOf(method, path, options);
  const classification = compileClassify(policy)(request);
  const target = targetOf(policy, classification, request);
  const lane = (target.resource?.lanes ?? policy.lanes).find(({ name }) => name === classification.lane)!;
  const calls =
    target.resource === undefined ? undefined : callFacts(target.resource, lane.name, options.model);
  const now = await liveFor(options, target.resource?.name, classification);
  if (now === undefined && options.live === true) return 1;
  if (options.json === true) {
    const seats = target.resource === undefined ? undefined : seatsOf(policy, target.resource, lane.name);
    data(
      JSON.stringify(
        {
          policy: policy.file ?? null,
          ...classification,
          resource: target.resource?.name,
          seats,
          ...calls,
          laneSettings: lane,
          ...(now === undefined ? {} : { now }),
        },
        undefined,
        2,
      ),
    );
    return 0;
  }
  if (policy.file === undefined) talk(`no ${DEFAULT_FILE} here and no --policy: these are the defaults`);
  const rows = [
    ["lane", paint(process.stdout, "bold", lane.name)],
    ["rule", classification.rule],
    ["claim", claimText(policy, classification)],
    ["flow", flowText(policy, classification, request)],
    ["resource", target.text],
    ...(calls === undefined ? [] : callRows(calls)),
    [
      "there",
      lane.exempt ? "exempt: takes no seat and never waits" : seatText(policy, target.resource, lane),
    ],
    [
      "waits",
      lane.exempt
        ? "-"
        : `at most ${showDuration(lane.queue.timeoutMs)}, with up to ${lane.queue.max} in the lane's queue`,
    ],
    ["in all", `at most ${showDuration(lane.timeoutMs)}, waiting and running`],
    ...(now === undefined
      ? []
      : [
          [
            "now",
            `${forecastText(now)}${policy.enforce ? "" : " (shadow mode: it goes ahead all the same)"}`,
          ],
        ]),
  ];
  for (const [name, text] of rows) data(`${name!.padEnd(10)}${text}`);
  if (policy.classify.some(({ model }) => model !== undefined) && options.model === undefined) {
    talk("some rules ask for the model of an AI call: name one with --model");
  }
  return 0;
}

/** Undefined when nobody was asked, or nobody could say; the latter has been said then. */
async function liveFor(
  options: ExplainOptions,
  resource: string | undefined,
  { lane, flow }: Classification,
): Promise<ShownForecast | undefined> {
  if (options.live !== true) return undefined;
  try {
    if (resource === undefined)
      throw new AdminError("no resource takes this path, so it would stand nowhere");
    return await forecastFor({ resource, lane, flow }, options);
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    talk(`laneway explain: --live: ${clean(error.message, true)}`);
    return undefined;
  }
}

async function policyFor(file: string | undefined): Promise<Policy | number> {
  try {
    return await loadPolicy(file ?? DEFAULT_FILE);
  } catch (error) {
    if (error instanceof PolicyError) {
      talk(error.message);
      talk(`\nlaneway explain: ${error.file} is not a valid policy`);
      return 4;
    }
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (file === undefined && missing) return defaultPolicy();
    talk(`laneway explain: ${unreadable(file ?? DEFAULT_FILE, error)}`);
    return 1;
  }
}

function requestOf(method: string, path: string, { header = [], model, from }: ExplainOptions): RequestFacts {
  const headers = new Map<string, string>();
  for (const line of header) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    const before = headers.get(name);
    const value = line.slice(colon + 1).trim();
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return {
    method: method.toUpperCase(),
    path,
    header: (name) => headers.get(name),
    model,
    remoteAddress: from,
  };
}

/**
 * Where it goes: where the rule says, else by the shape of its path, as the gateway decides. A policy without any
 * upstream is one of a program, whose adapters take the resource "http", or the only one there is.
 */
function targetOf(
  policy: Policy,
  { resource: named }: Classification,
  request: RequestFacts,
): { resource: PolicyResource | undefined; text: string } {
  const told = (resource: PolicyResource, why: string) => ({
    resource,
    text: `${resource.name} (${seatsAtStart(resource)} seats${resource.limit === seatsAtStart(resource) ? "" : " to begin with"}), ${why}`,
  });
  if (named !== undefined) return told(policy.resources[named]!, "which the rule names");
  const resources = Object.values(policy.resources);
  const all = resources.filter(({ upstream }) => upstream !== undefined);
  if (all.length === 0) {
    const own = policy.resources["http"] ?? (resources.length === 1 ? resources[0] : undefined);
    if (own !== undefined) return told(own, "in the program that serves it: it has no upstream");
  }
  const shape = providerByShape(request.path.replace(/[?#].*$/, ""), (name) => request.header(name))?.name;
  const own = shape === undefined ? undefined : all.find(({ provider }) => provider === shape);
  if (own !== undefined) return told(own, `the first for ${shape} calls`);
  const plain = all.find(({ name }) => name === "http") ?? all.find(({ provider }) => provider === "http");
  if (plain !== undefined) return told(plain, "the one for plain HTTP");
  if (all.length === 1) return told(all[0]!, "the only one with an upstream");
  return {
    resource: undefined,
    text:
      all.length === 0
        ? 'none: the gateway takes one with an upstream, a program the one named "http", or the only one'
        : "none takes this path: the gateway would answer 404",
  };
}

function seatsOf(
  policy: Policy,
  resource: PolicyResource,
  name: string,
): { reservation: number; floor: number; ceiling: number; limit: number } {
  const lanes = checkResource(policy, resource);
  const { reservation, floor, ceiling } = shares(seatsAtStart(resource), lanes)[
    lanes.findIndex((lane) => lane.name === name)
  ]!;
  return { reservation, floor, ceiling, limit: seatsAtStart(resource) };
}

function seatText(policy: Policy, resource: PolicyResource | undefined, lane: PolicyLane): string {
  if (resource === undefined)
    return `${share(lane.reservation)} of a resource reserved, ${share(lane.lendable)} of that lent while idle`;
  const { reservation, floor, ceiling, limit } = seatsOf(policy, resource, lane.name);
  const kept = floor === 0 ? "" : ` (${floor} of them never lent)`;
  return `${reservation} of ${limit} seats reserved${kept}, at most ${ceiling} at once`;
}

function share(value: number | string): string {
  return typeof value === "number" ? `${value} seats` : value;
}

const DECISIONS: Readonly<Record<Claim["decision"], string>> = {
  granted: "granted",
  lowered: "granted: a claim may always lower",
  capped: "granted only as far as the caller's upTo",
  "not-trusted": "ignored: only a listed caller may raise",
  "unknown-lane": "ignored: there is no such lane",
};

function claimText(policy: Policy, { claim, caller }: Classification): string {
  const from = caller === undefined ? "not a listed caller" : `listed caller ${caller}`;
  if (claim === undefined) return `none (no ${policy.trust.header} header; ${from})`;
  return `${policy.trust.header}: ${claim.claimed}, ${DECISIONS[claim.decision]} (${from})`;
}

function flowText(policy: Policy, { flow, caller }: Classification, request: RequestFacts): string {
  const { header } = policy.flow;
  if (header !== undefined && request.header(header)) {
    return `${flow} (header ${header}${isCredentialHeader(header) && flow !== caller ? ", shown as a hash" : ""})`;
  }
  if (caller !== undefined && flow === caller) return `${flow} (the listed caller)`;
  return request.remoteAddress === undefined
    ? "the client's address (name one with --from)"
    : `${flow} (the client's address)`;
}

/**
 * Step one for a request that comes in: which resource it needs, in which lane, for whom, and what says so. All adapters
 * for incoming requests decide it here, so that a policy means the same under each of them.
 */

import { invalid } from "../core/errors.ts";
import type { Resource } from "../core/resource.ts";
import type { Classification, RequestFacts } from "../policy/classify.ts";
import { forwardedDeadlineMs } from "../policy/forwarded.ts";
import type { Laneway } from "../policy/laneway.ts";
import { claimCounts } from "./claims.ts";
import type { ClaimCounts } from "./claims.ts";
import type { LaneOptions } from "./options.ts";
import { Timeouts } from "./timeouts.ts";

/** Where one request goes. */
export interface Decision {
  readonly resource: Resource;
  readonly lane: string;
  readonly flow: string;
  /** What chose the lane: a rule with its line, the route, or a function of the application. */
  readonly rule: string;
  /** Milliseconds that the service which sent it has left for it; undefined when that says nothing. */
  readonly leftMs: number | undefined;
  /** Milliseconds that it may take in all: the lane's time-out, or `leftMs` where that is less. */
  readonly timeoutMs: number;
  /** False in shadow mode, where nothing is held back and no deadline holds. */
  readonly enforced: boolean;
}

/** A class, for of what lives as long as a request nothing may be a literal (see `around.ts`). */
class Decided implements Decision {
  readonly resource: Resource;
  readonly lane: string;
  readonly flow: string;
  readonly rule: string;
  readonly leftMs: number | undefined;
  readonly timeoutMs: number;
  readonly enforced: boolean;

  constructor(
    resource: Resource,
    lane: string,
    flow: string,
    rule: string,
    leftMs: number | undefined,
    timeoutMs: number,
    enforced: boolean,
  ) {
    this.resource = resource;
    this.lane = lane;
    this.flow = flow;
    this.rule = rule;
    this.leftMs = leftMs;
    this.timeoutMs = timeoutMs;
    this.enforced = enforced;
  }
}

const KNOWN: ReadonlySet<string> = new Set("lane flow skip onShed headers resource hook laneway".split(" "));

/** A policy with the options of one adapter, checked once. */
export class Gate<Request, Shed> {
  readonly laneway: Laneway;
  readonly options: LaneOptions<Request, Shed>;
  /** Whether replies say which lane they had. */
  readonly tellsLane: boolean;
  readonly #claims: ClaimCounts;
  readonly #timeouts = new Timeouts();

  /**
   * `place` is the name by which its user called the adapter.
   *
   * @throws LanewayError `LANEWAY_INVALID` for a wrong option, an unknown lane or resource, naming those there are.
   */
  constructor(place: string, laneway: Laneway, options: LaneOptions<Request, Shed> = {}) {
    if (typeof laneway?.classify !== "function") throw invalid(place, "a Laneway", laneway);
    if (typeof options !== "object" || options === null)
      throw invalid(`${place}: options`, "an object", options);
    for (const name of Object.keys(options))
      if (!KNOWN.has(name)) throw invalid(place, `an option out of ${[...KNOWN].join(", ")}`, name);
    this.laneway = laneway;
    this.options = options;
    this.tellsLane = options.headers ?? true;
    this.#claims = claimCounts(laneway);
    this.#check(place);
  }

  /** @throws LanewayError `LANEWAY_INVALID`, naming the lanes there are. */
  checkLane(place: string, lane: unknown): void {
    const names = this.laneway.policy.lanes.map(({ name }) => name);
    if (!names.includes(lane as string)) throw invalid(place, `one of ${names.join(", ")}`, lane);
  }

  /**
   * Where a request goes. `routeLane` is the lane that its route was given, which comes before the policy's rules.
   *
   * @throws LanewayError `LANEWAY_INVALID` when a function of the options names a lane that there is not.
   */
  decide(facts: RequestFacts, request: Request, routeLane?: string): Decision {
    const { lane: laneOption, flow: flowOption, resource: resourceOption } = this.options;
    const classification = this.laneway.classify(facts);
    if (classification.claim !== undefined) this.#claims.count(classification);
    let { lane, flow, rule } = classification;
    const chosen = typeof laneOption === "function" ? laneOption(request, classification) : laneOption;
    if (routeLane !== undefined) {
      lane = routeLane;
      rule = BY_ROUTE;
    } else if (chosen !== undefined) {
      lane = chosen;
      rule = laneOption === chosen ? BY_ROUTE : BY_FUNCTION;
    }
    if (flowOption !== undefined)
      flow = (typeof flowOption === "function" ? flowOption(request, classification) : flowOption) ?? flow;
    const resource =
      resourceOption === undefined ? this.#resourceOf(classification) : this.laneway.resource(resourceOption);
    const { policy } = this.laneway;
    const leftMs = forwardedDeadlineMs(facts);
    const timeoutMs = Math.min(this.#timeouts.of(policy, resource.name, lane), leftMs ?? Infinity);
    return new Decided(resource, lane, flow, rule, leftMs, timeoutMs, policy.enforce);
  }

  #resourceOf({ resource: named }: Classification): Resource {
    const { resources } = this.laneway;
    const resource = resources.get(named ?? "http");
    if (resource !== undefined) return resource;
    if (resources.size === 1) for (const only of resources.values()) return only;
    throw invalid("resource", `"http", or the only one there is`, [...resources.keys()].join(", "), ADVICE);
  }

  #check(place: string): void {
    const { lane, resource, flow, skip, onShed, headers } = this.options;
    if (lane !== undefined && typeof lane !== "function") this.checkLane(`${place}: lane`, lane);
    if (flow !== undefined && typeof flow !== "function" && typeof flow !== "string")
      throw invalid(`${place}: flow`, "a text or a function", flow);
    if (skip !== undefined && typeof skip !== "function") throw invalid(`${place}: skip`, "a function", skip);
    if (onShed !== undefined && typeof onShed !== "function")
      throw invalid(`${place}: onShed`, "a function", onShed);
    if (headers !== undefined && typeof headers !== "boolean")
      throw invalid(`${place}: headers`, "true or false", headers);
    const names = [...this.laneway.resources.keys()];
    if (resource === undefined) {
      if (names.length === 1 || names.includes("http")) return;
      const found = names.length === 0 ? "none" : names.join(", ");
      throw invalid(place, `a policy with a resource named "http", or with one only`, found, ADVICE);
    }
    if (!names.includes(resource))
      throw invalid(
        `${place}: resource`,
        `one of ${names.join(", ") || "none, for the policy has no resources"}`,
        resource,
      );
  }
}

const BY_ROUTE = "the route";
const BY_FUNCTION = "the lane option";
const ADVICE = `add "http" to the policy's resources, or name one by the option "resource"`;

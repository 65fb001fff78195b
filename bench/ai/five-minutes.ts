/**
 * Five simulated minutes of overload against the stand-in upstream's own books: everything between a caller and an AI
 * provider but the bytes. Costs are guessed from sizes, the upstream counts for itself and answers with the headers of
 * the real one, and what replies tell of their usage is learned from.
 */

import { NO_REPLY, Traffic } from "../../src/calls/traffic.ts";
import type { CallPlan } from "../../src/calls/traffic.ts";
import type { BudgetOptions, Cost } from "../../src/core/options.ts";
import type { Permit } from "../../src/core/permit.ts";
import { Resource } from "../../src/node/resource.ts";
import { anthropic } from "../../src/providers/anthropic.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import type { Random } from "../../src/testing/random.ts";
import { anthropicDialect } from "../../src/verify/stand-in/anthropic.ts";
import { modelClassOf, UpstreamBudgets } from "../../src/verify/stand-in/upstream-budgets.ts";
import type { Charge, Standing } from "../../src/verify/stand-in/upstream-budgets.ts";

const MINUTES = 5;
const MINUTE_MS = 60_000;
/** Headers hold dates, so simulated time needs a place in the calendar. */
const EPOCH_MS = Date.UTC(2028, 0, 1);
/** From us to the upstream, and back. */
const TRAVEL_MS = 5;
const MODEL = "claude-sonnet-5-5";
const SIZES: Required<Cost> = { requests: 4_000, inputTokens: 400_000, outputTokens: 80_000 };
const KINDS = ["requests", "inputTokens", "outputTokens"] as const;

/** Who asks for how much. */
export interface Demand {
  readonly lanes: readonly string[];
  /** In times of what the tightest budget gives. */
  readonly overload: number;
  /** The share of a bucket that floors keep for lanes that do not ask. */
  readonly kept: number;
}

/** Each lane alone asks for more than there is. */
export const FIVE_LANES: Demand = {
  lanes: ["critical", "high", "normal", "low", "bulk"],
  overload: 6,
  kept: 0,
};
/** Half of the 40 % of `critical` is never lent. */
export const LOWEST_ALONE: Demand = { lanes: ["bulk"], overload: 2, kept: 0.2 };

/** What is asked, by whom, and how the upstream counts. */
export interface FiveMinutes extends Demand {
  /** What of the output the upstream charges when a call starts. */
  readonly outputCharge: "max-tokens" | "actual";
  readonly seed: number;
}

/** What came of it. */
export interface Spent {
  /** Tries that the upstream refused. */
  readonly refused: number;
  /** Used of the tightest budget, of all that the lanes could have: a full bucket and its refill, less what floors keep. 0 to 1. */
  readonly used: number;
}

interface Asked {
  readonly lane: string;
  readonly bytes: number;
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
  readonly outputTokens: number;
  readonly runMs: number;
}

/** Plays it. */
export async function fiveMinutes(play: FiveMinutes): Promise<Spent> {
  const random = seeded(play.seed);
  const clock = new TestClock();
  const budgets: BudgetOptions = SIZES;
  const next = (): number => random.next();
  const resource = new Resource({ name: "ai", limit: 200, budgets, clock, random: next });
  const wall = (): number => EPOCH_MS + clock.now();
  const retry = { attempts: 3, budget: 0.1 };
  const options = { keys: ["key"], retry, random: next, now: () => clock.now(), wall };
  const traffic = new Traffic(resource, anthropic, options);
  const upstream = new Upstream(play.outputCharge, wall);
  const perMinute = SIZES.outputTokens / MEAN_OUTPUT;
  while (clock.now() < MINUTES * MINUTE_MS) {
    const asked = draw(random, play.lanes);
    void call(asked, resource, traffic, upstream, clock).catch(() => undefined);
    await clock.advance(random.exponential(MINUTE_MS / (perMinute * play.overload)));
  }
  const counts = upstream.counts();
  const used = Math.max(...KINDS.map((kind) => counts[kind] / (SIZES[kind] * (1 + MINUTES - play.kept))));
  return { refused: counts.refused, used };
}

const MEAN_OUTPUT = 400;
const STEPS = 20;

function draw(random: Random, lanes: readonly string[]): Asked {
  const bytes = 300 + Math.ceil(random.exponential(5_000));
  const maxOutputTokens = random.pick([512, 1_024, 2_048]);
  return {
    lane: random.pick(lanes),
    bytes,
    inputTokens: Math.ceil(bytes / (3.6 + 0.8 * random.next())),
    maxOutputTokens,
    outputTokens: Math.min(maxOutputTokens, Math.ceil(random.exponential(MEAN_OUTPUT))),
    runMs: 500 + random.exponential(3_000),
  };
}

/** One call as an adapter makes it: a permit, a try, and again at its own place while that helps. */
async function call(
  asked: Asked,
  resource: Resource,
  traffic: Traffic,
  upstream: Upstream,
  clock: TestClock,
): Promise<void> {
  const { bytes, lane, maxOutputTokens } = asked;
  const body = { model: MODEL, maxOutputTokens, stream: false, service: undefined, bytes };
  const plan = traffic.begin({ method: "POST", path: "/v1/messages", lane, body });
  let permit = await resource.acquire({ lane, cost: plan.cost, budget: plan.budgets });
  for (;;) {
    await clock.sleep(TRAVEL_MS);
    const answer = upstream.start(asked);
    if (!("retryAfterMs" in answer)) return finish(asked, plan, permit, answer, upstream, clock);
    const header = upstream.headers(answer.standing, answer.retryAfterMs);
    await clock.sleep(TRAVEL_MS);
    plan.replied(permit, 429, header);
    const again = plan.failed(permit, anthropic.judge({ status: 429, header, body: undefined }) ?? NO_REPLY);
    if (again === undefined)
      return permit.release({ failed: true, cost: { requests: 1, inputTokens: 0, outputTokens: 0 } });
    permit = await permit.requeue({ afterMs: again, budget: plan.budgets });
  }
}

async function finish(
  asked: Asked,
  plan: CallPlan,
  permit: Permit,
  charge: Charge,
  upstream: Upstream,
  clock: TestClock,
): Promise<void> {
  const { inputTokens, outputTokens, runMs } = asked;
  // Written bit by bit, and counted so: what is under way when the five minutes end has used what it has written.
  for (let step = 1; step <= STEPS; step++) {
    await clock.sleep(runMs / STEPS);
    charge.written(Math.ceil((outputTokens * step) / STEPS));
  }
  const header = upstream.headers(charge.standing, undefined);
  charge.end(outputTokens, true);
  await clock.sleep(TRAVEL_MS);
  plan.replied(permit, 200, header);
  const cost = plan.used({ inputTokens, outputTokens, final: true });
  permit.release(cost === undefined ? {} : { cost });
}

/** The stand-in's books, without its HTTP. */
class Upstream {
  readonly #budgets: UpstreamBudgets;
  readonly #wall: () => number;
  readonly #dialect: ReturnType<typeof anthropicDialect>;

  constructor(outputCharge: "max-tokens" | "actual", wall: () => number) {
    this.#wall = wall;
    this.#budgets = new UpstreamBudgets({ limits: () => SIZES, outputCharge, now: wall });
    this.#dialect = anthropicDialect({ origin: () => "", pollsBeforeEnd: 1, now: wall });
  }

  start({ inputTokens, maxOutputTokens }: Asked): ReturnType<UpstreamBudgets["start"]> {
    return this.#budgets.start({ key: "key", modelClass: modelClassOf(MODEL), inputTokens, maxOutputTokens });
  }

  headers(standing: Standing, retryAfterMs: number | undefined): (name: string) => string | undefined {
    const headers = this.#dialect.limitHeaders(standing, this.#wall());
    if (retryAfterMs !== undefined)
      headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
    return (name) => headers[name];
  }

  counts(): Required<Cost> & { readonly refused: number } {
    const { started, refused429, inputTokens, outputTokens } = this.#budgets.counts();
    return { requests: started, inputTokens, outputTokens, refused: refused429 };
  }
}

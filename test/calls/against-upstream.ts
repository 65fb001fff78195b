/** Laneway's books against those of an upstream that enforces its own, in simulated time: no HTTP, no key, no network. */

import { Traffic } from "../../src/calls/traffic.ts";
import type { Permit } from "../../src/core/permit.ts";
import { Resource } from "../../src/node/resource.ts";
import { anthropic } from "../../src/providers/anthropic.ts";
import type { BodyFacts, HeaderOf } from "../../src/providers/provider.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import type { Random } from "../../src/testing/random.ts";
import { UpstreamBudgets } from "../../src/verify/stand-in/upstream-budgets.ts";
import type { Standing } from "../../src/verify/stand-in/upstream-budgets.ts";

const MODEL = "claude-sonnet-4-5";
const CLASS = "claude-sonnet-4";

export interface Trial {
  readonly seed: number;
  readonly minutes: number;
  readonly outputCharge: "max-tokens" | "actual";
  readonly limits: { readonly requests: number; readonly inputTokens: number; readonly outputTokens: number };
  /** Lanes with calls, each always with more than can be served. */
  readonly lanes: readonly string[];
  readonly maxTokens: number;
  /** Bytes of the upstream's own tokenizer for one token. */
  readonly bytesPerToken: number;
  readonly msPerToken: number;
  /** Streams show their head when they begin; other replies when they are whole, with the books as they are then. */
  readonly stream: boolean;
}

export interface Outcome {
  /** Refusals after the first minute: what had to be learned is learned by then. */
  readonly refused: number;
  readonly refusedEarly: number;
  /** Used of what each bucket gave after the first minute: 1 is all. */
  readonly usedParts: {
    readonly requests: number;
    readonly inputTokens: number;
    readonly outputTokens: number;
  };
}

/** Offers more than fits for so long, and compares what the upstream counted with what it would have let in. */
export async function tryBudgets(trial: Trial): Promise<Outcome> {
  const clock = new TestClock();
  const random = seeded(trial.seed);
  const now = (): number => clock.now();
  const upstream = new UpstreamBudgets({ limits: () => trial.limits, outputCharge: trial.outputCharge, now });
  const resource = new Resource({
    name: "claude",
    limit: 200,
    lanes: trial.lanes.map((name) => ({
      name,
      queue: { max: 10_000, timeoutMs: 3_600_000 },
      timeoutMs: 3_600_000,
    })),
    budgets: { ...trial.limits, spreadMs: 50 },
    aging: false,
    clock,
  });
  const options = { retry: { attempts: 3, budget: 0.1 }, random: () => random.next(), now, wall: now };
  const traffic = new Traffic(resource, anthropic, options);
  const open = { is: true };
  const caller = async (lane: string): Promise<void> => {
    while (open.is) {
      const outcome = call({ trial, clock, random, upstream, resource, traffic, lane });
      // Refused: it comes back a little later, as a client would.
      await outcome.catch(() => clock.sleep(1_000));
    }
  };
  const callers = trial.lanes.flatMap((lane) => Array.from({ length: 300 }, () => caller(lane)));
  await clock.advance(60_000);
  const before = upstream.counts();
  await clock.advance(trial.minutes * 60_000);
  const after = upstream.counts();
  open.is = false;
  void Promise.allSettled(callers);
  const part = (used: number, perMinute: number): number => used / (perMinute * trial.minutes);
  return {
    refused: after.refused429 - before.refused429,
    refusedEarly: before.refused429,
    usedParts: {
      requests: part(after.started - before.started, trial.limits.requests),
      inputTokens: part(after.inputTokens - before.inputTokens, trial.limits.inputTokens),
      outputTokens: part(after.outputTokens - before.outputTokens, trial.limits.outputTokens),
    },
  };
}

interface Surroundings {
  readonly trial: Trial;
  readonly clock: TestClock;
  readonly random: Random;
  readonly upstream: UpstreamBudgets;
  readonly resource: Resource;
  readonly traffic: Traffic;
  readonly lane: string;
}

/** One call with its retries, as an adapter makes it. */
async function call({
  trial,
  clock,
  random,
  upstream,
  resource,
  traffic,
  lane,
}: Surroundings): Promise<void> {
  const bytes = 500 + Math.round(random.exponential(3_500));
  const body: BodyFacts = {
    model: MODEL,
    maxOutputTokens: trial.maxTokens,
    stream: trial.stream,
    service: undefined,
    bytes,
  };
  const inputTokens = Math.ceil((bytes / trial.bytesPerToken) * (0.9 + random.next() * 0.2));
  const outputTokens = Math.min(trial.maxTokens, 20 + Math.round(random.exponential(180)));
  const plan = traffic.begin({ method: "POST", path: "/v1/messages", lane, body });
  let permit: Permit = await resource.acquire({ lane, cost: plan.cost, budget: plan.budgets });
  for (;;) {
    plan.keyOf(permit);
    // On its way, some take longer than others.
    await clock.sleep(5 + random.next() * 40);
    const asked = { key: "a", modelClass: CLASS, inputTokens, maxOutputTokens: trial.maxTokens };
    const charge = upstream.start(asked);
    const header = headersOf(charge.standing);
    if ("retryAfterMs" in charge) {
      plan.replied(permit, 429, header);
      const seconds = Math.ceil(charge.retryAfterMs / 1_000);
      const verdict = anthropic.judge({
        status: 429,
        header: (name) => (name === "retry-after" ? `${seconds}` : header(name)),
        body: undefined,
      });
      const afterMs = plan.failed(permit, verdict);
      if (afterMs === undefined) return permit.release({ failed: true });
      permit = await permit.requeue({ afterMs, budget: plan.budgets });
      continue;
    }
    if (trial.stream) plan.replied(permit, 200, header);
    await clock.sleep(200 + outputTokens * trial.msPerToken);
    charge.written(outputTokens);
    charge.end(outputTokens, true);
    if (!trial.stream) plan.replied(permit, 200, headersOf(charge.standing));
    const cost = plan.used({ inputTokens, outputTokens, final: true });
    return permit.release(cost === undefined ? {} : { cost });
  }
}

/** As Anthropic writes them: tokens in thousands, resets in whole seconds. */
function headersOf(standing: Standing): HeaderOf {
  const values = new Map<string, string>();
  for (const [kind, name, unit] of [
    ["requests", "requests", 1],
    ["inputTokens", "input-tokens", 1_000],
    ["outputTokens", "output-tokens", 1_000],
  ] as const) {
    const bucket = standing[kind];
    const left = Math.max(0, bucket.left);
    values.set(`anthropic-ratelimit-${name}-limit`, `${bucket.perMinute}`);
    values.set(
      `anthropic-ratelimit-${name}-remaining`,
      `${unit === 1 ? Math.floor(left) : Math.round(left / unit) * unit}`,
    );
    values.set(
      `anthropic-ratelimit-${name}-reset`,
      new Date(bucket.fullAt()).toISOString().replace(/\.\d+Z$/, "Z"),
    );
  }
  return (name) => values.get(name);
}

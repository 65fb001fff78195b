/**
 * The demo's load: what three callers do, the same for both gateways, in time scaled to the run's length; and what the
 * upstream allows them, which is less than they want.
 */

import type { StreamPlan } from "../../verify/load/load-process.ts";

/** The length of the run for which the numbers below were chosen. */
const FULL_SECONDS = 30;
const FULL_BATCH_CALLS = 600;

/** How many calls the stand-in works on at once, and how long each takes: 40 calls a second at most. */
export const AT_ONCE = 8;
export const RUN_MS = 200;
/** Seats kept for chat. Its messages come at least as far apart as a call takes, so that two seats always suffice. */
export const CHAT_SEATS = 2;
/** What chat is promised: the 99th percentile of its waits. */
export const CHAT_WAIT_OBJECTIVE_MS = 50;

const CHAT_EVERY_MS = { minMs: 200, maxMs: 300 } as const;
const BACKGROUND_PER_SECOND = 1.5;

/**
 * The rate budget of the account that all share. Requests and output are an account's of a middle size and never the
 * bound here; input is small for the load, so that half a minute shows what minutes would: a full bucket for 300 calls of
 * the batch, then five a second.
 */
export const REQUESTS_PER_MINUTE = 4_000;
export const OUTPUT_TOKENS_PER_MINUTE = 80_000;
const INPUT_TOKENS_PER_MINUTE = 300_000;
/** About so many input tokens a call, four characters each. */
const PROMPT_TOKENS = { chat: 200, background: 500, batch: 1_000 } as const;
const MODEL = "claude-sonnet-5-5";

/** The keys are made up: the stand-in takes any. The policy knows chat by its key. */
export const CHAT_KEY = "demo-chat-key";
const OTHER_KEY = "demo-other-key";

/** The policy knows the batch by a header. */
export const BATCH_HEADER = { name: "x-job", value: "nightly" } as const;

/** The callers, in the order of the streams of a plan. */
export const CALLERS = ["chat", "background", "batch"] as const;
export type Caller = (typeof CALLERS)[number];

/** One run, chosen by its length and its seed. */
export interface Scenario {
  readonly seconds: number;
  readonly seed: number;
  readonly floodAtMs: number;
  /** When chat and the background work send their last calls. */
  readonly untilMs: number;
  readonly batchCalls: number;
  readonly inputTokensPerMinute: number;
}

/** A tenth of the run is quiet; the budget then lasts for about a quarter of it, and the batch is longer than all. */
export function demoScenario(seconds: number, seed: number): Scenario {
  return {
    seconds,
    seed,
    floodAtMs: seconds * 100,
    untilMs: seconds * 900,
    batchCalls: Math.round((FULL_BATCH_CALLS * seconds) / FULL_SECONDS),
    // A short run would never empty a bucket for a minute; in a long one the refill is the bound.
    inputTokensPerMinute: Math.round(
      (INPUT_TOKENS_PER_MINUTE * Math.min(seconds, FULL_SECONDS)) / FULL_SECONDS,
    ),
  };
}

/** What one caller sends to one gateway. Both gateways get the same calls at the same instants. */
export function callerPlan(scenario: Scenario, caller: Caller, origin: string): StreamPlan {
  const { floodAtMs, untilMs, batchCalls, seed } = scenario;
  const during = { fromMs: 0, untilMs };
  switch (caller) {
    case "chat":
      return {
        name: caller,
        target: message(origin, caller, {
          stream: true,
          key: CHAT_KEY,
          header: { name: "x-priority", value: "critical" },
        }),
        arrival: { kind: "spaced", ...CHAT_EVERY_MS, ...during },
        seed,
      };
    case "background":
      return {
        name: caller,
        target: message(origin, caller, { stream: false, key: OTHER_KEY }),
        arrival: { kind: "poisson", perSecond: BACKGROUND_PER_SECOND, ...during },
        seed: seed + 1,
      };
    case "batch":
      return {
        name: caller,
        target: message(origin, caller, { stream: false, key: OTHER_KEY, header: BATCH_HEADER }),
        arrival: { kind: "burst", count: batchCalls, atMs: floodAtMs },
        seed: seed + 2,
      };
  }
}

function message(
  origin: string,
  caller: Caller,
  call: {
    readonly stream: boolean;
    readonly key: string;
    readonly header?: { readonly name: string; readonly value: string };
  },
): StreamPlan["target"] {
  const text = `A question of the demo's ${caller} caller. `;
  const body = {
    model: MODEL,
    max_tokens: 24,
    stream: call.stream,
    metadata: { user_id: caller },
    messages: [{ role: "user", content: text.repeat((PROMPT_TOKENS[caller] * 4) / text.length) }],
  };
  return {
    origin,
    method: "POST",
    path: "/v1/messages",
    headers: {
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
      "x-api-key": call.key,
      ...(call.header === undefined ? {} : { [call.header.name]: call.header.value }),
    },
    body: JSON.stringify(body),
  };
}

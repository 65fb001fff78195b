/**
 * Do AI calls keep their lanes and their budget through the real gateway? A stand-in that enforces its rate limits, the
 * gateway and those who load them, each a process of its own. Takes a minute and a half.
 */

import type { StreamPlan } from "../../src/verify/load/load-process.ts";
import type { BenchRow } from "../row.ts";
import { over, under } from "../question.ts";
import { none } from "./none.ts";
import { Processes } from "./processes.ts";

const LANES = ["critical", "high", "normal", "low", "bulk"] as const;
const BATCH = 600;
const RUN_MS = 200;
const SEATS = 8;
const KEPT = 2;
const KEY = "bench-key";

const MINUTE_MS = 60_000;
const INPUT_TOKENS_PER_MINUTE = 60_000;
/** About 500 tokens: 120 calls empty the bucket, and two a second keep it empty. */
const PROMPT = "A question that the benchmark asks over and over. ".repeat(40);
/** Each lane alone asks for more than all of the budget. */
const PER_SECOND = 5;
/** What the floor of `critical` (half of its 40 %) keeps of a bucket while nobody there asks. */
const KEPT_LEVEL = 0.2;

/** Runs both; rows for the report. */
export async function aiBench(): Promise<BenchRow[]> {
  return [...(await batchAndChat()), ...(await realMinute())];
}

/** The batch straight to six seats, and beside chat through the gateway to eight: at the same time, so that both meet the same machine. */
async function batchAndChat(): Promise<BenchRow[]> {
  const all = new Processes();
  try {
    const six = await all.standIn({ atOnce: SEATS - KEPT, runMs: RUN_MS });
    const eight = await all.standIn({ atOnce: SEATS, runMs: RUN_MS });
    const gateway = await all.gateway(`
lanes:
  - { name: critical }
  - { name: normal }
  - { name: batch }
trust: { callers: [{ cidr: 127.0.0.0/8, upTo: critical }] }
resources:
  claude:
    { provider: anthropic, upstream: "${eight.url}", limit: ${SEATS}, lanes: { critical: { reservation: ${KEPT}, lendable: 0 } } }
`);
    const burst = { kind: "burst", count: BATCH, atMs: 0 } as const;
    // Far enough apart that chat never wants a third seat, even where a busy machine draws a call out to twice its length:
    // a wait is then of the gateway's making.
    const spaced = {
      kind: "spaced",
      minMs: 2 * RUN_MS,
      maxMs: 3 * RUN_MS,
      fromMs: 0,
      untilMs: 20_000,
    } as const;
    const [direct, batch, chat] = await all.load([
      { streams: [plan("batch", six.url, burst, "batch")], graceMs: MINUTE_MS },
      { streams: [plan("batch", gateway, burst, "batch")], graceMs: MINUTE_MS },
      { streams: [plan("chat", gateway, spaced, "critical", true)], graceMs: MINUTE_MS },
    ]);
    const [[alone], [beside], [talk]] = [direct!.streams, batch!.streams, chat!.streams];
    if (alone!.served < BATCH || beside!.served < BATCH || talk!.served < talk!.sent)
      throw new Error(`bench/ai: not all calls were served: ${JSON.stringify([alone, beside, talk])}`);
    return [
      under("600 batch calls beside chat, through the gateway: p99 wait of chat", talk!.waitMs.p99, 50, "ms"),
      over(
        "600 batch calls beside chat, through the gateway: throughput of the batch, of the same batch straight to the seats left to it",
        (100 * alone!.lastServedAtMs) / beside!.lastServedAtMs,
        95,
        "%",
      ),
    ];
  } finally {
    await all.stop();
  }
}

/** Two gateways, each with an upstream of its own: all five lanes ask, and only the lowest. */
async function realMinute(): Promise<BenchRow[]> {
  const all = new Processes();
  try {
    const budgets = { requests: 4_000, inputTokens: INPUT_TOKENS_PER_MINUTE, outputTokens: 80_000 };
    const sides = [];
    for (const lanes of [LANES, ["bulk"] as const]) {
      const standIn = await all.standIn({ atOnce: 64, runMs: RUN_MS, budgets });
      const gateway = await all.gateway(`
trust: { callers: [{ cidr: 127.0.0.0/8, upTo: critical }] }
resources:
  claude:
    provider: anthropic
    upstream: "${standIn.url}"
    keys: [${KEY}]
    limit: 32
    budgets: { requests: 4000/min, inputTokens: ${INPUT_TOKENS_PER_MINUTE}/min, outputTokens: 80000/min }
`);
      const arrival = { kind: "poisson", perSecond: PER_SECOND, fromMs: 0, untilMs: MINUTE_MS } as const;
      sides.push({ standIn, streams: lanes.map((lane) => plan(lane, gateway, arrival, lane)) });
    }
    await all.load(sides.map(({ streams }) => ({ streams, graceMs: 1 })));
    const [five, one] = await Promise.all(sides.map(({ standIn }) => standIn.counts()));
    // A full bucket and a minute's refill.
    const used = (tokens: number, kept: number): number =>
      (100 * tokens) / (INPUT_TOKENS_PER_MINUTE * (2 - kept));
    const minute = "one real minute of overload, input tokens the tightest";
    return [
      none(`${minute}: refused by the upstream (429)`, five!.refused429 + one!.refused429),
      over(`${minute}: used by five lanes`, used(five!.inputTokens, 0), 95, "%"),
      over(
        `${minute}: used by the lowest lane alone, less what floors keep`,
        used(one!.inputTokens, KEPT_LEVEL),
        95,
        "%",
      ),
    ];
  } finally {
    await all.stop();
  }
}

function plan(
  name: string,
  origin: string,
  arrival: StreamPlan["arrival"],
  lane: string,
  stream: boolean = false,
): StreamPlan {
  const body = {
    model: "claude-sonnet-5-5",
    max_tokens: 24,
    stream,
    messages: [{ role: "user", content: PROMPT }],
  };
  const headers = {
    "content-type": "application/json",
    "anthropic-version": "2023-06-01",
    "x-api-key": KEY,
    "x-priority": lane,
  };
  const target = { origin, method: "POST", path: "/v1/messages", headers, body: JSON.stringify(body) };
  return { name, target, arrival, seed: [...name].reduce((sum, char) => sum + char.codePointAt(0)!, 0) };
}

if (import.meta.main)
  for (const { question, ours, theirs, unit, bar, met } of await aiBench())
    console.log(
      `${met === true ? "met" : "MISSED"}  ${question}: ${ours} ${unit} beside ${theirs} (bar ${bar})`,
    );

/** What the run showed, in numbers, and whether chat kept its objective and the budget was held. */

import type { StreamResult } from "../../verify/load/result.ts";
import type { SideName } from "./policies.ts";
import { waitQuantile } from "./progress.ts";
import type { ChatWait } from "./progress.ts";
import { CALLERS, CHAT_WAIT_OBJECTIVE_MS } from "./scenario.ts";
import type { Caller, Scenario } from "./scenario.ts";

/** What one side measured: its callers' results and the most its gateway and its upstream saw. */
export interface SideResult {
  readonly streams: Readonly<Record<Caller, StreamResult>>;
  readonly mostWaiting: number;
  readonly mostAtOnce: number;
  /** Chat's waits, those of messages that were never answered among them. */
  readonly chatWaits: readonly ChatWait[];
  /** Tries that the upstream refused because its rate budget was used up. */
  readonly refusedUpstream: number;
  /** What was used of the upstream's input tokens, of all that there were from the flood on: 0 to 1. */
  readonly budgetUsed: number;
}

/** One caller on one side. Times are milliseconds. */
export interface CallerVerdict {
  readonly sent: number;
  readonly served: number;
  readonly refused: number;
  /** Failed, or not answered when the run ended. */
  readonly failed: number;
  /** Time queued, as the gateway told it with so many of the replies. */
  readonly waitMs: {
    readonly told: number;
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
  /** From the instant a call was due to its last byte, as the caller saw it. */
  readonly replyMs: { readonly p50: number; readonly p99: number };
}

/** One side. */
export interface SideVerdict {
  readonly chat: CallerVerdict & {
    /** The 50th and 99th percentile of all its messages' waits; of one that nobody answered, for as long as it waited. */
    readonly waitedMs: { readonly p50: number; readonly p99: number; readonly atLeast: boolean };
  };
  readonly background: CallerVerdict;
  readonly batch: CallerVerdict & {
    /** From the arrival of the batch to its last reply; undefined when not all of it was served. */
    readonly doneInMs: number | undefined;
    readonly perSecond: number;
  };
  /** The most tasks that the gateway had waiting. */
  readonly mostWaiting: number;
  /** The most calls that the upstream saw at once. */
  readonly mostAtOnce: number;
  readonly refusedUpstream: number;
  readonly budgetUsed: number;
}

/** By generator: the one that sends chat and background work, and the one that sends the batch. */
export interface GeneratorLag {
  readonly chat: number;
  readonly batch: number;
}

/** The whole verdict; this is also what `--json` prints. */
export interface Verdict {
  readonly seed: number;
  readonly seconds: number;
  readonly batchCalls: number;
  readonly objective: { readonly lane: "critical"; readonly waitP99Ms: number };
  readonly inputTokensPerMinute: number;
  /** Whether with lanes on chat kept its objective and was served, and the upstream never had to refuse. */
  readonly kept: boolean;
  /** Why not, in words. */
  readonly missed: readonly string[];
  readonly off: SideVerdict;
  readonly on: SideVerdict;
  /** How late the load generators themselves sent their calls, 99th percentile in milliseconds. */
  readonly generatorLagMs: GeneratorLag;
}

/** Judges a run. */
export function judge(
  scenario: Scenario,
  sides: Readonly<Record<SideName, SideResult>>,
  generatorLagMs: GeneratorLag,
): Verdict {
  const on = sideVerdict(scenario, sides.on);
  const missed = shortfalls(on);
  return {
    seed: scenario.seed,
    seconds: scenario.seconds,
    batchCalls: scenario.batchCalls,
    objective: { lane: "critical", waitP99Ms: CHAT_WAIT_OBJECTIVE_MS },
    inputTokensPerMinute: scenario.inputTokensPerMinute,
    kept: missed.length === 0,
    missed,
    off: sideVerdict(scenario, sides.off),
    on,
    generatorLagMs,
  };
}

function shortfalls(on: SideVerdict): string[] {
  const { chat } = on;
  const missed: string[] = [];
  if (chat.sent === 0) missed.push("no chat message was sent");
  if (chat.served < chat.sent)
    missed.push(`${chat.sent - chat.served} of ${chat.sent} chat messages were not served`);
  if (chat.waitMs.told < chat.served)
    missed.push(`${chat.served - chat.waitMs.told} chat replies did not say how long they waited`);
  if (!(chat.waitMs.p99 < CHAT_WAIT_OBJECTIVE_MS))
    missed.push(
      `chat waited ${chat.waitMs.p99.toFixed(1)} ms at the 99th percentile, the objective is below ${CHAT_WAIT_OBJECTIVE_MS} ms`,
    );
  if (on.refusedUpstream > 0)
    missed.push(`the budget was not held: 429 from the upstream, ${on.refusedUpstream} times`);
  return missed;
}

function sideVerdict(scenario: Scenario, side: SideResult): SideVerdict {
  const [chat, background, batch] = CALLERS.map((caller) => callerVerdict(side.streams[caller])) as [
    CallerVerdict,
    CallerVerdict,
    CallerVerdict,
  ];
  const took = side.streams.batch.lastServedAtMs - scenario.floodAtMs;
  const all = batch.served === scenario.batchCalls && batch.served > 0;
  const [p50, p99] = [0.5, 0.99].map((share) => waitQuantile(side.chatWaits, share));
  const waitedMs = { p50: p50?.waitMs ?? 0, p99: p99?.waitMs ?? 0, atLeast: p99?.atLeast ?? false };
  return {
    chat: { ...chat, waitedMs },
    background,
    batch: {
      ...batch,
      doneInMs: all ? took : undefined,
      perSecond: batch.served === 0 ? 0 : (batch.served * 1_000) / took,
    },
    mostWaiting: side.mostWaiting,
    mostAtOnce: side.mostAtOnce,
    refusedUpstream: side.refusedUpstream,
    budgetUsed: side.budgetUsed,
  };
}

function callerVerdict(stream: StreamResult): CallerVerdict {
  const { count: told, p50, p99, max } = stream.waitMs;
  return {
    sent: stream.sent + stream.skipped,
    served: stream.served,
    refused: stream.refused,
    failed: stream.failed + stream.pending + stream.skipped,
    waitMs: { told, p50, p99, max },
    replyMs: { p50: stream.latencyMs.p50, p99: stream.latencyMs.p99 },
  };
}

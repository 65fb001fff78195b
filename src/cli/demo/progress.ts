/** How the run stands now: what both sides' gateways, stand-ins and callers have said so far. */

import type { ResourceSnapshot } from "../../core/snapshot.ts";
import type { Sample } from "../../verify/load/result.ts";
import type { StandInStats } from "../../verify/stand-in/stand-in.ts";
import type { SideName } from "./policies.ts";
import { RUN_MS } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";
import { TokenLevel } from "./token-level.ts";

/** What is known of one side; the gateway's and the stand-in's words are undefined before their first. */
export interface SideProgress {
  readonly side: SideName;
  snapshot: ResourceSnapshot | undefined;
  stats: StandInStats | undefined;
  /** The most tasks ever seen waiting. */
  mostWaiting: number;
  /** Tries that the upstream has refused because its rate budget was used up. */
  refused429: number;
  readonly tokens: TokenLevel;
  /** Chat's settled calls, by the instant each was due. */
  readonly chat: Map<number, Sample>;
}

/** A side of which nothing is known yet. */
export function newSide(side: SideName, scenario: Scenario): SideProgress {
  return {
    side,
    snapshot: undefined,
    stats: undefined,
    mostWaiting: 0,
    refused429: 0,
    tokens: new TokenLevel(scenario.inputTokensPerMinute, scenario.floodAtMs),
    chat: new Map(),
  };
}

/** A wait of one chat message; of one that is still unanswered only that it is at least so long. */
export interface ChatWait {
  readonly dueMs: number;
  readonly waitMs: number;
  readonly atLeast: boolean;
}

/**
 * Chat's waits up to now. An unanswered message counts with its age less one run, else a queue would look short
 * for exactly as long as nobody gets through it. A refused or failed message counts with all the time it took.
 */
export function chatWaits(side: SideProgress, due: Float64Array, nowMs: number): ChatWait[] {
  const waits: ChatWait[] = [];
  for (const dueMs of due) {
    if (dueMs > nowMs) break;
    const sample = side.chat.get(dueMs);
    if (sample === undefined) {
      const age = nowMs - dueMs - RUN_MS;
      if (age > RUN_MS) waits.push({ dueMs, waitMs: age, atLeast: true });
    } else {
      waits.push({ dueMs, waitMs: sample.waitMs ?? sample.latencyMs, atLeast: false });
    }
  }
  return waits;
}

/** The smallest wait that at least this share (0 to 1) of the waits do not exceed; undefined when there are none. */
export function waitQuantile(waits: readonly ChatWait[], share: number): ChatWait | undefined {
  const sorted = waits.toSorted((a, b) => a.waitMs - b.waitMs);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

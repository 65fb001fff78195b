/** What became of the calls of one lane, counted by phase and by second, in one worker or in all together. */

import { TimeCounts } from "../load/time-counts.ts";
import type { TimeCountsData } from "../load/time-counts.ts";

/** Seconds are many and are drawn, not judged: within 1.6 % is fine enough. */
const COARSE_BITS = 5;
const ERRORS_KEPT = 5;

/** What is counted of calls, whatever they are grouped by. */
export interface OutcomeCounts {
  offered: number;
  served: number;
  refused: number;
  failed: number;
  unsent: number;
}

interface PhaseData extends OutcomeCounts {
  readonly latency: TimeCountsData;
  readonly wait: TimeCountsData;
}

interface SecondData extends OutcomeCounts {
  readonly delivered: number;
  readonly latency: TimeCountsData | undefined;
}

/** A tally as plain data, for another thread. */
export interface TallyData {
  readonly phases: readonly PhaseData[];
  readonly seconds: readonly SecondData[];
  readonly firstByte: TimeCountsData;
  readonly returns: number;
  readonly unreached: number;
  readonly lastReplyMs: number;
  readonly lastServedMs: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly otherLanes: Readonly<Record<string, number>>;
}

/** One phase of one lane. */
export class PhaseTally implements OutcomeCounts {
  offered = 0;
  served = 0;
  refused = 0;
  failed = 0;
  unsent = 0;
  /** From the instant a call was due to the end of its reply, of the served ones. */
  readonly latency: TimeCounts = new TimeCounts();
  /** As the service told it. */
  readonly wait: TimeCounts = new TimeCounts();
}

class SecondTally implements OutcomeCounts {
  /** Served in this second, whenever it was due: what the service really did in it. */
  delivered = 0;
  offered = 0;
  served = 0;
  refused = 0;
  failed = 0;
  unsent = 0;
  // Most seconds of most lanes are never written to.
  latency: TimeCounts | undefined;
}

/** One lane of the load. Instants are milliseconds from its start; calls count where they were due. */
export class LaneTally {
  readonly phases: readonly PhaseTally[];
  readonly seconds: readonly SecondTally[];
  readonly firstByte: TimeCounts = new TimeCounts();
  returns = 0;
  /** Calls that ended without a reply because nobody took the connection, or closed it. */
  unreached = 0;
  /** When anything last came back. */
  lastReplyMs = 0;
  /** When the last served reply was whole. */
  lastServedMs = 0;
  readonly errors: Map<string, number> = new Map();
  /** Replies that named another lane than the one that was asked for, by that lane. */
  readonly otherLanes: Map<string, number> = new Map();
  readonly #phaseEndsMs: readonly number[];

  constructor(phaseEndsMs: readonly number[]) {
    this.#phaseEndsMs = phaseEndsMs;
    this.phases = phaseEndsMs.map(() => new PhaseTally());
    const seconds = Math.max(1, Math.ceil((phaseEndsMs.at(-1) ?? 0) / 1_000));
    this.seconds = Array.from({ length: seconds }, () => new SecondTally());
  }

  offer(dueMs: number): void {
    this.#phase(dueMs).offered++;
    this.#second(dueMs).offered++;
  }

  skip(dueMs: number): void {
    this.#phase(dueMs).unsent++;
    this.#second(dueMs).unsent++;
  }

  served(dueMs: number, nowMs: number, waitMs: number | undefined): void {
    const phase = this.#phase(dueMs);
    const second = this.#second(dueMs);
    phase.served++;
    second.served++;
    phase.latency.record(nowMs - dueMs);
    (second.latency ??= new TimeCounts(COARSE_BITS)).record(nowMs - dueMs);
    if (waitMs !== undefined) phase.wait.record(waitMs);
    const now = this.seconds[Math.floor(nowMs / 1_000)];
    // After the load there is no second to count in.
    if (now !== undefined) now.delivered++;
    if (nowMs > this.lastServedMs) this.lastServedMs = nowMs;
  }

  refused(dueMs: number): void {
    this.#phase(dueMs).refused++;
    this.#second(dueMs).refused++;
  }

  failed(dueMs: number, why: string): void {
    this.#phase(dueMs).failed++;
    this.#second(dueMs).failed++;
    const known = this.errors.get(why);
    if (known !== undefined || this.errors.size < ERRORS_KEPT) this.errors.set(why, (known ?? 0) + 1);
  }

  /** Adds up what all phases counted. */
  total(count: keyof OutcomeCounts): number {
    return this.phases.reduce((sum, phase) => sum + phase[count], 0);
  }

  data(): TallyData {
    return {
      phases: this.phases.map((phase) => ({
        ...countsOf(phase),
        latency: phase.latency.data(),
        wait: phase.wait.data(),
      })),
      seconds: this.seconds.map((second) => ({
        ...countsOf(second),
        delivered: second.delivered,
        latency: second.latency?.data(),
      })),
      firstByte: this.firstByte.data(),
      returns: this.returns,
      unreached: this.unreached,
      lastReplyMs: this.lastReplyMs,
      lastServedMs: this.lastServedMs,
      errors: Object.fromEntries(this.errors),
      otherLanes: Object.fromEntries(this.otherLanes),
    };
  }

  /** Adds what another worker counted of the same lane. */
  add(data: TallyData): void {
    for (const [at, phase] of data.phases.entries()) {
      addCounts(this.phases[at]!, phase);
      this.phases[at]!.latency.add(phase.latency);
      this.phases[at]!.wait.add(phase.wait);
    }
    for (const [at, second] of data.seconds.entries()) {
      const own = this.seconds[at]!;
      addCounts(own, second);
      own.delivered += second.delivered;
      if (second.latency !== undefined) (own.latency ??= new TimeCounts(COARSE_BITS)).add(second.latency);
    }
    this.firstByte.add(data.firstByte);
    this.returns += data.returns;
    this.unreached += data.unreached;
    this.lastReplyMs = Math.max(this.lastReplyMs, data.lastReplyMs);
    this.lastServedMs = Math.max(this.lastServedMs, data.lastServedMs);
    addTo(this.errors, data.errors);
    addTo(this.otherLanes, data.otherLanes);
  }

  #phase(dueMs: number): PhaseTally {
    const at = this.#phaseEndsMs.findIndex((end) => dueMs < end);
    return this.phases.at(at)!;
  }

  #second(dueMs: number): SecondTally {
    return this.seconds[Math.min(this.seconds.length - 1, Math.floor(dueMs / 1_000))]!;
  }
}

function countsOf({ offered, served, refused, failed, unsent }: OutcomeCounts): OutcomeCounts {
  return { offered, served, refused, failed, unsent };
}

function addCounts(to: OutcomeCounts, from: OutcomeCounts): void {
  to.offered += from.offered;
  to.served += from.served;
  to.refused += from.refused;
  to.failed += from.failed;
  to.unsent += from.unsent;
}

function addTo(to: Map<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(from)) to.set(key, (to.get(key) ?? 0) + count);
}

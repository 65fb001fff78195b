/**
 * One worker's part of the load, from the first call that is due to the last that is settled: sends, gives up on what
 * takes too long, lets refused clients come back, and counts. A client that comes back is one call: its latency counts
 * from the instant it was first due, and only how it ended in the end is counted.
 */

import type { Clock } from "../../core/clock.ts";
import type { ReplyWaiter } from "../load/http1/connections.ts";
import type { ReplyHeaders } from "../load/http1/reply.ts";
import { openLoop } from "../load/open-loop.ts";
import { seededRandom } from "../load/random.ts";
import { kindOf } from "../load/result.ts";
import { TimeCounts } from "../load/time-counts.ts";
import type { LanePlan, WorkerPlan } from "./plan.ts";
import { LaneTally } from "./tally.ts";

/** Sends a request; `abandon` gives it up. */
export interface CallSender {
  send(request: number, waiter: ReplyWaiter): { abandon(): void };
}

/** What is offered, to whom, and on which clock. */
export interface OfferOptions {
  readonly plan: Omit<WorkerPlan, "target" | "requests">;
  readonly sender: CallSender;
  readonly clock: Clock;
  /** Chooses how refused clients spread their return. */
  readonly seed: number;
  /** Told of the latency of each served call, for whoever watches. */
  readonly onServed?: (lane: number, latencyMs: number) => void;
}

/** A load under way. */
export interface Offer {
  readonly lanes: readonly LaneTally[];
  /** How late calls were sent, and how late this thread did anything at all. */
  readonly lag: TimeCounts;
  readonly stalls: TimeCounts;
  /** Calls sent, returns included. */
  sent(): number;
  inFlight(lane: number): number;
  /** Settles when every call has, or soon after `stop`. */
  readonly done: Promise<void>;
  /** Sends nothing more, and gives up on what is in flight. */
  stop(): void;
}

/** How often time-outs are looked at, and the thread's own stalls. */
const BEAT_MS = 20;
/** A client that does not obey comes back after about so long, whatever it was told. */
const IMPATIENT_MS = 100;
/** A client that obeys, and was told nothing, waits for so long. */
const UNTOLD_MS = 1_000;
/** Why a call is told apart from those that nobody took. */
const UNREACHED = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "EHOSTUNREACH", "ENETUNREACH"]);
/** Errors of the generator's own machine: nothing was sent. */
const OWN_ERRORS = new Set(["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS"]);

/** Starts the load; `due` counts from this instant. */
export function offerLoad(options: OfferOptions): Offer {
  const run = new OfferRun(options);
  run.start();
  return run;
}

class OfferRun implements Offer {
  readonly lanes: readonly LaneTally[];
  readonly lag: TimeCounts = new TimeCounts();
  readonly stalls: TimeCounts = new TimeCounts();
  readonly done: Promise<void>;
  readonly #options: OfferOptions;
  readonly #startedAt: number;
  readonly #endsMs: number;
  readonly #random: () => number;
  readonly #flying: Uint32Array;
  /** Calls in flight by lane, in the order in which they were sent, which is that of their time-outs. */
  readonly #timeouts: { calls: (Call | undefined)[]; next: number }[];
  readonly #settled = Promise.withResolvers<void>();
  #inFlight = 0;
  /** Refused clients that will come back. */
  readonly #away = new Set<Call>();
  #sent = 0;
  #allSent = false;
  #over = false;
  #stopSending = (): void => undefined;
  #stopBeat = (): void => undefined;

  constructor(options: OfferOptions) {
    const { plan, clock, seed } = options;
    this.#options = options;
    this.lanes = plan.lanes.map(() => new LaneTally(plan.phaseEndsMs));
    this.done = this.#settled.promise;
    this.#startedAt = clock.now();
    this.#endsMs = plan.phaseEndsMs.at(-1) ?? 0;
    this.#random = seededRandom(seed);
    this.#flying = new Uint32Array(plan.lanes.length);
    this.#timeouts = plan.lanes.map(() => ({ calls: [], next: 0 }));
  }

  start(): void {
    const { plan, clock } = this.#options;
    this.#beat(this.nowMs() + BEAT_MS);
    this.#stopSending = openLoop({
      due: plan.due,
      clock,
      startedAt: this.#startedAt,
      send: (call, nowMs) => this.#sendDue(call, nowMs),
      allSent: () => {
        this.#allSent = true;
        this.#endWhenSettled();
      },
    });
    if (this.#over) this.#stopSending();
  }

  nowMs(): number {
    return this.#options.clock.now() - this.#startedAt;
  }

  sent(): number {
    return this.#sent;
  }

  inFlight(lane: number): number {
    return this.#flying[lane]!;
  }

  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopSending();
    this.#stopBeat();
    for (const { calls, next } of this.#timeouts)
      for (let at = next; at < calls.length; at++) calls[at]!.abandon();
    for (const call of this.#away) this.lanes[call.lane]!.refused(call.dueMs);
    this.#away.clear();
    this.#settled.resolve();
  }

  #sendDue(number: number, nowMs: number): void {
    const { due, lane, request } = this.#options.plan;
    const dueMs = due[number]!;
    const tally = this.lanes[lane[number]!]!;
    this.lag.record(nowMs - dueMs);
    tally.offer(dueMs);
    if (this.#inFlight >= this.#options.plan.inFlightMax) return tally.skip(dueMs);
    this.send(new Call(this, lane[number]!, request[number]!, dueMs));
  }

  send(call: Call): void {
    this.#inFlight++;
    this.#flying[call.lane]!++;
    this.#sent++;
    call.sentAtMs = this.nowMs();
    this.#timeouts[call.lane]!.calls.push(call);
    call.sending = this.#options.sender.send(call.request, call);
  }

  lanePlan(lane: number): LanePlan {
    return this.#options.plan.lanes[lane]!;
  }

  served(call: Call, waitMs: number | undefined): void {
    const nowMs = this.nowMs();
    this.lanes[call.lane]!.served(call.dueMs, nowMs, waitMs);
    this.#options.onServed?.(call.lane, nowMs - call.dueMs);
  }

  /** The call holds no connection any more. */
  landed(lane: number): void {
    this.#inFlight--;
    this.#flying[lane]!--;
    this.#endWhenSettled();
  }

  /** A refused client comes back after so long, unless the load is over by then. */
  comesBack(call: Call, afterMs: number): boolean {
    if (this.#over || this.nowMs() + afterMs >= this.#endsMs) return false;
    this.#away.add(call);
    this.#options.clock.after(afterMs, () => {
      if (!this.#away.delete(call)) return;
      const tally = this.lanes[call.lane]!;
      if (this.#inFlight >= this.#options.plan.inFlightMax) {
        tally.refused(call.dueMs);
        return this.#endWhenSettled();
      }
      tally.returns++;
      this.send(call.again());
    });
    return true;
  }

  /** When a client that was told `retryAfter` comes back: never before it was told to, and not all at once. */
  returnAfterMs(returns: "obey" | "ignore", headers: ReplyHeaders): number {
    if (returns === "ignore") return IMPATIENT_MS * (0.5 + this.#random());
    return (toldMs(headers) ?? UNTOLD_MS) * (1 + 0.1 * this.#random());
  }

  #beat(dueMs: number): void {
    this.#stopBeat = this.#options.clock.after(Math.max(0, dueMs - this.nowMs()), () => {
      const nowMs = this.nowMs();
      this.stalls.record(nowMs - dueMs);
      this.#timeOut(nowMs);
      if (!this.#over) this.#beat(Math.max(dueMs, nowMs) + BEAT_MS);
    });
  }

  #timeOut(nowMs: number): void {
    for (const [lane, queue] of this.#timeouts.entries()) {
      const { timeoutMs } = this.lanePlan(lane);
      while (queue.next < queue.calls.length) {
        const call = queue.calls[queue.next]!;
        if (call.flying && call.sentAtMs + timeoutMs > nowMs) break;
        // Before it is told, for the last one ends the load.
        queue.calls[queue.next++] = undefined;
        if (call.flying) call.timedOut(timeoutMs);
      }
      if (queue.next < 1_024 || queue.next * 2 < queue.calls.length) continue;
      queue.calls.splice(0, queue.next);
      queue.next = 0;
    }
  }

  #endWhenSettled(): void {
    if (this.#allSent && this.#inFlight === 0 && this.#away.size === 0) this.stop();
  }
}

/** One call in flight. A class and not an object of functions: there are 20,000 a second. */
class Call implements ReplyWaiter {
  readonly lane: number;
  readonly request: number;
  readonly dueMs: number;
  sentAtMs = 0;
  flying = true;
  sending: { abandon(): void } | undefined;
  readonly #run: OfferRun;
  #returned = 0;
  #status = 0;
  #waitMs: number | undefined;
  #headers: ReplyHeaders | undefined;

  constructor(run: OfferRun, lane: number, request: number, dueMs: number) {
    this.#run = run;
    this.lane = lane;
    this.request = request;
    this.dueMs = dueMs;
  }

  /** The same call once more. A new object: this one may still stand in the queue of time-outs. */
  again(): Call {
    const call = new Call(this.#run, this.lane, this.request, this.dueMs);
    call.#returned = this.#returned + 1;
    return call;
  }

  replied(status: number, headers: ReplyHeaders): void {
    if (!this.flying) return;
    this.#status = status;
    this.#waitMs = headers.waitMs;
    const tally = this.#run.lanes[this.lane]!;
    const kind = kindOf(status);
    if (kind === "served") tally.firstByte.record(this.#run.nowMs() - this.dueMs);
    if (headers.lane !== undefined && headers.lane !== this.#run.lanePlan(this.lane).expects)
      tally.otherLanes.set(headers.lane, (tally.otherLanes.get(headers.lane) ?? 0) + 1);
    if (kind === "refused") this.#headers = { ...headers };
  }

  ended(): void {
    if (!this.flying) return;
    this.flying = false;
    const tally = this.#run.lanes[this.lane]!;
    tally.lastReplyMs = this.#run.nowMs();
    const kind = kindOf(this.#status);
    if (kind === "served") this.#run.served(this, this.#waitMs);
    else if (kind === "failed") tally.failed(this.dueMs, `status ${this.#status}`);
    else if (!this.#comesBack()) tally.refused(this.dueMs);
    this.#run.landed(this.lane);
  }

  failed(message: string, code: string): void {
    if (!this.flying) return;
    this.flying = false;
    const tally = this.#run.lanes[this.lane]!;
    if (OWN_ERRORS.has(code)) {
      tally.skip(this.dueMs);
      tally.errors.set(message, (tally.errors.get(message) ?? 0) + 1);
    } else {
      if (UNREACHED.has(code)) tally.unreached++;
      tally.failed(this.dueMs, message);
    }
    this.#run.landed(this.lane);
  }

  timedOut(timeoutMs: number): void {
    this.flying = false;
    this.sending?.abandon();
    this.#run.lanes[this.lane]!.failed(this.dueMs, `no whole reply within ${timeoutMs} ms`);
    this.#run.landed(this.lane);
  }

  abandon(): void {
    if (!this.flying) return;
    this.flying = false;
    this.sending?.abandon();
  }

  #comesBack(): boolean {
    const { returns, returnsMax } = this.#run.lanePlan(this.lane);
    if (returns === "none" || this.#returned >= returnsMax || this.#headers === undefined) return false;
    return this.#run.comesBack(this, this.#run.returnAfterMs(returns, this.#headers));
  }
}

/** What `retry-after` says: milliseconds, seconds, or a date, which counts from the reply's own. */
function toldMs({ retryAfter, retryAfterMs, date }: ReplyHeaders): number | undefined {
  if (retryAfterMs !== undefined && Number(retryAfterMs) > 0) return Number(retryAfterMs);
  if (retryAfter === undefined) return undefined;
  const ms = /^\d/.test(retryAfter)
    ? Number(retryAfter) * 1_000
    : Date.parse(retryAfter) - Date.parse(date ?? "");
  return ms >= 0 ? ms : undefined;
}

/**
 * One limit in front of one backend, in simulated time and without promises: fast enough to try every algorithm, and
 * every fixed limit, on every scenario. What is told to the limit is what the scheduler tells it.
 */

import type { Limit } from "../../../src/core/limit/limit.ts";
import { seeded } from "../../../src/testing/index.ts";
import type { Random } from "../../../src/testing/index.ts";
import { Agenda } from "./agenda.ts";
import type { Backend } from "./backends.ts";

/** What a limit is tried on. */
export interface Scenario {
  readonly name: string;
  readonly durationMs: number;
  /** Requests a second at an instant. */
  rate(now: number): number;
  /** The most that `rate` ever is. */
  readonly mostPerSecond: number;
  backend(agenda: Agenda, random: Random): Backend;
  /** A reply later than this, waiting included, helps nobody. */
  readonly objectiveMs: number;
  /** Who has waited for so long is refused. */
  readonly patienceMs: number;
}

/** What came of it. */
export interface Played {
  /** Replies within the objective, for each second of the run. */
  readonly good: readonly number[];
  readonly limits: readonly number[];
  readonly offered: readonly number[];
}

interface Waiter {
  readonly at: number;
}

/** Plays a scenario; the same seed brings the same requests. */
export function play(scenario: Scenario, limitOf: (now: () => number) => Limit, seed: number): Played {
  const agenda = new Agenda();
  const arrivals = seeded(seed);
  const backend = scenario.backend(agenda, seeded(seed + 1));
  const limit = limitOf(() => agenda.now);
  const seconds = Math.ceil(scenario.durationMs / 1_000);
  const good = Array.from({ length: seconds }, () => 0);
  const offered = Array.from({ length: seconds }, () => 0);
  const limits: number[] = [];
  let queue: Waiter[] = [];
  let head = 0;
  let inUse = 0;
  const waiting = (): number => queue.length - head;

  function dispatch(): void {
    while (head < queue.length && inUse < limit.current) {
      const { at } = queue[head++]!;
      if (agenda.now - at <= scenario.patienceMs) start(at);
    }
    if (head > 10_000) {
      queue = queue.slice(head);
      head = 0;
    }
  }
  function start(at: number): void {
    const startedAt = agenda.now;
    inUse++;
    backend.serve((failed) => {
      const { now } = agenda;
      inUse--;
      limit.onRelease?.(now - startedAt, inUse + 1, failed, waiting(), now);
      const second = Math.floor(now / 1_000);
      if (!failed && now - at <= scenario.objectiveMs && second < seconds) good[second]!++;
      dispatch();
    });
  }
  function arrive(): void {
    const gap = arrivals.exponential(1_000 / scenario.mostPerSecond);
    agenda.after(gap, arrive);
    if (arrivals.next() * scenario.mostPerSecond >= scenario.rate(agenda.now)) return;
    offered[Math.min(seconds - 1, Math.floor(agenda.now / 1_000))]!++;
    while (head < queue.length && agenda.now - queue[head]!.at > scenario.patienceMs) head++;
    limit.onSubmit?.(inUse, waiting(), agenda.now);
    queue.push({ at: agenda.now });
    dispatch();
  }
  function note(): void {
    limits.push(limit.current);
    agenda.after(500, note);
  }
  limit.onChange?.(() => agenda.after(0, dispatch));
  arrive();
  note();
  agenda.runUntil(scenario.durationMs);
  return { good, limits, offered };
}

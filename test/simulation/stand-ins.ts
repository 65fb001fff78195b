/**
 * Policies that are wrong in a known way. A check counts only if it fails for the stand-in that breaks what it checks.
 */

import type { ResourceOptions, TaskOptions } from "../../src/index.ts";
import type { Runs } from "../../src/testing/index.ts";

interface Waiter {
  readonly lane: string;
  readonly width: number;
  readonly arrivedAt: number;
  readonly order: number;
  readonly dueAt: number;
  readonly start: () => void;
  readonly refuse: (error: Refusal) => void;
}

/** What a stand-in tells a task that it does not run. */
export class Refusal extends Error {
  readonly reason: string;
  readonly retryAfterMs: number;

  constructor(reason: string, retryAfterMs: number) {
    super(reason);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Seats, one first-in-first-out queue for each lane, and a rule that says whose head is next: FIFO unless overridden. */
class StandIn implements Runs {
  readonly #queues = new Map<string, Waiter[]>();
  protected readonly options: ResourceOptions;
  protected free: number;
  protected waiting = 0;
  #order = 0;

  constructor(options: ResourceOptions) {
    this.options = options;
    this.free = Number(options.limit);
  }

  async run<T>(fn: (permit: never) => T | PromiseLike<T>, task: TaskOptions = {}): Promise<T> {
    const now = this.now;
    const { lane = "", width = 1, timeoutMs = Infinity } = task;
    const dueAt = now + timeoutMs;
    const refusal = this.refuses(lane, dueAt);
    if (refusal !== undefined) throw refusal;
    await new Promise<void>((resolve, reject) => {
      this.#queueOf(lane).push({
        lane,
        width,
        arrivedAt: now,
        order: this.#order++,
        dueAt,
        start: resolve,
        refuse: reject,
      });
      this.waiting++;
      this.#handOver();
    });
    const startedAt = this.now;
    try {
      const value = await fn(undefined as never);
      // A caller that has given up meanwhile does not get the result.
      if (this.now > dueAt) throw new Refusal("late", 1_000);
      return value;
    } finally {
      this.measured(this.now - startedAt);
      this.free += width;
      this.#handOver();
    }
  }

  protected get now(): number {
    return this.options.clock?.now() ?? 0;
  }

  /** A newcomer that is refused at once. */
  protected refuses(_lane: string, _dueAt: number): Refusal | undefined {
    return undefined;
  }

  /** A head that is put out at its turn. */
  protected expires(_head: Waiter): boolean {
    return false;
  }

  protected measured(_runMs: number): void {}

  /** The next to start out of the queues that are not empty; undefined when nobody may. */
  protected next(queues: readonly Waiter[][]): Waiter | undefined {
    const oldest = oldestHead(queues);
    return oldest !== undefined && oldest.width <= this.free ? oldest : undefined;
  }

  #queueOf(lane: string): Waiter[] {
    let queue = this.#queues.get(lane);
    if (queue === undefined) this.#queues.set(lane, (queue = []));
    return queue;
  }

  #handOver(): void {
    while (this.free > 0) {
      const queues = [...this.#queues.values()].filter((queue) => queue.length > 0);
      const waiter = this.next(queues);
      if (waiter === undefined) return;
      const queue = this.#queueOf(waiter.lane);
      // Nearly always the head, which `shift` takes out in constant time.
      if (queue[0] === waiter) queue.shift();
      else queue.splice(queue.indexOf(waiter), 1);
      this.waiting--;
      if (this.expires(waiter)) {
        waiter.refuse(new Refusal("expired", 1_000));
        continue;
      }
      this.free -= waiter.width;
      waiter.start();
    }
  }

  protected rank(lane: string): number {
    return this.options.lanes?.findIndex(({ name }) => name === lane) ?? 0;
  }
}

function oldestHead(queues: readonly Waiter[][]): Waiter | undefined {
  let oldest: Waiter | undefined;
  for (const [head] of queues)
    if (head !== undefined && (oldest === undefined || head.order < oldest.order)) oldest = head;
  return oldest;
}

/** First in, first out, without bounds: what a semaphore does. */
export function firstInFirstOut(options: ResourceOptions): Runs {
  return new StandIn(options);
}

/** The highest lane first, nothing reserved and no aging: what a queue with priorities does. */
export function strictPriority(options: ResourceOptions): Runs {
  return new StrictPriority(options);
}

class StrictPriority extends StandIn {
  protected override next(queues: readonly Waiter[][]): Waiter | undefined {
    const highest = [...queues].sort((a, b) => this.rank(a[0]!.lane) - this.rank(b[0]!.lane))[0]?.[0];
    return highest !== undefined && highest.width <= this.free ? highest : undefined;
  }
}

/** Priorities with aging, but nothing that bounds what the aged may take. */
export function agingWithoutBudget(options: ResourceOptions): Runs {
  return new AgingWithoutBudget(options);
}

class AgingWithoutBudget extends StrictPriority {
  protected override next(queues: readonly Waiter[][]): Waiter | undefined {
    const { aging } = this.options;
    const afterMs = aging === false ? Infinity : (aging?.afterMs ?? 30_000);
    const oldest = oldestHead(queues);
    if (oldest !== undefined && this.now - oldest.arrivedAt >= afterMs) return oldest;
    return super.next(queues);
  }
}

/** A queue with a bound, whose refusals name the same ten seconds to everybody. */
export function staticRetryAfter(options: ResourceOptions): Runs {
  return new StaticRetryAfter(options);
}

class StaticRetryAfter extends StandIn {
  protected override refuses(lane: string): Refusal | undefined {
    const max = this.options.lanes?.find(({ name }) => name === lane)?.queue?.max ?? Infinity;
    return this.free === 0 && this.waiting >= max ? new Refusal("full", 10_000) : undefined;
  }
}

/** Refuses who could not be in time by the longest run it ever saw, even when seats are free: it never recovers. */
export function unfadingEstimate(options: ResourceOptions): Runs {
  return new UnfadingEstimate(options);
}

class UnfadingEstimate extends StandIn {
  #longest = 0;

  protected override measured(runMs: number): void {
    this.#longest = Math.max(this.#longest, runMs);
  }

  protected override refuses(_lane: string, dueAt: number): Refusal | undefined {
    return this.now + this.#longest > dueAt ? new Refusal("predicted", 1_000) : undefined;
  }
}

/** Puts out only whose time is up, and starts those that cannot be done in what is left of it. */
export function expiredOnly(options: ResourceOptions): Runs {
  return new ExpiredOnly(options);
}

class ExpiredOnly extends StandIn {
  protected override expires(head: Waiter): boolean {
    return head.dueAt <= this.now;
  }
}

/** Whoever fits goes first: wide tasks starve. */
export function firstThatFits(options: ResourceOptions): Runs {
  return new FirstThatFits(options);
}

class FirstThatFits extends StandIn {
  protected override next(queues: readonly Waiter[][]): Waiter | undefined {
    const fitting = queues.flatMap((queue) => queue.find(({ width }) => width <= this.free) ?? []);
    return fitting.sort((a, b) => a.order - b.order)[0];
  }
}

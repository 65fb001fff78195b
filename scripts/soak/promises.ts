/**
 * Real promises on the real clock, used in every wrong way there is: functions that throw, end before their work or never
 * look at their signal, permits released twice or disposed of late, callers that leave, an event loop that is held up.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { isLanewayError } from "../../src/core/errors.ts";
import type { ResourceOptions, TaskOptions } from "../../src/core/options.ts";
import type { Permit } from "../../src/core/permit.ts";
import { runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { isAtRest, judgeCounters, neverStarted, offeredTo, sumOf } from "./counters.ts";
import type { Part, Round } from "./part.ts";
import { block, holdsWithin, pause } from "./process-watch.ts";

const CALLS = 300;
const AT_ONCE = 30;
const LANES = ["critical", "high", "normal", "low", "bulk"];
const PLANNED = new Error("planned");
/** Twice the longest that anything here may take by its time-outs. */
const AT_REST_MS = 10_000;

/** Callers on one resource, until each has had its say. */
export const promises: Part = {
  name: "promises",
  what: "the library on the real clock, misused in every way",
  unit: "calls",
  share: 1,
  async round(round: Round) {
    const misuse = new Misuse(round);
    await misuse.play();
    round.work = CALLS;
  },
};

class Misuse {
  readonly #round: Round;
  readonly #resource: Resource;
  readonly #context = new AsyncLocalStorage<number>();
  /** One signal for many: each call listens to it, and must leave it when it is over. */
  readonly #shared = new AbortController();
  #submitted = 0;
  #records = 0;

  constructor(round: Round) {
    this.#round = round;
    const { random } = round;
    this.#resource = new Resource({
      name: "promises",
      limit: this.#limit(),
      lanes: LANES.slice(0, random.whole(2, 5)).map((name, rank) => ({
        name,
        reservation: rank === 0 ? "30%" : "10%",
        timeoutMs: random.pick([100, 500, 2_000]),
        queue: { max: random.pick([10, 1_000]), timeoutMs: random.pick([50, 1_000]) },
      })),
      order: random.pick(["strict", "weighted"]),
      aging: { afterMs: 20, budget: 0.1 },
      detectDeadlock: random.next() < 0.5,
      memory: () => random.pick([0, 0, 0.5, 0.95]),
      ...(random.next() < 0.4 ? { budgets: { requests: 600_000, inputTokens: 6_000_000 } } : {}),
    });
    this.#resource.onRecord(() => void this.#records++);
  }

  #limit(): ResourceOptions["limit"] {
    const { random } = this.#round;
    return random.next() < 0.3 ? { adaptive: true, min: 1, max: 20, start: 4 } : random.whole(2, 16);
  }

  async play(): Promise<void> {
    const { random } = this.#round;
    let left = CALLS;
    const caller = async (): Promise<void> => {
      while (left-- > 0) {
        await this.#call(left);
        if (random.next() < 0.01) block(random.whole(20, 120));
        if (random.next() < 0.03) this.#resource.update({ limit: this.#limit() });
        if (random.next() < 0.02) this.#resource.budget().pause(random.whole(1, 50));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
    if (random.next() < 0.5) this.#shared.abort(PLANNED);
    const timeoutMs = random.pick([0, 100, 5_000]);
    await this.#round.settles("a drain", this.#resource.drain({ timeoutMs }));
    await holdsWithin(AT_REST_MS, () => isAtRest(this.#resource.snapshot()));
    this.#judge();
  }

  #judge(): void {
    const snapshot = this.#resource.snapshot();
    judgeCounters(this.#round, this.#resource);
    const offered = sumOf(snapshot, offeredTo);
    const submitted = this.#submitted;
    this.#round.expect(offered === submitted, `submitted ${submitted}, but ${offered} are counted`);
    this.#round.expect(this.#records === offered, `${offered} tasks left ${this.#records} records`);
    const listening = getEventListeners(this.#shared.signal, "abort").length;
    this.#round.expect(listening === 0, `${listening} calls that are over listen to their signal`);
    this.#round.count("never started", sumOf(snapshot, neverStarted));
  }

  async #call(id: number): Promise<void> {
    const way = this.#round.random.pick(WAYS);
    await this.#context.run(id, () => way.call(this, id));
  }

  task(): TaskOptions {
    const { random } = this.#round;
    const { lanes } = this.#resource.snapshot();
    const stop = random.next() < 0.15 ? new AbortController() : undefined;
    if (stop !== undefined && random.next() < 0.3) stop.abort(PLANNED);
    else if (stop !== undefined) setTimeout(() => stop.abort(PLANNED), random.whole(0, 40));
    const signal = stop?.signal ?? (random.next() < 0.5 ? this.#shared.signal : undefined);
    return {
      lane: random.pick(lanes).name,
      flow: random.pick(["a", "b", "c", "d"]),
      ...(random.next() < 0.1 ? { width: random.whole(1, 4) } : {}),
      ...(random.next() < 0.1 ? { timeoutMs: random.whole(1, 100) } : {}),
      ...(random.next() < 0.1 ? { deadline: performance.now() + random.whole(-5, 100) } : {}),
      ...(random.next() < 0.2
        ? { cost: { requests: random.whole(0, 5), inputTokens: random.whole(0, 5_000) } }
        : {}),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  /** What the caller of a `run` is told is its own outcome, ours, or the reason of its signal, and nothing else. */
  async run(id: number, fn: (permit: Permit) => unknown): Promise<void> {
    this.#submitted++;
    let times = 0;
    const outcome = await this.#round.settles(
      "a run",
      this.#resource.run((permit) => {
        const store = this.#context.getStore();
        this.#round.expect(store === id, `call ${id} runs in the async context of ${store}`);
        this.#round.expect(++times === 1, `the function of call ${id} is called ${times} times`);
        return fn(permit);
      }, this.task()),
    );
    this.#told(outcome);
  }

  #told(outcome: PromiseSettledResult<unknown>): void {
    if (outcome.status === "fulfilled") return this.#round.count("done");
    const { reason } = outcome;
    if (isLanewayError(reason)) return this.#round.count(`told ${reason.code}`);
    this.#round.expect(reason === PLANNED, `a caller is told ${String(reason)}`);
    return this.#round.count("told their own error");
  }

  async acquire(use: (permit: Permit) => unknown): Promise<void> {
    this.#submitted++;
    const outcome = await this.#round.settles("an acquire", this.#resource.acquire(this.task()));
    this.#told(outcome);
    if (outcome.status === "fulfilled") await use(outcome.value);
  }

  tryAcquire(): Permit | undefined {
    const permit = this.#resource.tryAcquire(this.task());
    if (permit !== undefined) this.#submitted++;
    return permit;
  }

  async sleep(): Promise<void> {
    await pause(this.#round.random.whole(0, 15));
  }

  chance(of: number): boolean {
    return this.#round.chance(of);
  }
}

type Way = (this: Misuse, id: number) => Promise<void> | void;

function fail(): never {
  throw PLANNED;
}

/** What callers do; each way is as likely as any other. */
const WAYS: readonly Way[] = [
  function works(id) {
    return this.run(id, () => this.sleep());
  },
  function throwsAtOnce(id) {
    return this.run(id, fail);
  },
  function throwsLater(id) {
    return this.run(id, () => this.sleep().then(fail));
  },
  function endsBeforeItsWork(id) {
    return this.run(id, () => {
      void this.sleep();
    });
  },
  function releasesItself(id) {
    return this.run(id, async (permit) => {
      permit.release();
      await this.sleep();
      permit[Symbol.dispose]();
    });
  },
  function outlivesItsTime(id) {
    return this.run(id, () => (this.chance(0.1) ? pause(600) : pause(60)));
  },
  function goesBack(id) {
    return this.run(id, async (permit) => {
      const again = await permit.requeue({ afterMs: this.chance(0.5) ? 0 : 5 });
      await this.sleep();
      if (this.chance(0.5)) again.release();
    });
  },
  function goesBackAndIsGone(id) {
    return this.run(id, async (permit) => {
      await this.sleep();
      const turn = permit.requeue({ afterMs: this.chance(0.5) ? 0 : 5 });
      // A turn that is refused for another reason than this one's end is its user's to hear of.
      turn.catch(() => undefined);
    });
  },
  function letsOthersGo(id) {
    return this.run(id, async (permit) => {
      for (let part = 0; part < 3; part++) {
        block(4);
        await permit.yield();
      }
    });
  },
  function submitsInside(id) {
    return this.run(id, () => this.chance(0.5) && this.run(id, () => this.sleep()));
  },
  function changesLane(id) {
    return runInLane("critical", () => this.run(id, () => this.sleep()));
  },
  function answersEarly(id) {
    return this.run(id, (permit) => {
      permit.answered();
      return this.sleep();
    });
  },
  function holds() {
    return this.acquire(async (permit) => {
      void permit.signal;
      await this.sleep();
      permit.release({ failed: this.chance(0.3), cost: { requests: 1, inputTokens: 7 } });
      if (this.chance(0.5)) permit.release();
    });
  },
  function holdsAndGoesBack() {
    return this.acquire(async (permit) => {
      const turn = this.chance(0.5) ? permit.requeue({ afterMs: 3 }) : permit.requeue();
      await turn.then(
        (again) => again.release(),
        () => undefined,
      );
      permit.release();
    });
  },
  async function looks() {
    const permit = this.tryAcquire();
    await this.sleep();
    permit?.release();
  },
];

/** Plays one random history against a real resource in simulated time; what goes wrong ends up with the audit. */

import { AsyncLocalStorage } from "node:async_hooks";
import { isLanewayError } from "../../../src/core/errors.ts";
import type { Cost, TaskOptions } from "../../../src/core/options.ts";
import type { Permit } from "../../../src/core/permit.ts";
import { ENDED, RUNNING } from "../../../src/core/task.ts";
import type { Task } from "../../../src/core/task.ts";
import { Resource } from "../../../src/node/resource.ts";
import { TestClock } from "../../../src/testing/clock.ts";
import { seeded } from "../../../src/testing/random.ts";
import type { Random } from "../../../src/testing/random.ts";
import { schedulerOf } from "../inside.ts";
import { Audit } from "./audit.ts";
import { CountingClock } from "./counting-clock.ts";
import { MovingLimit, randomBudgets, randomLanes, randomProfile, randomResource } from "./plan.ts";
import type { Profile } from "./plan.ts";

const STEPS = 60;
const BUDGETS = ["", "key-0", "key-1", "small"];

/** One submission, as its caller sees it. */
interface Call {
  readonly id: number;
  task: Task | undefined;
  settled: boolean;
  started: number;
  readonly abort: AbortController | undefined;
}

export interface Played {
  readonly violations: readonly string[];
  readonly starts: number;
}

/** @returns what the audit found; nothing when every promise was kept. */
export async function play(seed: number, fixed: Partial<Profile>): Promise<Played> {
  const history = new History(seed, fixed);
  await history.play();
  return { violations: history.audit.violations, starts: history.audit.starts };
}

class History {
  readonly random: Random;
  readonly profile: Profile;
  readonly clock = new TestClock();
  readonly counting: CountingClock = new CountingClock(this.clock);
  readonly resource: Resource;
  readonly audit: Audit;
  /** The caller's own async context, which must be around its function and nobody else's. */
  readonly context = new AsyncLocalStorage<number>();
  readonly calls: Call[] = [];
  readonly held = new Set<Permit>();
  readonly unending: (() => void)[] = [];
  readonly producers: { settled: boolean }[] = [];
  /** Set while the resource is inside a call that must not start somebody else's function. */
  busy = 0;
  drained: Promise<boolean> | undefined;

  constructor(seed: number, fixed: Partial<Profile>) {
    this.random = seeded(seed);
    this.profile = randomProfile(this.random, fixed);
    const options = randomResource(this.random, this.profile);
    this.resource = new Resource({ ...options, clock: this.counting, random: () => this.random.next() });
    this.audit = new Audit(schedulerOf(this.resource));
  }

  async play(): Promise<void> {
    // A bucket takes a minute to fill and a history a second: all begin empty.
    for (const name of this.profile.budgets > 0 ? BUDGETS : []) this.correct(name);
    for (let step = 0; step < STEPS; step++) {
      await this.clock.advance(this.random.next() < 0.4 ? 0 : this.random.exponential(this.profile.pauseMs));
      this.checkSettled();
      this.step();
      if (this.audit.violations.length > 0) return;
    }
    if (this.random.next() < this.profile.drains) this.drain();
    await this.finish();
  }

  step(): void {
    const { random, profile } = this;
    const chance = random.next();
    if (chance < profile.updates) this.update();
    else if (chance < profile.updates + profile.ready) this.ready();
    else if (chance < 0.5) void this.run();
    else if (chance < 0.65) this.acquire();
    else if (chance < 0.7) this.tryAcquire();
    else if (chance < 0.8) this.release();
    else if (chance < 0.8 + profile.requeues / 2) this.requeue();
    else if (chance < 0.95) for (let i = random.whole(1, 6); i > 0; i--) void this.run();
    else if (profile.budgets > 0) this.budget();
    else this.resource.snapshot();
  }

  // ── what callers do ───────────────────────────────────────────────────────────────────────────────────────────────

  options(): { task: TaskOptions; abort: AbortController | undefined } {
    const { random, profile } = this;
    const abort = random.next() < profile.cancelled ? new AbortController() : undefined;
    const now = this.clock.now();
    if (abort !== undefined) {
      if (random.next() < 0.1) abort.abort(new Error("gone before it came"));
      else this.clock.after(random.exponential(40), () => this.inside(() => abort.abort(new Error("gone"))));
    }
    const task: TaskOptions = {
      ...(random.next() < 0.9 ? { lane: this.lane() } : {}),
      ...(random.next() < 0.8 ? { flow: random.pick(["a", "b", "c", "d"]) } : {}),
      ...(random.next() < profile.wide ? { width: random.whole(1, 14) } : {}),
      ...(random.next() < profile.dueSoon ? { timeoutMs: random.pick([0, 5, 50, 500]) } : {}),
      ...(random.next() < profile.dueSoon ? { deadline: now + random.pick([-1, 0, 20, 200]) } : {}),
      ...(abort === undefined ? {} : { signal: abort.signal }),
      ...(random.next() < profile.budgets ? this.needs() : {}),
      ...(random.next() < profile.waited ? { waitedMs: random.whole(0, 300) } : {}),
    };
    return { task, abort };
  }

  /** One of the lanes, without the figures of a snapshot, which took a quarter of a history's time. */
  lane(): string {
    return this.random.pick(this.audit.scheduler.all).config.name;
  }

  /** What a task needs of which budgets. */
  needs(): Pick<TaskOptions, "cost" | "budget"> {
    const { random } = this;
    const budget = random.pick<string | readonly string[]>([
      "",
      "key-0",
      "key-1",
      "small",
      ["key-0", "key-1"],
    ]);
    return { ...(budget === "" ? {} : { budget }), ...(random.next() < 0.2 ? {} : { cost: this.cost() }) };
  }

  cost(): Cost {
    const { random } = this;
    return {
      requests: random.pick([0, 1, 1, 5]),
      inputTokens: random.pick([0, 5, 30, 30, 200, 100_000]),
      outputTokens: random.pick([0, 10]),
    };
  }

  correct(name: string, left = 0): void {
    this.audit.budgets.told();
    this.inside(() =>
      this.resource.budget(name).correct({ requests: left, inputTokens: left, outputTokens: left }),
    );
  }

  budget(): void {
    const name = this.random.pick(BUDGETS);
    const what = this.random.whole(0, 2);
    if (what === 0) this.inside(() => this.resource.budget(name).pause(this.random.exponential(50)));
    else if (what === 1) this.correct(name, this.random.whole(-20, 100));
    else {
      this.audit.budgets.told();
      this.inside(() => this.resource.update({ budgets: randomBudgets(this.random) }));
    }
  }

  newCall(abort: AbortController | undefined): Call {
    const call: Call = { id: this.calls.length, task: undefined, settled: false, started: 0, abort };
    this.calls.push(call);
    return call;
  }

  run(depth = 0): Promise<unknown> {
    const { task, abort } = this.options();
    const call = this.newCall(abort);
    const allowed = this.busy;
    const settled = this.context.run(call.id, () =>
      this.resource.run((permit) => {
        call.task = permit as Task;
        call.started++;
        if (call.started > 1) this.audit.fault(11, `the function of call ${call.id} was called twice`);
        if (this.busy > allowed)
          this.audit.fault(8, `the function of call ${call.id} was called inside somebody else's release`);
        if (this.context.getStore() !== call.id)
          this.audit.fault(8, `call ${call.id} started in the async context of ${this.context.getStore()}`);
        return this.work(permit, depth);
      }, task),
    );
    call.task = this.audit.latest;
    return this.settles(call, settled);
  }

  /** What a task does once it runs: ends at once, later, with an error, never, or after more waits of its own. */
  work(permit: Permit, depth: number): unknown {
    const { random, profile } = this;
    if (random.next() < 0.2) void permit.signal;
    if (random.next() < 0.05) permit.answered();
    if (random.next() < profile.throws / 2) throw new Error("thrown");
    if (random.next() < 0.1) return "at once";
    if (random.next() < profile.neverEnds)
      return new Promise((resolve) => this.unending.push(() => resolve("at last")));
    if (depth < 3 && random.next() < profile.nested) return this.run(depth + 1);
    return this.slowly(permit);
  }

  async slowly(permit: Permit): Promise<string> {
    const { random, profile } = this;
    await this.clock.sleep(random.exponential(20));
    if (random.next() < profile.requeues) {
      await permit.requeue({
        afterMs: random.pick([0, 0, 10, 100]),
        ...(profile.budgets > 0 && random.next() < 0.5 ? { cost: this.cost() } : {}),
        ...(profile.budgets > 0 && random.next() < 0.3 ? { budget: "key-1" } : {}),
      });
      await this.clock.sleep(random.exponential(20));
    }
    for (let part = 0; profile.yields > 0 && part < 3; part++) {
      if (random.next() >= profile.yields) break;
      const turn = permit.yield();
      // Some do not wait for it.
      if (random.next() < 0.1) {
        turn.catch(() => undefined);
        return "done without its turn";
      }
      await turn;
      await this.clock.sleep(random.exponential(20));
    }
    if (random.next() < profile.throws) throw new Error("rejected");
    return "done";
  }

  acquire(): void {
    const { task, abort } = this.options();
    const call = this.newCall(abort);
    const turn = this.resource.acquire(task);
    call.task = this.audit.latest;
    void this.settles(call, this.holding(call, turn));
  }

  async holding(call: Call, turn: Promise<Permit>): Promise<void> {
    const permit = await turn;
    call.task = permit as Task;
    call.started++;
    this.held.add(permit);
  }

  tryAcquire(): void {
    const { task } = this.options();
    const permit = this.resource.tryAcquire(task);
    if (permit !== undefined) this.held.add(permit);
  }

  release(): void {
    for (const permit of this.held) {
      this.held.delete(permit);
      const cost = this.profile.budgets > 0 && this.random.next() < 0.7 ? { cost: this.cost() } : {};
      this.inside(() => permit.release({ failed: this.random.next() < 0.2, ...cost }));
      const before = this.audit.scheduler.ledger.inUse;
      if (this.random.next() < 0.3) this.inside(() => permit.release());
      if (this.audit.scheduler.ledger.inUse !== before)
        this.audit.fault(11, "a second release freed seats again");
      return;
    }
  }

  requeue(): void {
    for (const permit of this.held) {
      if ((permit as Task).state !== RUNNING) continue;
      this.held.delete(permit);
      const call = this.newCall(undefined);
      const turn = this.inside(() => permit.requeue({ afterMs: this.random.pick([0, 5, 50]) }));
      call.task = (permit as Task).more?.successor;
      void this.settles(call, this.holding(call, turn));
      return;
    }
  }

  update(): void {
    const { random } = this;
    const limit = random.whole(1, 12);
    const what = random.whole(0, 2);
    try {
      if (what === 0) {
        const moving = random.next() < this.profile.movingLimit ? new MovingLimit(limit, random) : limit;
        this.inside(() => this.resource.update({ limit: moving }));
      } else {
        this.audit.lanesChanged = true;
        this.inside(() => this.resource.update({ limit, lanes: randomLanes(random, this.profile, limit) }));
      }
    } catch (error) {
      if (!isLanewayError(error) || error.code !== "LANEWAY_INVALID") throw error;
    }
  }

  ready(): void {
    const producer = { settled: false };
    this.producers.push(producer);
    void this.resource
      .ready({ lane: this.lane() })
      .catch(() => undefined)
      .then(() => (producer.settled = true));
  }

  drain(): void {
    this.drained = this.resource.drain({ timeoutMs: this.random.pick([0, 50, 5_000]) });
  }

  /** A call into the resource during which nobody else's function may start. */
  inside<T>(change: () => T): T {
    this.busy++;
    try {
      return change();
    } finally {
      this.busy--;
    }
  }

  settles(call: Call, promise: Promise<unknown>): Promise<unknown> {
    return promise
      .catch(() => undefined)
      .then((value) => {
        call.settled = true;
        return value;
      });
  }

  // ── what callers see ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Every promise reaction has run: whoever's task is over, or whose time was up, must have been told. */
  checkSettled(): void {
    this.audit.checkDue(this.clock.now());
    for (const call of this.calls) {
      if (call.settled || call.task === undefined || this.profile.shadow === 1) continue;
      const over = call.task.state === ENDED && call.task.more?.successor === undefined;
      if (over) this.audit.fault(11, `call ${call.id} is over but was not answered`);
      if (call.task.state === RUNNING && call.started === 0)
        this.audit.fault(11, `call ${call.id} has its seats but was not told`);
    }
    // One for time-outs, one for a drain that may take too long.
    const timers = this.drained === undefined ? 1 : 2;
    if (this.counting.pending > timers && this.profile.shadow === 0)
      this.audit.fault(12, `${this.counting.pending} timers are set`);
  }

  /** Everybody finishes; then nothing may be left. */
  async finish(): Promise<void> {
    for (let round = 0; round < 8; round++) {
      await this.clock.advance(50);
      this.checkSettled();
      for (const end of this.unending.splice(0)) end();
      for (const permit of this.held) this.inside(() => permit.release());
      this.held.clear();
    }
    for (let round = 0; round < 20 && (this.audit.live.size > 0 || round < 1); round++) {
      await this.clock.advance(1_000);
      this.checkSettled();
      for (const end of this.unending.splice(0)) end();
      for (const permit of this.held) this.inside(() => permit.release());
      this.held.clear();
    }
    // A producer that is told to go on and does not submit holds its vacancy for a second.
    await this.clock.advance(2_000 + 1_000 * this.producers.length);
    this.audit.checkRest();
    for (const call of this.calls)
      if (!call.settled) this.audit.fault(11, `call ${call.id} was never answered`);
    for (const producer of this.producers)
      if (!producer.settled) this.audit.fault(9, "a producer waits for room that is there");
    if (this.counting.pending > 0) this.audit.fault(12, "a timer is left at rest");
    if (this.drained !== undefined) await this.drained;
  }
}

/**
 * Random histories of what the model's own do not draw: lanes that operators pause and close, memory that runs out, limits
 * that are learned, tasks that the next service turns away, inputs of `map`, and a clock that jumps for hours.
 */

import type { Saturation } from "../../src/core/limit/limit.ts";
import type { LaneOptions, LaneState, ResourceOptions, TaskOptions } from "../../src/core/options.ts";
import type { Permit } from "../../src/core/permit.ts";
import { ENDED, RUNNING } from "../../src/core/task.ts";
import { Resource } from "../../src/node/resource.ts";
import type { Random } from "../../src/testing/random.ts";
import { Audit } from "../../test/core/history/audit.ts";
import { schedulerOf } from "../../test/core/inside.ts";
import { judgeCounters } from "./counters.ts";
import { LateClock } from "./late-clock.ts";
import type { Part, Round } from "./part.ts";

const STEPS = 60;
const NAMES = ["critical", "high", "normal", "low", "bulk"];
const STATES: readonly LaneState[] = ["open", "open", "paused", "draining"];
const HOUR_MS = 3_600_000;
const FAILED = new Error("planned");

/** Histories one after the other. */
export const doors: Part = {
  name: "doors",
  what: "histories with lane states, memory, learned limits and a clock that jumps",
  unit: "histories",
  share: 1,
  every: 100,
  async round(round: Round) {
    const history = new DoorHistory(round);
    await history.play();
    for (const violation of history.audit.violations) round.fault(violation);
    round.work = 1;
  },
};

class DoorHistory {
  readonly #round: Round;
  readonly #random: Random;
  readonly #clock = new LateClock();
  readonly #held = new Set<Permit>();
  readonly #resource: Resource;
  #lanes: readonly LaneOptions[];
  #memory = 0;
  #saturation: Saturation | undefined;
  /** Since when each lane has been in its state. */
  readonly #since = new Map<string, number>();
  #records = 0;
  #turnedAway = 0;
  readonly audit: Audit;

  constructor(round: Round) {
    this.#round = round;
    const { random } = round;
    this.#random = random;
    this.#lanes = NAMES.slice(0, random.whole(2, NAMES.length)).map((name) => laneOf(name, random));
    this.#resource = new Resource({
      name: "doors",
      limit: this.#limit(),
      lanes: this.#lanes,
      order: random.pick(["strict", "weighted"]),
      aging: random.pick([false, { afterMs: 40, budget: 0.1 }]),
      memory: () => this.#memory,
      clock: this.#clock,
      random: () => random.next(),
    });
    this.audit = new Audit(schedulerOf(this.#resource));
    this.#excuseLateness();
    this.#resource.onRecord((record) => {
      this.#records++;
      if (record.reason === "memory") this.#judgeMemory(record.lane);
    });
  }

  /** Between a jump and the timers that it makes late, those whose time is up still stand in the queue; no seat is theirs. */
  #excuseLateness(): void {
    const { audit } = this;
    const fault = audit.fault.bind(audit);
    audit.fault = (promise, what) => {
      if (promise !== 3 || !this.#clock.isLate) fault(promise, what);
    };
  }

  #limit(): ResourceOptions["limit"] {
    const min = this.#random.whole(1, 4);
    const max = min + this.#random.whole(0, 12);
    if (this.#random.next() < 0.4) return max;
    return { adaptive: true, min, max, start: min, saturation: () => this.#saturation };
  }

  async play(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      if (this.#random.next() < 0.6) await this.#clock.advance(this.#random.exponential(10));
      // What comes next finds a clock that has gone on, and timers that have not fired.
      if (this.#random.next() < 0.06) this.#jump();
      this.#step();
      this.#judgeStates();
      if (this.audit.violations.length > 0) return;
    }
    const drained = this.#random.next() < 0.3 ? this.#drain() : undefined;
    await this.#finish(drained);
  }

  #jump(): void {
    const ms = this.#random.pick([200, 1_000, 30_000, HOUR_MS, 12 * HOUR_MS]);
    this.#clock.jump(ms);
    this.#round.count(ms >= HOUR_MS ? "jumps of hours" : "jumps");
  }

  #step(): void {
    const chance = this.#random.next();
    if (chance < 0.35) this.#run();
    else if (chance < 0.5) this.#acquire();
    else if (chance < 0.55) this.#tryAcquire();
    else if (chance < 0.65) this.#release();
    else if (chance < 0.75) this.#setStates();
    else if (chance < 0.83) this.#memory = this.#random.pick([0, 0.5, 0.89, 0.91, 0.95, 0.99, 1.3]);
    else if (chance < 0.88) this.#setSaturation();
    else if (chance < 0.92) this.#turnAway();
    else if (chance < 0.97) this.#map();
    else this.#resource.update({ limit: this.#limit() });
  }

  #task(): TaskOptions {
    const random = this.#random;
    const stop = random.next() < 0.1 ? new AbortController() : undefined;
    if (stop !== undefined) this.#clock.after(random.whole(0, 80), () => stop.abort(FAILED));
    return {
      lane: random.pick(this.#lanes).name,
      flow: random.pick(["a", "b", "c"]),
      ...(random.next() < 0.15 ? { width: random.whole(1, 6) } : {}),
      ...(random.next() < 0.15 ? { timeoutMs: random.whole(0, 200) } : {}),
      ...(stop === undefined ? {} : { signal: stop.signal }),
    };
  }

  #run(): void {
    for (let i = this.#random.whole(1, 4); i > 0; i--)
      void this.#round.settles(
        "a run",
        this.#resource.run((permit) => this.#work(permit), this.#task()),
      );
  }

  async #work(permit: Permit): Promise<void> {
    await this.#clock.sleep(this.#random.exponential(15));
    if (this.#random.next() < 0.1) {
      const turn = permit.requeue({ afterMs: this.#random.whole(0, 30) });
      // Some do not wait for it.
      if (this.#random.next() < 0.3) return void turn.catch(() => undefined);
      await turn;
    }
    if (this.#random.next() < 0.1) throw FAILED;
  }

  #acquire(): void {
    const turn = this.#resource.acquire(this.#task());
    void this.#round
      .settles("an acquire", turn)
      .then((outcome) => outcome.status === "fulfilled" && this.#held.add(outcome.value));
  }

  #tryAcquire(): void {
    const permit = this.#resource.tryAcquire(this.#task());
    if (permit !== undefined) this.#held.add(permit);
  }

  #release(): void {
    for (const permit of this.#held) {
      this.#held.delete(permit);
      permit.release({ failed: this.#random.next() < 0.2 });
      if (this.#random.next() < 0.2) permit.release();
      return;
    }
  }

  /** A reading below nine tenths refuses nobody, and none refuses the top lane. */
  #judgeMemory(lane: string): void {
    this.#round.expect(this.#memory >= 0.9, `refused for want of memory at ${this.#memory}`);
    this.#round.expect(lane !== NAMES[0], "the top lane was refused for want of memory");
    this.#round.count("refused for want of memory");
  }

  /** Nothing starts in a paused lane, and nothing comes into one that drains. */
  #judgeStates(): void {
    for (const { name, state } of this.#lanes) {
      const since = this.#since.get(name) ?? 0;
      for (const task of this.audit.live) {
        if (task.lane !== name) continue;
        if (state === "paused" && task.state === RUNNING && task.startedAt! > since)
          this.#round.fault(`a task started at ${task.startedAt} in lane ${name}, paused since ${since}`);
        if (state === "draining" && task.state !== ENDED && task.arrivedAt > since)
          this.#round.fault(`a task came at ${task.arrivedAt} into lane ${name}, draining since ${since}`);
      }
    }
  }

  #setStates(): void {
    this.audit.lanesChanged = true;
    this.#lanes = this.#lanes.map((lane) => {
      const state = this.#random.pick(STATES);
      if (state !== lane.state) this.#since.set(lane.name, this.#clock.now());
      return { ...lane, state };
    });
    this.#resource.update({ lanes: this.#lanes });
    this.#round.count("lane states set");
  }

  #setSaturation(): void {
    const level = this.#random.pick([0, 0.5, 1.1, 2]);
    const cause = this.#random.pick(["event-loop", "memory", "pressure"] as const);
    this.#saturation = level === 0 ? undefined : { level, cause };
  }

  /** It comes through no door that the audit watches. */
  #turnAway(): void {
    this.audit.offered++;
    this.#turnedAway++;
    this.#resource.turnAway(this.#task(), 1_000);
  }

  #map(): void {
    const items = Array.from({ length: this.#random.whole(0, 6) }, (_, index) => index);
    const lane = this.#random.pick(this.#lanes).name;
    const results = this.#resource.map(items, () => this.#clock.sleep(5), { lane });
    const all = (async () => {
      let got = 0;
      for await (const _ of results) if (++got === 4 && this.#random.next() < 0.3) break;
    })();
    void this.#round.settles("a map", all);
  }

  #drain(): Promise<unknown> {
    const timeoutMs = this.#random.pick([0, 50, 5_000]);
    return this.#round.settles("a drain", this.#resource.drain({ timeoutMs }));
  }

  async #finish(drained: Promise<unknown> | undefined): Promise<void> {
    this.#memory = 0;
    this.#lanes = this.#lanes.map((lane) => ({ ...lane, state: "open" as const }));
    this.audit.lanesChanged = true;
    this.#resource.update({ lanes: this.#lanes });
    // A map comes back with what was shed for as long as it is told to, up to a minute at a time.
    for (let turn = 0; turn < 40 || (turn < 600 && this.#round.unsettled.size > 0); turn++) {
      await this.#clock.advance(turn < 8 ? 50 : 1_000);
      this.audit.checkDue(this.#clock.now());
      for (const permit of this.#held) permit.release();
      this.#held.clear();
    }
    if (this.#round.unsettled.size > 0) return;
    await drained;
    await this.#clock.advance(5_000);
    this.audit.checkRest();
    judgeCounters(this.#round, this.#resource);
    const { offered } = this.audit;
    this.#round.expect(this.#records === offered, `${offered} tasks left ${this.#records} records`);
    this.#round.expect(this.#clock.pending === 0, `${this.#clock.pending} timers are left at rest`);
    this.#round.count("tasks", offered);
    this.#round.count("turned away", this.#turnedAway);
  }
}

function laneOf(name: string, random: Random): LaneOptions {
  return {
    name,
    reservation: random.pick(["0%", "10%", "20%"] as const),
    lendable: random.pick(["0%", "100%"] as const),
    timeoutMs: random.pick([60, 400, 3_000]),
    queue: { max: random.pick([0, 3, 100]), timeoutMs: random.pick([40, 300, 3_000]) },
  };
}

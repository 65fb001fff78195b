/**
 * A limit that is learned by trying. It alternates between its estimate and a little less, and compares what a run takes
 * at each: the answer to "does more at once bring more done?" without any belief about how long a run should take.
 *
 *   seats alone (runs as long at both)            all of the difference was throughput: grow
 *   seats and queueing (runs longer in proportion) none of it was: shrink
 *
 * By Little's law the elasticity of the run time with the seats, e, is one minus that of the throughput. The estimate
 * moves until e is at `TARGET`. Each low window is compared with the high ones before and after it, so that a drift of
 * the run time, from whatever cause, cancels out, and no baseline is kept that an overload could pull up.
 */

import type { Clock } from "../clock.ts";
import type { Limit, LimitCause, LimitSignal, Saturation } from "./limit.ts";
import type { AdaptiveConfig } from "./limit-options.ts";
import { Window } from "./window.ts";

/**
 * Elasticity of the run time at which growing is no longer worth it, and where runs take much longer already than they
 * once did: on a busy machine a line of a third behind the seats was held for throughput again and again with 0.7 alone.
 */
const TARGET = 0.7;
const SLOW_TARGET = 0.4;
const SLOW_FROM = 1.15;
const SLOW_SLOPE = 0.6;
/** The low window's part of the estimate. */
const LESS = 0.8;
/** A window lasts so many mean runs and, within bounds, until so many tasks have ended. */
const WINDOW_RUNS = 3;
const WINDOW_ERROR = 0.03;
const FEWEST_WINDOW_TASKS = 40;
const MOST_WINDOW_TASKS = 300;
const SHORTEST_WINDOW_MS = 50;
const LONGEST_WINDOW_MS = 2_000;
/** While rising: the step up, and the elasticity that ends it. */
const RISE = 1.5;
const RISE_ENDS = 0.5;
const RISE_ENDS_SLOWER = 1.4;
const FILL_RUNS = 3;
const SLOWER = "runs take longer the more of them there are";
const FEWEST_TASKS = 10;
const MOST_STEADY = 6;
const LEAST_SPREAD = 0.03;

type Phase = "rising" | "high" | "low";

export class AdaptiveLimit implements Limit {
  readonly max: number;
  current: number;
  signal: LimitSignal;
  #min: number;
  /** The estimate, in fractions of seats. */
  #seats: number;
  #phase: Phase = "rising";
  readonly #window = new Window();
  #endsAt = 0;
  #begun = false;
  /** The first to end are the short ones: what is seen while seats fill says little. */
  #filling = true;
  /** Run time and throughput of late: how long windows must be. */
  #runMs = 0;
  #perMs = 0;
  /** Of the logarithms of run times: how many tasks it takes to know their mean. */
  #variance = 1;
  #high: Sample | undefined = undefined;
  #low: Sample | undefined = undefined;
  /** The least that a success has cost, since it was last seen to be no queue but the work itself. */
  #base = Infinity;
  #elasticity: number | undefined = undefined;
  #inRow = 0;
  #steady = 0;
  #usualFailures = 0;
  /** The estimate before a stall. */
  #stalledFrom: number | undefined = undefined;
  #changed = (): void => {};
  readonly #config: AdaptiveConfig;
  readonly #clock: Clock;
  readonly #saturation: (() => Saturation | undefined) | undefined;

  constructor(
    config: AdaptiveConfig,
    clock: Clock,
    saturation: (() => Saturation | undefined) | undefined,
    seats: number = config.start,
  ) {
    this.max = config.max;
    this.#min = config.min;
    this.#seats = seats;
    this.current = seats;
    this.#config = config;
    this.#clock = clock;
    this.#saturation = saturation;
    const reason = `${seats} seats to begin with`;
    this.signal = { cause: "start", from: seats, to: seats, movedAt: clock.now(), reason };
  }

  /** This limit itself where nothing differs, else one with other bounds that begins where this one stands. */
  within(config: AdaptiveConfig, saturation: (() => Saturation | undefined) | undefined): AdaptiveLimit {
    const { min, max, start } = this.#config;
    if (min === config.min && max === config.max && start === config.start && saturation === this.#saturation)
      return this;
    const seats = Math.min(config.max, Math.max(config.min, Math.round(this.#seats)));
    return new AdaptiveLimit(config, this.#clock, saturation, seats);
  }

  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  atLeast(seats: number): void {
    this.#min = Math.min(this.max, Math.max(this.#config.min, seats));
    if (this.#seats >= this.#min) return;
    this.#move(this.#min, "floors", "the floors of the lanes need them", this.#clock.now());
    this.current = this.#min;
  }

  onSubmit(seatsInUse: number, waiting: number, now: number): void {
    if (!this.#begun) this.#first(now);
    this.#window.pass(seatsInUse, waiting, now);
    if (now >= this.#endsAt) this.#end(seatsInUse, now);
  }

  onRelease(runMs: number, seatsInUse: number, failed: boolean, waiting: number, now: number): void {
    if (!this.#begun) this.#first(now);
    this.#window.pass(seatsInUse, waiting, now);
    if (this.#runMs === 0) {
      this.#runMs = Math.max(runMs, 0.01);
      this.#endsAt = now + this.#windowMs();
    }
    this.#window.ended(runMs, failed, now);
    if (now >= this.#endsAt) this.#end(seatsInUse, now);
  }

  #first(now: number): void {
    this.#begun = true;
    this.#window.begin(now, now, now);
    this.#endsAt = now + LONGEST_WINDOW_MS;
  }

  #windowMs(): number {
    const precise = this.#variance / WINDOW_ERROR ** 2;
    const tasks = Math.min(MOST_WINDOW_TASKS, Math.max(FEWEST_WINDOW_TASKS, precise));
    const enough = this.#perMs > 0 ? tasks / this.#perMs : 0;
    const least = Math.max(SHORTEST_WINDOW_MS, WINDOW_RUNS * this.#runMs);
    const most = Math.max(LONGEST_WINDOW_MS, least);
    return Math.min(most, Math.max(least, enough));
  }

  /** A window is over: learn from it, decide, and begin the next. */
  #end(seatsInUse: number, now: number): void {
    const seen = this.#window;
    if (this.#isStalled(seatsInUse, now)) return this.#stall(now);
    const all = seen.done + seen.failed;
    if (all < FEWEST_TASKS && seen.lasted(now) < 4 * LONGEST_WINDOW_MS) {
      this.#endsAt = now + this.#windowMs() / 2;
      return;
    }
    const lasted = Math.max(seen.lasted(now), 0.01);
    if (all > 0) {
      follow(this.#runMs, seen.area / all, (ms) => (this.#runMs = ms));
      if (seen.done > FEWEST_TASKS)
        follow(this.#variance, seen.variance, (ofLogs) => (this.#variance = ofLogs));
      follow(this.#perMs, all / lasted, (rate) => (this.#perMs = rate));
    }
    if (this.#stalledFrom !== undefined) return this.#recover(now);
    if (this.#filling) {
      if (lasted >= FILL_RUNS * (seen.area / Math.max(1, all))) this.#filling = false;
      else return void (this.#endsAt = now + this.#windowMs() / 4);
      this.#base = Math.min(this.#base, seen.cost ?? Infinity);
      return this.#next("rising", now, 1);
    }
    if (this.#tooManyFail(now)) return;
    const cost = seen.cost;
    const limited = seen.limited(now);
    const sample =
      cost === undefined || all < FEWEST_TASKS ? undefined : { cost, seats: seen.seats(now), limited };
    if (sample !== undefined) this.#base = Math.min(this.#base, sample.cost);
    if (this.#phase === "rising") this.#rise(sample, now);
    else this.#compare(limited ? sample : undefined, now);
  }

  /** Nearly nothing ends of what should have by now. */
  #isStalled(seatsInUse: number, now: number): boolean {
    const { area, done, failed } = this.#window;
    if (this.#runMs === 0 || seatsInUse < Math.max(4, this.current / 2)) return false;
    const expected = area / this.#runMs;
    return this.#window.lasted(now) > 4 * this.#runMs && expected > 10 && done + failed < expected / 4;
  }

  #stall(now: number): void {
    const { area, done, failed } = this.#window;
    this.#stalledFrom ??= this.#seats;
    // Perhaps runs just take longer now: believe that by and by, or nothing would ever look right again.
    this.#runMs = Math.min(2 * this.#runMs, area / Math.max(1, done + failed));
    this.#move(this.#seats / 2, "stall", "nearly nothing ends any more", now);
    this.#high = undefined;
    this.#next("rising", now, 0);
  }

  #recover(now: number): void {
    const before = this.#stalledFrom!;
    this.#stalledFrom = undefined;
    this.#move(Math.max(this.#seats, 0.8 * before), "throughput", "tasks end again after a stall", now);
    this.#next("high", now, 1);
  }

  #tooManyFail(now: number): boolean {
    const { failures } = this.#window;
    const usual = this.#usualFailures;
    // A service of whose seats hardly half are in use is not failing for want of them.
    const isUsed = this.#window.seats(now) >= this.current / 2;
    // What fails whatever the limit is must not hold it down for ever.
    this.#usualFailures += (failures - usual) * (failures < usual ? 0.3 : 0.03);
    if (!isUsed || failures <= Math.max(0.05, 2 * usual + 0.02)) return false;
    this.#move(this.#seats * 0.85, "failures", `${Math.round(failures * 100)} % of the tasks fail`, now);
    this.#high = undefined;
    this.#next("high", now, 1);
    return true;
  }

  #rise(sample: Sample | undefined, now: number): void {
    const before = this.#high;
    if (sample === undefined) return this.#next("rising", now, 0);
    this.#high = sample;
    if (!sample.limited) return this.#next("rising", now, 0);
    // Nothing to compare with: look at less before trying more.
    if (before === undefined) return this.#next("low", now, 1);
    const more = Math.log(sample.seats / before.seats);
    const e = more < 0.05 ? 0 : (sample.cost - before.cost) / more;
    const slower = Math.exp(sample.cost - this.#base);
    if (e > RISE_ENDS || slower > RISE_ENDS_SLOWER) {
      this.#move(this.#seats * Math.max(0.4, Math.min(0.85, 1.2 / slower)), "latency", SLOWER, now);
      this.#high = undefined;
      return this.#next("high", now, 1);
    }
    if (!this.#mayGrow(now)) return this.#next("rising", now, 0);
    this.#move(this.#seats * RISE, "throughput", "more at once brings more done", now);
    this.#next(this.#seats >= this.max ? "high" : "rising", now, 1);
  }

  /** High, low, high: each low one is compared with those around it. */
  #compare(sample: Sample | undefined, now: number): void {
    if (sample === undefined) {
      this.#high = undefined;
      this.#low = undefined;
      return this.#next("high", now, this.#phase === "low" ? 1 : 0);
    }
    if (this.#phase === "low") {
      this.#low = sample;
      return this.#next("high", now, 1);
    }
    const before = this.#high;
    const low = this.#low;
    this.#high = sample;
    this.#low = undefined;
    if (before !== undefined && low !== undefined) {
      const first = this.#elasticity === undefined;
      this.#judge(before, low, sample, now);
      if (first && (this.#elasticity ?? 1) < RISE_ENDS) return this.#next("rising", now, 1);
    }
    this.#next("low", now, 1);
  }

  #judge(before: Sample, low: Sample, after: Sample, now: number): void {
    // The slope through the low one and both high ones; where the estimate has just moved they are not the same size.
    const [left, right] = [Math.log(before.seats / low.seats), Math.log(after.seats / low.seats)];
    const spread = left * left + right * right;
    if (spread < LEAST_SPREAD) return;
    const slope = ((before.cost - low.cost) * left + (after.cost - low.cost) * right) / spread;
    const e = Math.min(1.5, Math.max(-0.5, slope));
    const usual = this.#elasticity;
    const smooth = usual === undefined ? e : usual + (e - usual) * Math.min(0.4, 5 * spread);
    this.#elasticity = smooth;
    if (smooth < 0.3) this.#base = Math.max(this.#base, (this.#base + low.cost) / 2);
    const slower = Math.exp(after.cost - this.#base);
    const error = targetAt(slower) - smooth;
    this.#steady = Math.abs(error) < 0.2 ? Math.min(MOST_STEADY, this.#steady + 1) : 0;
    this.#inRow = error < 0 ? Math.min(-1, this.#inRow - 1) : Math.max(1, this.#inRow + 1);
    if (error > 0) {
      const step = Math.exp(0.25 * error * (error > 0.3 && slower < 1.5 ? Math.min(3, this.#inRow) : 1));
      if (this.#mayGrow(now))
        this.#move(this.#seats * step, "throughput", "more at once brings more done", now);
      return;
    }
    let far = e > targetAt(slower) && slower > 1.5 ? Math.max(0.5, (1.3 / slower) ** 0.7) : 1;
    // Nothing at all is gained by what is above the low window: at most that much is needed.
    if (smooth > 0.9 && slower > 1.2) far = Math.min(far, LESS);
    this.#move(
      this.#seats *
        Math.min(far, Math.exp(0.25 * error * (e > targetAt(slower) ? Math.min(3, -this.#inRow) : 1))),
      "latency",
      SLOWER,
      now,
    );
  }

  #mayGrow(now: number): boolean {
    const beside = this.#saturation?.();
    if (beside === undefined || beside.level < 1) return true;
    if (beside.level >= 1.5)
      this.#move(this.#seats * 0.85, beside.cause, `the ${beside.cause} is over its bound`, now);
    return false;
  }

  #move(seats: number, cause: LimitCause, why: string, now: number): void {
    const from = Math.round(this.#seats);
    this.#seats = Math.min(this.max, Math.max(this.#min, seats));
    const to = Math.round(this.#seats);
    if (to !== from)
      this.signal = { cause, from, to, movedAt: now, reason: `${to} seats, from ${from}: ${why}` };
  }

  /** Begins a window, after as many mean runs as what came before needs to leave. */
  #next(phase: Phase, now: number, settleRuns: number): void {
    this.#phase = phase;
    const estimate = Math.round(this.#seats);
    const low = Math.max(this.#min, Math.min(estimate - 1, Math.round(this.#seats * LESS)));
    // Where nothing less is allowed, one more is tried instead.
    const high = Math.min(this.max, Math.max(estimate, low + 1));
    const seats = phase === "low" ? low : phase === "high" ? high : estimate;
    const settle = settleRuns * this.#runMs;
    const lasts = this.#windowMs();
    // High windows may be long, but only the end of one is looked at: it must not see longer runs than a low one does.
    const from = now + settle + (phase === "high" ? lasts * this.#steady : 0);
    this.#window.begin(now, from, settle === 0 ? now : from - settle);
    this.#endsAt = from + lasts;
    if (seats === this.current) return;
    this.current = seats;
    this.#changed();
  }
}

/** The slower runs are already, the more must be gained by growing further. */
function targetAt(slower: number): number {
  return slower < SLOW_FROM ? TARGET : Math.max(SLOW_TARGET, TARGET - (slower - SLOW_FROM) * SLOW_SLOPE);
}

interface Sample {
  readonly cost: number;
  readonly seats: number;
  readonly limited: boolean;
}

function follow(old: number, fresh: number, set: (value: number) => void): void {
  set(old === 0 ? fresh : old + (fresh - old) * 0.5);
}

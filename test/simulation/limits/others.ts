/** The known algorithms, from their formulas, to compare with. None of them is part of the product. */

import type { Limit } from "../../../src/core/limit/limit.ts";

/** What they share: windows of one second with ten samples or more, and bounds. */
abstract class Windowed implements Limit {
  seats = 20;
  #runs: number[] = [];
  #most = 0;
  #dropped = 0;
  #endsAt = 0;
  readonly #now: () => number;
  #changed = (): void => {};

  constructor(now: () => number) {
    this.#now = now;
  }

  get current(): number {
    return Math.max(1, Math.floor(this.seats));
  }

  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  onRelease(runMs: number, seatsInUse: number, failed: boolean): void {
    if (failed) this.#dropped++;
    else this.#runs.push(runMs);
    this.#most = Math.max(this.#most, seatsInUse);
    const now = this.#now();
    if (now < this.#endsAt || this.#runs.length + this.#dropped < 10) return;
    const runs = this.#runs;
    const mean = runs.reduce((sum, ms) => sum + ms, 0) / Math.max(1, runs.length);
    const lasted = Math.max(1, now - this.#endsAt + 1_000);
    const before = this.current;
    this.learn({ mean, runs, most: this.#most, dropped: this.#dropped, perMs: runs.length / lasted });
    this.seats = Math.min(1_000, Math.max(1, this.seats));
    this.#runs = [];
    this.#most = 0;
    this.#dropped = 0;
    this.#endsAt = now + 1_000;
    if (this.current !== before) this.#changed();
  }

  protected abstract learn(window: Seen): void;
}

interface Seen {
  readonly mean: number;
  readonly runs: readonly number[];
  readonly most: number;
  readonly dropped: number;
  readonly perMs: number;
}

/** The ratio of a long mean of run times to a short one, with a tolerance of 1.5 (Netflix, concurrency-limits). */
export class Gradient2 extends Windowed {
  #long = 0;
  #seen = 0;

  protected learn({ mean, most, runs }: Seen): void {
    if (runs.length === 0) return;
    this.#seen++;
    this.#long += (mean - this.#long) * (this.#seen <= 10 ? 1 / this.#seen : 2 / 601);
    if (this.#long / mean > 2) this.#long *= 0.95;
    if (most < this.seats / 2) return;
    const gradient = Math.min(1, Math.max(0.5, (1.5 * this.#long) / mean));
    this.seats = Math.max(20, Math.min(200, 0.8 * this.seats + 0.2 * (this.seats * gradient + 4)));
  }
}

/** An estimate of the queue from the shortest run seen (Brakmo and Peterson's TCP Vegas, for concurrency). */
export class Vegas extends Windowed {
  #base = Infinity;
  #left = 0;

  protected learn({ mean, most, dropped, runs }: Seen): void {
    const log = Math.max(1, Math.log10(this.seats));
    if (dropped > 0) {
      this.seats -= log;
      return;
    }
    if (runs.length === 0) return;
    this.#left -= runs.length;
    if (this.#left <= 0) {
      this.#left = 30 * this.seats * 0.75;
      this.#base = mean;
    }
    this.#base = Math.min(this.#base, mean);
    if (most < this.seats / 2) return;
    const queue = Math.ceil(this.seats * (1 - this.#base / mean));
    if (queue <= log) this.seats += 6 * log;
    else if (queue < 3 * log) this.seats += log;
    else if (queue > 6 * log) this.seats -= log;
  }
}

/** One more while nothing fails, a tenth less when something does (Chiu and Jain, as Netflix bounds it). */
export class Aimd extends Windowed {
  protected learn({ mean, most, dropped }: Seen): void {
    if (dropped > 0 || mean > 5_000) this.seats *= 0.9;
    else if (2 * most >= this.seats) this.seats += 1;
  }
}

/** A gradient that grows only while seats and throughput have moved together over the last fifty windows. */
export class Correlated extends Windowed {
  #base = 0;
  readonly #seats: number[] = [];
  readonly #throughput: number[] = [];

  protected learn({ runs, most, perMs }: Seen): void {
    if (runs.length === 0) return;
    const sorted = [...runs].sort((a, b) => a - b);
    const p90 = sorted[Math.floor(sorted.length * 0.9)]!;
    this.#base = this.#base === 0 ? p90 : this.#base + (p90 - this.#base) * 0.02;
    this.#seats.push(most);
    this.#throughput.push(perMs);
    if (this.#seats.length > 50) {
      this.#seats.shift();
      this.#throughput.shift();
    }
    if (most < this.seats / 2) return;
    const slack = Math.max(1, Math.log10(this.seats));
    const queue = this.seats * (1 - this.#base / p90);
    if (queue > 6 * slack) this.seats -= Math.max(1, slack);
    else if (queue < 3 * slack && this.#grows()) this.seats += 2 * slack;
    else if (this.#seats.length >= 10 && !this.#grows()) this.seats -= slack;
  }

  #grows(): boolean {
    return this.#seats.length < 10 || correlation(this.#seats, this.#throughput) > 0;
  }
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const meanA = a.reduce((sum, x) => sum + x, 0) / a.length;
  const meanB = b.reduce((sum, x) => sum + x, 0) / b.length;
  let both = 0;
  let ofA = 0;
  let ofB = 0;
  a.forEach((x, i) => {
    both += (x - meanA) * (b[i]! - meanB);
    ofA += (x - meanA) ** 2;
    ofB += (b[i]! - meanB) ** 2;
  });
  return ofA === 0 || ofB === 0 ? 1 : both / Math.sqrt(ofA * ofB);
}

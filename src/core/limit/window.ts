/**
 * What happened to the tasks of a resource over one stretch of time. Run times are averaged as logarithms: what doubles
 * every run doubles that mean whatever the mix of long and short ones, and one task a hundred times as long as the rest
 * does not drown them.
 */
export class Window {
  /** Runs that began before this instant belong to what was before, and are not counted. */
  #since = 0;
  #from = 0;
  #lastAt = 0;
  /** Seat-milliseconds in use, and milliseconds in which somebody waited. */
  #area = 0;
  #queuedMs = 0;
  #logs = 0;
  #squares = 0;
  done = 0;
  failed = 0;

  /** Begins anew at `from`, which may lie ahead; of the runs that end from then on those count that began after `since`. */
  begin(now: number, from: number, since: number): void {
    this.#since = since;
    this.#from = from;
    this.#lastAt = now;
    this.#area = 0;
    this.#queuedMs = 0;
    this.#logs = 0;
    this.#squares = 0;
    this.done = 0;
    this.failed = 0;
  }

  /** Something is about to change: until now so many seats were in use, and so many tasks waited. */
  pass(seatsInUse: number, waiting: number, now: number): void {
    const lasted = now - Math.max(this.#lastAt, this.#from);
    this.#lastAt = now;
    if (lasted <= 0) return;
    this.#area += seatsInUse * lasted;
    if (waiting > 0) this.#queuedMs += lasted;
  }

  /** A task has ended. */
  ended(runMs: number, failed: boolean, now: number): void {
    if (now < this.#from || now - runMs < this.#since) return;
    if (failed) this.failed++;
    else {
      this.done++;
      const log = Math.log(Math.max(runMs, SHORTEST_MS));
      this.#logs += log;
      this.#squares += log * log;
    }
  }

  lasted(now: number): number {
    return Math.max(0, now - this.#from);
  }

  /** Seats in use on average. */
  seats(now: number): number {
    const lasted = this.lasted(now);
    return lasted === 0 ? 0 : this.#area / lasted;
  }

  /** Seat-milliseconds used. */
  get area(): number {
    return this.#area;
  }

  /** Whether somebody waited for most of the time: only then does the limit limit anything. */
  limited(now: number): boolean {
    return this.#queuedMs > this.lasted(now) / 2;
  }

  /** The part of the tasks that failed. */
  get failures(): number {
    const all = this.done + this.failed;
    return all === 0 ? 0 : this.failed / all;
  }

  /** The mean logarithm of what one success took, failed attempts included; undefined without a success. */
  get cost(): number | undefined {
    return this.done === 0 ? undefined : this.#logs / this.done - Math.log(1 - this.failures);
  }

  /** How much those logarithms differ: their variance. */
  get variance(): number {
    const mean = this.#logs / Math.max(1, this.done);
    return Math.max(0, this.#squares / Math.max(1, this.done) - mean * mean);
  }
}

const SHORTEST_MS = 0.001;

/**
 * One kind of one budget: a bucket that holds what may be used in a minute, full at the start and refilled all the time,
 * by the clock and computed when somebody looks.
 *
 * What is in it is split into levels: one kept for each lane with a floor, and the common one. A lane may use its own
 * and what nobody of a higher lane waits for of the common one, that first: its floor is still whole when it is gone. The refill fills
 * what the top lane keeps first; other lanes' levels get their own part of it until they are full, and the common level
 * gets the rest. So a floor is a level and not a share of the refill: once full, its refill is lent.
 *
 * The levels add up to what a bucket without lanes would hold, whatever the lanes do. Nothing that is started can
 * take more than that; only corrections can lead below zero.
 */

const MINUTE_MS = 60_000;
/** Sums of many refills miss by less than this part of a bucket. */
const ROUNDING = 1e-9;
/** Weight of one task in what is learnt about how much of an estimate is used. */
const GAIN = 0.125;

const NOBODY: readonly number[] = [];

/** What the lanes of a resource keep of every bucket. */
export interface Floors {
  /** By rank: the part of a bucket that is kept for that lane, from 0 to 1; less than 1 in all. */
  readonly parts: readonly number[];
  /** The rank of the top lane. */
  readonly top: number;
}

export class Bucket {
  perMinute: number;
  /** The most it holds. */
  capacity: number;
  /** Charged to tasks that run: nobody but they knows how much of it is used already. */
  inFlight = 0;
  /** The part of what tasks were charged that they really use, as lately learnt. */
  used = 1;
  /** The part of the refill that goes to the top lane's level until that is full. */
  topFirst = 1;
  readonly #indivisible: boolean;
  #top: number;
  #floors: number[];
  #kept: number[];
  #common: number;
  #commonFull: number;
  /** Refilled up to here; ahead of the clock while the refill has not begun. */
  #at: number;

  /** `indivisible`: counted in whole units, so that every lane must be able to have one of them. */
  constructor(perMinute: number, indivisible: boolean, floors: Floors, now: number) {
    this.perMinute = perMinute;
    this.#indivisible = indivisible;
    this.capacity = this.#capacityOf(perMinute);
    this.#top = floors.top;
    this.#floors = this.#floorsOf(floors);
    this.#kept = [...this.#floors];
    this.#commonFull = this.capacity - sum(this.#floors);
    this.#common = this.#commonFull;
    this.#at = now;
  }

  /** What is left in all; below zero after corrections. */
  get left(): number {
    return this.#common + sum(this.#kept);
  }

  get full(): boolean {
    return this.left >= this.capacity * (1 - ROUNDING);
  }

  /** Adds what has come since the last look. */
  refill(now: number): void {
    if (now <= this.#at) return;
    const amount = ((now - this.#at) / MINUTE_MS) * this.perMinute;
    this.#at = now;
    this.#pour(amount);
  }

  /** What the lane may use now, less what others have spoken for of the common level. */
  room(rank: number, spokenFor: number): number {
    const common = this.#common <= 0 || spokenFor <= 0 ? this.#common : Math.max(0, this.#common - spokenFor);
    return common + this.kept(rank);
  }

  /** The lane's own level. */
  kept(rank: number): number {
    return this.#kept[rank] ?? 0;
  }

  /** `amount`, but no more than the lane could ever have. */
  clamp(rank: number, amount: number): number {
    return Math.min(amount, this.#commonFull + (this.#floors[rank] ?? 0));
  }

  /** How much more than `amount` the lane may use, as a part of the bucket; below zero when it must wait. */
  slack(rank: number, amount: number, spokenFor: number): number {
    const slack = (this.room(rank, spokenFor) - amount) / this.capacity;
    return slack < 0 && slack >= -ROUNDING ? 0 : slack;
  }

  /**
   * Milliseconds until the lane could use so much if nobody took anything. `beyond`, by rank: what waits in other lanes and
   * goes first, as far as it is more than their own levels; as those fill, less is spoken for.
   */
  readyIn(rank: number, amount: number, beyond: readonly number[], now: number): number {
    const spokenFor = beyond.reduce((all, one) => all + one, 0);
    if (this.slack(rank, amount, spokenFor) >= 0) return 0;
    return Math.min(
      this.#allReadyIn(rank, amount + spokenFor, beyond, now),
      this.#ownReadyIn(rank, amount, now),
    );
  }

  /** The same by its own level alone, which may be there before what is spoken for; at the earliest. */
  #ownReadyIn(rank: number, amount: number, now: number): number {
    if (amount > (this.#floors[rank] ?? 0)) return Infinity;
    // A debt is everybody's: while there is one nobody has a level alone.
    if (this.#common < 0) return this.#allReadyIn(rank, amount, NOBODY, now);
    const missing = amount - this.kept(rank);
    if (rank === this.#top) return this.#msFor(missing, now);
    const first = this.topFirst < 1 ? 0 : Math.max(0, this.#missing(this.#top));
    return this.#msFor(first + missing / this.#part(rank), now);
  }

  /**
   * Milliseconds until common level and own together hold so much, `beyond` included. What flows into a level that its
   * own lane waits for is no longer spoken for elsewhere, so until that is covered it counts as if it were common.
   */
  #allReadyIn(rank: number, amount: number, beyond: readonly number[], now: number): number {
    let room = this.#common + this.kept(rank);
    if (room >= amount) return 0;
    // The top lane's level first: what it gets is room for that lane and for no other.
    let poured = 0;
    const first = this.topFirst > 0 ? this.#missing(this.#top) / this.topFirst : 0;
    if (first > 0) {
      const covered = rank === this.#top ? 0 : this.#covered(this.#top, beyond) / this.topFirst;
      if (amount - room <= covered) return this.#msFor(amount - room, now);
      const slope = rank === this.#top ? 1 : 1 - this.topFirst;
      const enough = slope > 0 ? covered + (amount - room - covered) / slope : Infinity;
      // While others get some of it too, this is only the earliest that it can be; whoever asks will ask again.
      if (enough <= first || this.topFirst < 1) return this.#msFor(Math.min(enough, first), now);
      poured = first;
      room += covered + (first - covered) * slope;
    }
    // Then the others, each until its level is full: at every such point more of the refill is left for this lane.
    let rest = 0;
    for (;;) {
      let slope = 1;
      let next = Infinity;
      for (let other = 0; other < this.#floors.length; other++) {
        if (other === rank || other === this.#top) continue;
        const until = this.#missing(other) / this.#part(other);
        if (!(until > rest)) continue;
        const covered = this.#covered(other, beyond) / this.#part(other);
        if (covered <= rest) slope -= this.#part(other);
        next = Math.min(next, covered > rest ? covered : until);
      }
      const enough = rest + (amount - room) / Math.max(slope, ROUNDING);
      if (enough <= next) return this.#msFor(poured + enough, now);
      room += (next - rest) * slope;
      rest = next;
    }
  }

  /** How much may flow into a level before its lane's waiting tasks have no more use for it. */
  #covered(rank: number, beyond: readonly number[]): number {
    return Math.min(beyond[rank] ?? 0, this.#missing(rank));
  }

  /**
   * Charges a task of this lane, whether or not there is enough: first what of the common level nobody of a higher lane
   * waits for, then the lane's own. A bucket that was full begins to refill `spreadMs` from now: what the task uses may
   * find a full bucket still when it arrives, and that one loses the refill of its way.
   */
  take(rank: number, amount: number, spokenFor: number, now: number, spreadMs: number): void {
    if (spreadMs > 0 && this.capacity - this.left <= (spreadMs / MINUTE_MS) * this.perMinute)
      this.#at = now + spreadMs;
    const free = Math.min(amount, Math.max(0, this.#common - spokenFor));
    const own = Math.min(amount - free, this.kept(rank));
    if (own > 0) this.#kept[rank] = this.kept(rank) - own;
    this.#lower(amount - own);
    this.inFlight += amount;
  }

  /** A task has ended that was charged so much and has used `actual`. */
  settle(rank: number, charged: number, actual: number): void {
    this.inFlight = Math.max(0, this.inFlight - charged);
    if (charged > 0) this.used += (Math.min(1, actual / charged) - this.used) * GAIN;
    const more = actual - charged;
    if (more < 0) this.#pour(-more);
    else if (more > 0) {
      const common = Math.max(0, Math.min(more, this.#common));
      const own = Math.min(more - common, this.kept(rank));
      if (own > 0) this.#kept[rank] = this.kept(rank) - own;
      this.#lower(more - own);
    }
  }

  /**
   * Somebody who knows says how much is left. Less is believed at once. More is believed as far as it is certain: what
   * runs was charged here, and may not have been counted there yet.
   */
  correct(left: number): void {
    const here = this.left;
    const told = Math.min(left, this.capacity);
    if (told < here) this.#drop(here - Math.max(told, -this.capacity));
    else if (told - this.inFlight > here) this.#pour(told - this.inFlight - here);
  }

  /** Another size, or other lanes: `from[rank]` is the rank that the lane had before, -1 for a new one. */
  change(perMinute: number, floors: Floors, from: readonly number[]): void {
    const capacity = this.#capacityOf(perMinute);
    const scale = Math.min(1, capacity / this.capacity);
    const left = this.left * scale;
    const kept = this.#kept;
    this.perMinute = perMinute;
    this.capacity = capacity;
    this.#top = floors.top;
    this.#floors = this.#floorsOf(floors);
    this.#kept = this.#floors.map((floor, rank) =>
      Math.max(0, Math.min(floor, (kept[from[rank] ?? -1] ?? 0) * scale)),
    );
    this.#commonFull = capacity - sum(this.#floors);
    this.#common = left - sum(this.#kept);
    this.#overflow();
  }

  #capacityOf(perMinute: number): number {
    // Less than one a minute is one in more than a minute: a bucket that could not hold it would never give it.
    return this.#indivisible ? Math.max(1, perMinute) : perMinute;
  }

  #floorsOf({ parts }: Floors): number[] {
    if (!this.#indivisible) return parts.map((part) => part * this.capacity);
    let free = Math.floor(this.capacity - 1 + ROUNDING);
    return parts.map((part) => {
      const floor = Math.min(free, Math.floor(part * this.capacity + ROUNDING));
      free -= floor;
      return floor;
    });
  }

  #missing(rank: number): number {
    return (this.#floors[rank] ?? 0) - this.kept(rank);
  }

  #part(rank: number): number {
    return (this.#floors[rank] ?? 0) / this.capacity;
  }

  #msFor(amount: number, now: number): number {
    return Math.max(0, this.#at - now) + (amount / this.perMinute) * MINUTE_MS;
  }

  #pour(amount: number): void {
    const top = Math.min(amount * this.topFirst, this.#missing(this.#top));
    if (top > 0) this.#kept[this.#top] = this.kept(this.#top) + top;
    const rest = amount - Math.max(0, top);
    let common = rest;
    if (rest > 0)
      for (let rank = 0; rank < this.#kept.length; rank++) {
        const missing = this.#missing(rank);
        if (rank === this.#top || missing <= 0) continue;
        const own = Math.min(missing, rest * this.#part(rank));
        this.#kept[rank] = this.kept(rank) + own;
        common -= own;
      }
    this.#common += common;
    this.#overflow();
  }

  /** What the common level cannot hold goes to those that are not full. */
  #overflow(): void {
    for (let rank = 0; rank < this.#kept.length && this.#common > this.#commonFull; rank++) {
      const own = Math.min(this.#missing(rank), this.#common - this.#commonFull);
      if (own <= 0) continue;
      this.#kept[rank] = this.kept(rank) + own;
      this.#common -= own;
    }
    if (this.#common > this.#commonFull) this.#common = this.#commonFull;
  }

  /** Takes so much away: the common level first, then what the lanes keep, from the lowest up. */
  #drop(amount: number): void {
    let rest = amount - Math.min(amount, Math.max(0, this.#common));
    this.#common -= amount - rest;
    for (let rank = this.#kept.length - 1; rank >= 0 && rest > 0; rank--) {
      const own = Math.min(rest, this.kept(rank));
      this.#kept[rank] = this.kept(rank) - own;
      rest -= own;
    }
    this.#lower(rest);
  }

  /** One wrong estimate must not close a budget for longer than two minutes. */
  #lower(amount: number): void {
    this.#common = Math.max(this.#common - amount, Math.min(this.#common, -this.capacity));
  }
}

function sum(levels: readonly number[]): number {
  let total = 0;
  for (const level of levels) total += level;
  return total;
}

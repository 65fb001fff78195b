/**
 * The upstream's keys: which of them a lane uses, and which are set aside because the upstream refuses them. A key that
 * is set aside is probed with one call after 1 s, 2 s, 4 s … 60 s. When all are, all are used: a call that fails tells
 * its caller more than a call that waits.
 */

const FIRST_PROBE_MS = 1_000;
const LONGEST_PROBE_MS = 60_000;

/** One key, or the caller's own, which is not ours to see. */
export class Key {
  /** The first part of the names of its budgets. */
  readonly name: string;
  /** Until then the whole key is paused, its classes that are not yet known included. */
  pausedUntil = 0;
  #failures = 0;
  #asideUntil = 0;
  readonly #secret: string | undefined;

  constructor(name: string, secret: string | undefined) {
    this.name = name;
    this.#secret = secret;
  }

  /** The key itself; undefined for the caller's own. */
  reveal(): string | undefined {
    return this.#secret;
  }

  get isAside(): boolean {
    return this.#failures > 0;
  }

  /** The upstream took it. */
  worked(): void {
    this.#failures = 0;
  }

  /** The upstream refused it, or could not be reached with it. */
  failed(now: number): void {
    this.#failures++;
    this.#setAside(now);
  }

  /** Whether one call may try it now. Asking takes the try: the next is due later, whatever becomes of this one. */
  takeProbe(now: number): boolean {
    if (!this.isAside || now < this.#asideUntil) return false;
    this.#setAside(now);
    return true;
  }

  #setAside(now: number): void {
    this.#asideUntil = now + Math.min(LONGEST_PROBE_MS, FIRST_PROBE_MS * 2 ** (this.#failures - 1));
  }
}

export class Keys {
  readonly #shared: readonly Key[];
  readonly #ofLane: ReadonlyMap<string, readonly Key[]>;

  constructor(
    keys: readonly string[],
    laneKeys: Readonly<Record<string, readonly string[]>>,
    nameOf: (key: string, index: number) => string = byPlace,
  ) {
    // A key that is listed twice has one allowance and one health: it is named by where it stands first.
    const known = new Map<string, Key>();
    const keyOf = (secret: string, name: string): Key => {
      const key = known.get(secret) ?? new Key(name, secret);
      known.set(secret, key);
      return key;
    };
    this.#shared =
      keys.length === 0
        ? [new Key("caller", undefined)]
        : [...new Set(keys.map((key, index) => keyOf(key, nameOf(key, index))))];
    this.#ofLane = new Map(
      Object.entries(laneKeys)
        .filter(([, own]) => own.length > 0)
        .map(([lane, own]) => [
          lane,
          [...new Set(own.map((key, index) => keyOf(key, keyName(lane, index))))],
        ]),
    );
  }

  /** The keys that a call of this lane may be charged to now. */
  usable(lane: string, now: number): readonly Key[] {
    const keys = this.#ofLane.get(lane) ?? this.#shared;
    if (keys.length === 1) return keys;
    const due = keys.find((key) => key.pausedUntil <= now && key.takeProbe(now));
    if (due !== undefined) return [due];
    const healthy = keys.filter((key) => !key.isAside);
    return healthy.length === 0 ? keys : healthy;
  }

  /** Whether a call of this lane that failed with `key` can be made with another one. */
  hasOther(lane: string, key: Key): boolean {
    const keys = this.#ofLane.get(lane) ?? this.#shared;
    return keys.some((other) => other !== key && !other.isAside);
  }
}

function byPlace(_key: string, index: number): string {
  return `${index}`;
}

/** The class follows after the first slash of a budget's name, so none may stand before. */
function keyName(lane: string, index: number): string {
  return `${lane.replaceAll("/", "-")}-${index}`;
}

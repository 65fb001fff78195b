/**
 * How many calls a stand-in works on at once; the rest queue first in, first out, as in front of a self-hosted model
 * server. It also remembers the most callers it ever saw, which tells whether the gateway in front kept its limit.
 */
export class Gate {
  readonly #limit: number;
  readonly #queue = new Set<() => void>();
  #running = 0;
  #most = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get full(): boolean {
    return this.#running >= this.#limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** The most calls ever present at the same time, running or queued. */
  get most(): number {
    return this.#most;
  }

  /** Calls `start` when there is room, at once if there is. The returned function leaves, queued or running. */
  enter(start: () => void): () => void {
    let state: "queued" | "running" | "gone" = "queued";
    const begin = (): void => {
      state = "running";
      this.#running++;
      start();
    };
    this.#most = Math.max(this.#most, this.#running + this.#queue.size + 1);
    const leave = (): void => {
      if (state === "queued") this.#queue.delete(begin);
      const ran = state === "running";
      state = "gone";
      if (!ran) return;
      this.#running--;
      this.#next();
    };
    if (this.full) this.#queue.add(begin);
    else begin();
    return leave;
  }

  #next(): void {
    for (const begin of this.#queue) {
      if (this.full) return;
      this.#queue.delete(begin);
      begin();
    }
  }
}

/** Simulated time: what is to happen, in order. */
export class Agenda {
  now = 0;
  #order = 0;
  readonly #heap: Entry[] = [];

  /** Calls `fn` so many milliseconds from now; returns what `cancel` takes. */
  after(ms: number, fn: () => void): Entry {
    const entry: Entry = { at: this.now + Math.max(0, ms), order: this.#order++, fn, cancelled: false };
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
    return entry;
  }

  runUntil(end: number): void {
    const heap = this.#heap;
    while (heap.length > 0 && heap[0]!.at <= end) {
      const next = heap[0]!;
      this.#pop();
      if (next.cancelled) continue;
      this.now = next.at;
      next.fn();
    }
    this.now = end;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    for (let child = 1; child < heap.length; child = 2 * index + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

/** Something that is to happen. */
export interface Entry {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
  cancelled: boolean;
}

function before(a: Entry, b: Entry): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}

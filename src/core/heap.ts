/**
 * A binary heap whose items know their own place in it, so that one in the middle is moved or removed in O(log n).
 * Subclasses say by which key items are ordered and where an item keeps its index (-1: not in the heap).
 */
export abstract class IndexedHeap<T> {
  protected readonly items: T[] = [];
  /** The key of each item beside it: comparing touches no item but on a tie. */
  readonly #keys: number[] = [];

  /** The lesser key comes first. */
  protected abstract keyOf(item: T): number;
  /** Which of two items of one key comes first. */
  protected abstract before(a: T, b: T): boolean;
  protected abstract indexOf(item: T): number;
  protected abstract place(item: T, index: number): void;

  get size(): number {
    return this.items.length;
  }

  peek(): T | undefined {
    return this.items[0];
  }

  all(): readonly T[] {
    return this.items;
  }

  add(item: T): void {
    const key = this.keyOf(item);
    this.items.push(item);
    this.#keys.push(key);
    this.#rise(item, key, this.items.length - 1);
  }

  remove(item: T): void {
    const index = this.indexOf(item);
    if (index < 0) return;
    this.place(item, -1);
    const last = this.items.pop()!;
    const key = this.#keys.pop()!;
    if (last !== item) this.#settle(last, key, index);
  }

  /** Call after an item's key has changed. */
  update(item: T): void {
    const index = this.indexOf(item);
    if (index >= 0) this.#settle(item, this.keyOf(item), index);
  }

  #settle(item: T, key: number, index: number): void {
    if (index > 0 && this.#precedes(item, key, (index - 1) >> 1)) this.#rise(item, key, index);
    else this.#sink(item, key, index);
  }

  /** Whether this item comes before the one at `index`. */
  #precedes(item: T, key: number, index: number): boolean {
    const other = this.#keys[index]!;
    return key !== other ? key < other : this.before(item, this.items[index]!);
  }

  #rise(item: T, key: number, from: number): void {
    const items = this.items;
    const keys = this.#keys;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      if (!this.#precedes(item, key, parentIndex)) break;
      const parent = items[parentIndex]!;
      items[index] = parent;
      keys[index] = keys[parentIndex]!;
      this.place(parent, index);
      index = parentIndex;
    }
    items[index] = item;
    keys[index] = key;
    this.place(item, index);
  }

  #sink(item: T, key: number, from: number): void {
    const items = this.items;
    const keys = this.#keys;
    const half = items.length >> 1;
    let index = from;
    while (index < half) {
      let childIndex = 2 * index + 1;
      const right = childIndex + 1;
      if (right < items.length && this.#precedes(items[right]!, keys[right]!, childIndex)) childIndex = right;
      const childKey = keys[childIndex]!;
      const child = items[childIndex]!;
      if (key !== childKey ? key < childKey : !this.before(child, item)) break;
      items[index] = child;
      keys[index] = childKey;
      this.place(child, index);
      index = childIndex;
    }
    items[index] = item;
    keys[index] = key;
    this.place(item, index);
  }
}

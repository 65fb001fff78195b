/**
 * A binary heap whose items know their own place in it, so that one in the middle is moved or removed in O(log n).
 * Subclasses say which of two items comes first and where an item keeps its index (-1: not in the heap).
 */
export abstract class IndexedHeap<T> {
  protected readonly items: T[] = [];

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
    this.items.push(item);
    this.#rise(item, this.items.length - 1);
  }

  remove(item: T): void {
    const index = this.indexOf(item);
    if (index < 0) return;
    this.place(item, -1);
    const last = this.items.pop()!;
    if (last !== item) this.#settle(last, index);
  }

  /** Call after an item's key has changed. */
  update(item: T): void {
    const index = this.indexOf(item);
    if (index >= 0) this.#settle(item, index);
  }

  #settle(item: T, index: number): void {
    if (index > 0 && this.before(item, this.items[(index - 1) >> 1]!)) this.#rise(item, index);
    else this.#sink(item, index);
  }

  #rise(item: T, index: number): void {
    const items = this.items;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex]!;
      if (!this.before(item, parent)) break;
      items[index] = parent;
      this.place(parent, index);
      index = parentIndex;
    }
    items[index] = item;
    this.place(item, index);
  }

  #sink(item: T, index: number): void {
    const items = this.items;
    const half = items.length >> 1;
    while (index < half) {
      let childIndex = 2 * index + 1;
      let child = items[childIndex]!;
      if (childIndex + 1 < items.length && this.before(items[childIndex + 1]!, child))
        child = items[++childIndex]!;
      if (!this.before(child, item)) break;
      items[index] = child;
      this.place(child, index);
      index = childIndex;
    }
    items[index] = item;
    this.place(item, index);
  }
}

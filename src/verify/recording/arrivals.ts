/** Millions of arrivals in columns: about 60 bytes each, where objects would take 200. */

import type { RecordedOutcome } from "./format.ts";
import { OUTCOMES } from "./format.ts";

/** Names and their numbers, in the order of their first use. */
export class Names {
  readonly list: string[] = [];
  readonly #numbers = new Map<string, number>();

  of(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.list.push(name) - 1;
      this.#numbers.set(name, number);
    }
    return number;
  }
}

/** Columns grow by doubling; each doubling copies them all. */
const FIRST_SIZE = 65_536;

/** What was recorded of each task, by its number; see `RecordedArrival` for what a column means. NaN: not known. */
export class Arrivals {
  count = 0;
  atMs: Float64Array = new Float64Array(FIRST_SIZE);
  waitMs: Float64Array = new Float64Array(FIRST_SIZE);
  runMs: Float64Array = new Float64Array(FIRST_SIZE);
  timeoutMs: Float64Array = new Float64Array(FIRST_SIZE);
  inputTokens: Float32Array = new Float32Array(FIRST_SIZE);
  outputTokens: Float32Array = new Float32Array(FIRST_SIZE);
  width: Uint32Array = new Uint32Array(FIRST_SIZE);
  flow: Uint32Array = new Uint32Array(FIRST_SIZE);
  resource: Uint16Array = new Uint16Array(FIRST_SIZE);
  lane: Uint16Array = new Uint16Array(FIRST_SIZE);
  /** Number 0 is no budget. */
  budget: Uint16Array = new Uint16Array(FIRST_SIZE);
  reason: Uint8Array = new Uint8Array(FIRST_SIZE);
  /** A place in `OUTCOMES`. */
  outcome: Uint8Array = new Uint8Array(FIRST_SIZE);

  readonly resources: Names = new Names();
  readonly lanes: Names = new Names();
  readonly flows: Names = new Names();
  readonly budgets: Names = new Names();
  /** Number 0 is no reason. */
  readonly reasons: Names = new Names();

  constructor() {
    this.budgets.of("");
    this.reasons.of("");
  }

  /** The number of a new arrival; its columns are the caller's to fill. */
  add(): number {
    if (this.count === this.atMs.length) this.#grow();
    return this.count++;
  }

  outcomeOf(index: number): RecordedOutcome {
    return OUTCOMES[this.outcome[index]!]!;
  }

  /** Whether it had a seat, so that its run was measured. */
  hasRun(index: number): boolean {
    return this.outcome[index]! < FIRST_UNSTARTED;
  }

  /** The numbers of all arrivals of one resource, in order of arrival. */
  inOrder(resource: number): Uint32Array {
    const { atMs, count } = this;
    const found = new Uint32Array(count);
    let size = 0;
    for (let index = 0; index < count; index++) if (this.resource[index] === resource) found[size++] = index;
    return sortedBy(atMs, found.slice(0, size));
  }

  #grow(): void {
    const grown = <Column extends Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array>(
      column: Column,
    ): Column => {
      const larger = new (column.constructor as new (size: number) => Column)(column.length * 2);
      larger.set(column);
      return larger;
    };
    this.atMs = grown(this.atMs);
    this.waitMs = grown(this.waitMs);
    this.runMs = grown(this.runMs);
    this.timeoutMs = grown(this.timeoutMs);
    this.inputTokens = grown(this.inputTokens);
    this.outputTokens = grown(this.outputTokens);
    this.width = grown(this.width);
    this.flow = grown(this.flow);
    this.resource = grown(this.resource);
    this.lane = grown(this.lane);
    this.budget = grown(this.budget);
    this.reason = grown(this.reason);
    this.outcome = grown(this.outcome);
  }
}

/** The first of `OUTCOMES` that never had a seat. */
const FIRST_UNSTARTED = OUTCOMES.indexOf("rejected");

/** Sorting so few by insertion is quicker than any other way. */
const FEW = 64;

/**
 * Numbers by their keys. They come by the ends of tasks, not far from order, and a sort by comparison would take longer than
 * the replay: they are thrown into as many bins as there are numbers, and each bin is put in order.
 */
function sortedBy(keys: Float64Array, numbers: Uint32Array): Uint32Array {
  const size = numbers.length;
  let least = Infinity;
  let most = -Infinity;
  for (const number of numbers) {
    least = Math.min(least, keys[number]!);
    most = Math.max(most, keys[number]!);
  }
  if (!(most > least)) return numbers;
  const scale = (size - 1) / (most - least);
  const binOf = (number: number): number => Math.floor((keys[number]! - least) * scale);
  const ends = new Uint32Array(size);
  for (const number of numbers) ends[binOf(number)]!++;
  for (let bin = 1; bin < size; bin++) ends[bin]! += ends[bin - 1]!;
  const sorted = new Uint32Array(size);
  // From behind, so that those of one key stay in the order in which they came.
  for (let place = size - 1; place >= 0; place--) sorted[--ends[binOf(numbers[place]!)]!] = numbers[place]!;
  for (let bin = 0; bin < size; bin++)
    order(sorted, keys, ends[bin]!, bin + 1 < size ? ends[bin + 1]! : size);
  return sorted;
}

function order(numbers: Uint32Array, keys: Float64Array, from: number, to: number): void {
  if (to - from > FEW) {
    numbers.subarray(from, to).sort((a, b) => keys[a]! - keys[b]!);
    return;
  }
  for (let place = from + 1; place < to; place++) {
    const number = numbers[place]!;
    let at = place;
    while (at > from && keys[numbers[at - 1]!]! > keys[number]!) {
      numbers[at] = numbers[at - 1]!;
      at--;
    }
    numbers[at] = number;
  }
}

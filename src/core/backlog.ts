/** Tasks in line, and whose turn it is among those lines. */

import { IndexedHeap } from "./heap.ts";
import type { Task } from "./task.ts";

/** Waiting tasks of one flow that go one after the other: all of them or, with budgets, those that need the same one. */
export interface Line {
  /** The flow's service so far ÷ its weight, in seat-milliseconds. */
  tag: number;
  head: Task | undefined;
  tail: Task | undefined;
  /** Place in the heap of those whose turn may come; -1 when not in it. */
  backlogIndex: number;
}

/** The line with the least service goes first, the older head on a tie. */
export class Backlog extends IndexedHeap<Line> {
  protected override keyOf(line: Line): number {
    return line.tag;
  }
  protected override before(a: Line, b: Line): boolean {
    return a.head!.seq < b.head!.seq;
  }
  protected override indexOf(line: Line): number {
    return line.backlogIndex;
  }
  protected override place(line: Line, index: number): void {
    line.backlogIndex = index;
  }
}

/** Whether the line `a`, not empty, goes before `b`. */
export function goesBefore(a: Line, b: Line): boolean {
  return a.tag !== b.tag ? a.tag < b.tag : a.head!.seq < b.head!.seq;
}

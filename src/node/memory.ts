/** How much of the memory that this process may have is in use. */

import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

const READ_EVERY_MS = 1_000;

/** From 0 to 1: the process against its container's limit, or its heap against its own, whichever is fuller. */
export function memoryUsed(): number {
  const heap = getHeapStatistics();
  const limit = process.constrainedMemory();
  // Without a container's limit it is 0, or more than there is.
  const container = limit > 0 && limit <= totalmem() ? process.memoryUsage.rss() / limit : 0;
  return Math.max(container, heap.used_heap_size / heap.heap_size_limit);
}

let readAt = -Infinity;
let last = 0;

/** The same, read at most once a second: asked for each task, and a reading takes 35 µs. */
export function memoryUsedAt(now: number): number {
  if (now - readAt >= READ_EVERY_MS) {
    readAt = now;
    last = memoryUsed();
  }
  return last;
}

/**
 * Told when a request has outlived its time. Its permit's signal says the same, but to make a signal for each request, and
 * to listen to it, costs more than the admission itself: 2 to 3 µs of some 45 in the gateway.
 */

import type { Permit } from "../core/permit.ts";
import { OVERDUE, SHADOW, Task } from "../core/task.ts";
import type { Reply } from "../core/task.ts";

/**
 * Has `late` called when the time of a task that runs is up, at once if it is; undefined: nobody asks any more. A `reply`
 * that has begun by then is in time, for whoever cannot tell the permit cheaply when it begins: to be told of each reply's
 * head costs half a microsecond, and one in a thousand is asked for it.
 */
export function whenLate(permit: Permit, late: ((error: unknown) => void) | undefined, reply?: Reply): void {
  if (!(permit instanceof Task)) {
    if (late === undefined) return;
    permit.signal.addEventListener("abort", () => late(permit.signal.reason), { once: true });
    return;
  }
  // In shadow mode it runs while its record waits, and what becomes of the record holds nobody back.
  if (permit.is(SHADOW)) return;
  permit.tell = late;
  if (reply !== undefined) permit.extra.reply = reply;
  if (permit.is(OVERDUE)) late?.(permit.more?.cause);
}

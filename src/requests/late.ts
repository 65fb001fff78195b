import type { Permit } from "../core/permit.ts";
import { SHADOW, Task } from "../core/task.ts";

/**
 * Has `late` called when the time of a task that runs is up. Its permit's signal says the same, but to make a signal and
 * to listen to it costs more than the whole admission.
 */
export function tellWhenLate(permit: Permit, late: (error: unknown) => void): void {
  if (!(permit instanceof Task))
    permit.signal.addEventListener("abort", () => late(permit.signal.reason), { once: true });
  // In shadow mode it runs while its record waits, and what becomes of the record holds nobody back.
  else if (!permit.is(SHADOW)) permit.tell = late;
}

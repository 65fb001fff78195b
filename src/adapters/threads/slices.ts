/** Work on the main thread, cut into slices: between two of them others get their turn. */

import { setImmediate as turn } from "node:timers/promises";
import { LONGEST_MS, knownKeys, number } from "../../core/checks.ts";
import { invalid } from "../../core/errors.ts";
import type { TaskOptions } from "../../core/options.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import { systemClock } from "../../node/system-clock.ts";

/** How a piece of work on the main thread is queued and cut. */
export interface SliceOptions extends Pick<
  TaskOptions,
  "lane" | "flow" | "id" | "signal" | "timeoutMs" | "deadline"
> {
  /** For how many milliseconds it goes on before it looks up. Default 10. */
  readonly sliceMs?: number;
}

const SLICE_MS = 10;
const TASK_OPTIONS = ["lane", "flow", "id", "signal", "timeoutMs", "deadline"];
const OPTIONS: ReadonlySet<string> = new Set([...TASK_OPTIONS, "sliceMs"]);

/**
 * Runs work on the main thread that calls `giveWay` between its steps. That does nothing until the work has gone on for
 * `sliceMs`; then it lets the event loop do what has come meanwhile, and where a higher lane waits for this resource it gives
 * up its seat and goes on when its turn comes again, at its own place in its lane. Steps must be short: nobody
 * can interrupt one.
 *
 * @throws LanewayError when the work is refused or, in `giveWay`, when its time is up while it waits; the reason of the caller's signal when
 *   that aborts.
 * @example
 * await inSlices(laneway.resource("main-thread"), async (giveWay) => {
 *   for (const row of rows) { total += priceOf(row); await giveWay(); }
 * }, { lane: "bulk" });
 */
export async function inSlices<T>(
  resource: Resource,
  work: (giveWay: () => Promise<void>) => T | PromiseLike<T>,
  options: SliceOptions = {},
): Promise<T> {
  if (typeof resource?.acquire !== "function") throw invalid("inSlices", "a Resource", resource);
  if (typeof work !== "function") throw invalid("inSlices", "a function", work);
  knownKeys("inSlices", options, OPTIONS);
  const { sliceMs = SLICE_MS, ...task } = options;
  const slices = new Slices(resource, number("inSlices: sliceMs", sliceMs, 0, LONGEST_MS));
  return slices.run(work, task);
}

class Slices {
  readonly #resource: Resource;
  readonly #sliceMs: number;
  #permit: Permit | undefined = undefined;
  #since = 0;

  constructor(resource: Resource, sliceMs: number) {
    this.#resource = resource;
    this.#sliceMs = sliceMs;
  }

  async run<T>(work: (giveWay: () => Promise<void>) => T | PromiseLike<T>, task: TaskOptions): Promise<T> {
    this.#permit = await this.#resource.acquire(task);
    this.#since = systemClock.now();
    let failed = true;
    try {
      const result = await work(() => this.#giveWay());
      failed = false;
      return result;
    } finally {
      this.#permit.release({ failed });
    }
  }

  async #giveWay(): Promise<void> {
    const permit = this.#permit!;
    if (systemClock.now() - this.#since < this.#sliceMs) return;
    permit.signal.throwIfAborted();
    await turn();
    permit.signal.throwIfAborted();
    if (this.#isOutranked(permit.lane)) this.#permit = await permit.requeue({ reason: "gave way" });
    this.#since = systemClock.now();
  }

  #isOutranked(lane: string): boolean {
    for (const { name, waiting } of this.#resource.snapshot().lanes) {
      if (name === lane) return false;
      if (waiting > 0) return true;
    }
    return false;
  }
}

/** The feed as it comes, and again when it has broken off. */

import { setTimeout as pause } from "node:timers/promises";
import type { State, Tick } from "../../admin/wire.ts";
import { AdminError } from "../live/admin-port.ts";
import type { AdminPort } from "../live/admin-port.ts";

/** What a watcher is told. */
export interface Watching {
  state(state: State): void;
  tick(tick: Tick): void;
  /** It broke off, in words; it is asked for again each second. */
  lost(why: string): void;
}

const AGAIN_MS = 1_000;

/**
 * Follows the feed until `signal` aborts. What is down comes back: after the first tick it asks again for ever.
 *
 * @throws AdminError when there was nothing from the beginning.
 */
export async function watch(port: AdminPort, watching: Watching, signal: AbortSignal): Promise<void> {
  let seen = false;
  while (!signal.aborted) {
    try {
      for await (const { event, data } of port.events(signal)) {
        if (event === "state") watching.state(JSON.parse(data) as State);
        if (event !== "tick" || data === "null") continue;
        seen = true;
        watching.tick(JSON.parse(data) as Tick);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AdminError) && !(error instanceof SyntaxError)) throw error;
      if (!seen) throw error instanceof AdminError ? error : new AdminError(`${port.name} sends no JSON`);
      watching.lost(error.message.split("\n", 1)[0]!);
    }
    await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

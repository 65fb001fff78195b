/** The records of all resources of a `Laneway`, those that a later policy brings included. */

import type { TaskRecord } from "../core/snapshot.ts";
import type { Laneway } from "./laneway.ts";

export class Followed<Seen> {
  readonly #listener: (record: TaskRecord, seen: Seen | undefined) => void;
  readonly #look: (() => Seen) | undefined;
  readonly #stops = new Map<object, () => void>();

  /** `look` is called with each submission, in its caller's async context; the record comes with what it saw. */
  constructor(listener: (record: TaskRecord, seen: Seen | undefined) => void, look?: () => Seen) {
    this.#listener = listener;
    this.#look = look;
  }

  /** Listens to the resources there are now; to be called again when those may be others. */
  follow({ resources }: Pick<Laneway, "resources">): void {
    const now = new Set<object>(resources.values());
    for (const [resource, stop] of this.#stops) {
      if (now.has(resource)) continue;
      stop();
      this.#stops.delete(resource);
    }
    for (const resource of resources.values())
      if (!this.#stops.has(resource))
        this.#stops.set(resource, resource.onRecord<Seen>(this.#listener, this.#look));
  }

  /** Listens to none from here on. */
  stop(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }
}

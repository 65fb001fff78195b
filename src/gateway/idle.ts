/** Cuts replies that have begun and then fall silent: a dead upstream, or a client that does not read, holds a seat. */

/** One reply under watch. */
export interface Watched {
  /** Set by whoever moves a byte, cleared at each look: cheaper than a time for each chunk. */
  moved: boolean;
  /** The look at which it was first found silent. */
  quietSince: number;
  readonly idleTimeoutMs: number;
  silent(): void;
}

/** How often it looks; a reply is cut at most this much late. */
const LOOK_MS = 250;

export class IdleWatch {
  private readonly watched = new Set<Watched>();
  private timer: NodeJS.Timeout | undefined;

  add(reply: Watched): void {
    reply.moved = true;
    this.watched.add(reply);
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  delete(reply: Watched): void {
    if (!this.watched.delete(reply) || this.watched.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private look(): void {
    const now = performance.now();
    for (const reply of this.watched) {
      if (reply.moved) {
        reply.moved = false;
        reply.quietSince = now;
      } else if (now - reply.quietSince >= reply.idleTimeoutMs) reply.silent();
    }
  }
}

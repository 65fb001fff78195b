/**
 * Cuts replies that have begun and then fall silent: a dead upstream, or a client that does not read, holds a seat. And
 * bodies that take too long to arrive.
 */

/** One reply, or body, under watch. */
export interface Watched {
  /** Set by whoever moves a byte, cleared at each look: cheaper than a time for each chunk. */
  moved: boolean;
  /** The look at which it was first found silent. */
  quietSince: number;
  readonly idleTimeoutMs: number;
  /** Its place among those watched; -1 while it is not. */
  place: number;
  silent(): void;
}

/** How often it looks; a reply is cut at most this much late. */
const LOOK_MS = 250;

export class IdleWatch {
  /** No `Set`: the old tables of one through which many pass hold each other, and all those requests with them. */
  private readonly watched: Watched[] = [];
  private timer: NodeJS.Timeout | undefined;

  add(reply: Watched): void {
    reply.moved = true;
    if (reply.place >= 0) return;
    reply.place = this.watched.push(reply) - 1;
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.timer.unref();
  }

  delete(reply: Watched): void {
    if (reply.place < 0) return;
    const last = this.watched.pop()!;
    if (last !== reply) {
      this.watched[reply.place] = last;
      last.place = reply.place;
    }
    reply.place = -1;
  }

  private look(): void {
    // Not with the last that is done, for the next one may come at once: a timer for each would cost more than it.
    if (this.watched.length === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    const now = performance.now();
    // From the end: one that is cut leaves its place to the last.
    for (let place = this.watched.length - 1; place >= 0; place--) {
      const reply = this.watched[place];
      if (reply === undefined) continue;
      if (reply.moved) {
        reply.moved = false;
        reply.quietSince = now;
      } else if (now - reply.quietSince >= reply.idleTimeoutMs) reply.silent();
    }
  }
}

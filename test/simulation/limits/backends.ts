/** What stands behind a limit: things with a capacity that nobody has told us. */

import type { Random } from "../../../src/testing/index.ts";
import type { Agenda, Entry } from "./agenda.ts";

/** Serves requests, as many at a time as it is sent. */
export interface Backend {
  /** `done` is told whether it failed. */
  serve(done: (failed: boolean) => void): void;
}

/** So many servers and a queue before them, first in, first out: a connection pool, a pool of workers. */
export interface ServersOptions {
  servers(now: number): number;
  /** How long one request takes a server. */
  serviceMs(now: number, random: Random): number;
  /** More at once than this are refused on the spot. */
  readonly most?: number;
  /** When it stands still, and until when; undefined: it does not. */
  pausedUntil?(now: number): number | undefined;
}

/** A backend of servers with one queue. */
export function servers(agenda: Agenda, random: Random, options: ServersOptions): Backend {
  const queue: ((failed: boolean) => void)[] = [];
  let head = 0;
  let busy = 0;
  function next(): void {
    while (head < queue.length && busy < options.servers(agenda.now)) {
      const done = queue[head]!;
      queue[head++] = noop;
      if (head > 4_096) {
        queue.splice(0, head);
        head = 0;
      }
      busy++;
      finish(agenda.now + options.serviceMs(agenda.now, random), done);
    }
  }
  /** Whoever would end in a pause ends after it. */
  function finish(at: number, done: (failed: boolean) => void): void {
    agenda.after(at - agenda.now, () => {
      const until = options.pausedUntil?.(agenda.now);
      if (until !== undefined && until > agenda.now) return finish(until + random.next() * 5, done);
      busy--;
      next();
      done(false);
    });
  }
  return {
    serve(done) {
      if (options.most !== undefined && busy + queue.length - head >= options.most) {
        agenda.after(1, () => done(true));
        return;
      }
      queue.push(done);
      next();
    },
  };
}

const noop = (): void => {};

/** Processors shared by all that run, after a stretch of waiting for others; many at once get in each other's way. */
export interface SharedOptions {
  cores(now: number): number;
  workMs(now: number, random: Random): number;
  /** Time that needs no processor. */
  idleMs(now: number, random: Random): number;
  /** Beyond so many at once each one more costs everybody this part of the speed. */
  readonly crowd?: { readonly from: number; readonly loss: number };
}

/** A backend of shared processors. */
export function shared(agenda: Agenda, random: Random, options: SharedOptions): Backend {
  interface Job {
    readonly endsAt: number; // in work done for each
    readonly done: (failed: boolean) => void;
  }
  const jobs: Job[] = []; // sorted by end, last first
  let worked = 0;
  let at = 0;
  let entry: Entry | undefined;
  let all = 0;
  const speed = (): number => {
    const { crowd } = options;
    const over = crowd === undefined ? 0 : Math.max(0, all - crowd.from);
    const each = Math.min(1, options.cores(agenda.now) / Math.max(1, jobs.length));
    return each / (1 + over * (crowd?.loss ?? 0));
  };
  let pace = 0;
  function look(): void {
    worked += (agenda.now - at) * pace;
    at = agenda.now;
    while (jobs.length > 0 && jobs[jobs.length - 1]!.endsAt <= worked + 1e-9) {
      const { done } = jobs.pop()!;
      all--;
      done(false);
    }
    plan();
  }
  function plan(): void {
    if (entry !== undefined) entry.cancelled = true;
    pace = speed();
    entry =
      jobs.length === 0 ? undefined : agenda.after((jobs[jobs.length - 1]!.endsAt - worked) / pace, look);
  }
  return {
    serve(done) {
      all++;
      agenda.after(options.idleMs(agenda.now, random), () => {
        worked += (agenda.now - at) * pace;
        at = agenda.now;
        const job: Job = { endsAt: worked + options.workMs(agenda.now, random), done };
        let index = jobs.length;
        while (index > 0 && jobs[index - 1]!.endsAt < job.endsAt) index--;
        jobs.splice(index, 0, job);
        plan();
      });
    },
  };
}

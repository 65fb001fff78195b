/**
 * A running task that offers its seat to a higher lane and goes on later: its seat is free at once, and it waits at its own
 * place. Other than after a requeue its permit stays in force, so the task that takes its place is found from there.
 */

import { invalid } from "./errors.ts";
import type { Lane } from "./lane.ts";
import type { Cost } from "./options.ts";
import { queueAgain } from "./put-back.ts";
import type { Scheduler } from "./scheduler.ts";
import { BACKING_OFF, ENDED, EXEMPT, OVERDUE, RUNNING, SHADOW, WAITING, latest } from "./task.ts";
import type { Task } from "./task.ts";

/** For so many milliseconds a task goes on before others get their turn. */
const SLICE_MS = 10;

/** What most calls resolve with, so that those cost nothing. */
const KEPT: Promise<boolean> = Promise.resolve(false);

/** What binds a task to the permit of the one that gave way. */
export class Way {
  readonly handle: Task;
  /** Settles when its turn has come again. */
  turn: Promise<boolean> = KEPT;
  /** Its user did not wait for that. */
  released = false;

  constructor(handle: Task) {
    this.handle = handle;
  }
}

/** `Permit.yield` of the permit `handle`. */
export function giveWay(scheduler: Scheduler, handle: Task): Promise<boolean> {
  const task = latest(handle);
  if (task.state === ENDED && !task.is(SHADOW))
    throw invalid("permit.yield", "a permit that is held", "one that was released");
  const over = unlessOver(task);
  if (over !== undefined) return over;
  const since = task.more?.sliceFrom ?? task.startedAt ?? task.arrivedAt;
  if (scheduler.clock.now() - since < SLICE_MS) return KEPT;
  return scheduler.turn === undefined ? decide(task) : scheduler.turn().then(() => decide(latest(handle)));
}

/**
 * A permit is released whose task has ended, or waits for another turn: what took its place is released, or is out of the
 * queue. A turn that comes when its user is done would be a seat that nobody gives back.
 */
export function releaseSuccessor(task: Task, failed: boolean, used: Cost | undefined): void {
  const { successor, way, turn } = task.more ?? {};
  if (successor !== undefined) return task.scheduler.release(successor, failed, used);
  if (!task.returned || (task.state !== WAITING && task.state !== BACKING_OFF)) return undefined;
  if (way !== undefined) way.released = true;
  // Whoever did not wait for the turn need not hear that there will be none.
  else turn?.catch(() => undefined);
  return task.scheduler.giveUp(task, way === undefined ? releasedBefore() : undefined);
}

/** What somebody reads who waits for that turn all the same. */
function releasedBefore(): Error {
  const error = new Error("permit.requeue: the permit was released before its turn had come again");
  error.name = "AbortError";
  return error;
}

/** Given up, too late, or waiting already: what others have asked for at the same time. */
function unlessOver(task: Task): Promise<boolean> | undefined {
  const { more } = task;
  if (more === undefined) return undefined;
  const { signal } = more.options;
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  if (task.is(SHADOW)) return undefined;
  if (task.state === WAITING) return more.way?.turn;
  return task.is(OVERDUE) ? Promise.reject(more.cause) : undefined;
}

/** Those whose time or message has come are heard: who waits now waits for a seat. */
function decide(task: Task): Promise<boolean> {
  const over = unlessOver(task);
  if (over !== undefined) return over;
  const { scheduler } = task;
  const holds = task.state === RUNNING && !task.is(SHADOW | EXEMPT);
  if (holds && isOutranked(scheduler, task)) return leave(scheduler, task);
  task.extra.sliceFrom = scheduler.clock.now();
  return KEPT;
}

/** Whether a task of a higher lane waits that would get a seat of this one before this one's own lane does. */
function isOutranked(scheduler: Scheduler, task: Task): boolean {
  const home = task.home.heir ?? task.home;
  const left = home.seats - task.width;
  const toFloor = Math.max(0, home.share.floor - left) - home.idleFloor;
  const isOwed = left < home.share.reservation;
  for (const lane of scheduler.lanes) {
    if (lane === home) return false;
    if (lane.waiting === 0 || (isOwed && !lane.belowReservation)) continue;
    if (hasRoom(scheduler, lane, task.width - toFloor)) return true;
  }
  return false;
}

function hasRoom({ ledger }: Scheduler, lane: Lane, freed: number): boolean {
  return lane.seats < lane.share.ceiling && ledger.freeFor(lane) + freed > 0;
}

function leave(scheduler: Scheduler, task: Task): Promise<boolean> {
  const { need, reply } = task.extra;
  // It has paid already; what it used of that is known when it ends.
  task.extra.need = undefined;
  const way = new Way(task.more?.way?.handle ?? task);
  const turn = queueAgain(scheduler, task, { afterMs: 0, need: undefined, way, isPreempted: true });
  const next = task.extra.successor!;
  way.handle.extra.successor = next;
  next.extra.reply = reply;
  // Whoever it was for had left, or was not the next.
  const isBack = next.state === RUNNING;
  const paid = (): void => {
    if (need === undefined) return;
    next.extra.need = need;
    if (next.state === ENDED) scheduler.budgets!.settle(next, undefined, scheduler.clock.now());
  };
  way.turn = turn.then(
    () => {
      paid();
      return !isBack;
    },
    (error: unknown) => {
      paid();
      if (way.released) return true;
      throw error;
    },
  );
  return way.turn;
}

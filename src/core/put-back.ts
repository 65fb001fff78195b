/**
 * A running task that goes back into the queue: a retry, a preemption. Its seats are free at once; it keeps its place and
 * its age, and whoever stands behind it may pass while it backs off. Its old permit is over, a new one takes its place.
 */

import { usedByAttempt } from "./budget/budgets.ts";
import { needAgain } from "./budget/need.ts";
import type { Need } from "./budget/need.ts";
import { LONGEST_MS, number } from "./checks.ts";
import { refuseDrained } from "./drain.ts";
import { invalid } from "./errors.ts";
import { dueAt, queueEndsAt } from "./expiry.ts";
import type { Way } from "./give-way.ts";
import { learn } from "./limit/feed.ts";
import type { Cost } from "./options.ts";
import type { Permit, RequeueOptions } from "./permit.ts";
import type { Scheduler } from "./scheduler.ts";
import { listen } from "./signals.ts";
import {
  BACKING_OFF,
  DUE_BY_LANE,
  OVERDUE,
  RETURNED,
  RUNNING,
  SHADOW,
  Task,
  WAITING,
  turnOf,
  unwrap,
  waitMs,
} from "./task.ts";

/** The reason of a requeue that makes room for a higher lane. */
const PREEMPTED = "preempted";

/** How a running task goes back. */
interface Return {
  readonly afterMs: number;
  /** What its next attempt needs of budgets. */
  readonly need: Need | undefined;
  /** What this one has used of them; it is as was expected where nobody says. */
  readonly used?: Cost;
  readonly signal?: AbortSignal | undefined;
  /** It gave way, and its permit stays in force. */
  readonly way?: Way;
  /** It made room for a higher lane. */
  readonly isPreempted?: boolean;
}

/** Frees the seats of a running task and queues it again at its own place, after `afterMs`. */
export function putBack(scheduler: Scheduler, task: Task, options: RequeueOptions): Promise<Permit> {
  const afterMs = number("permit.requeue: afterMs", options.afterMs ?? 0, 0, LONGEST_MS);
  const used = usedByAttempt(options.cost);
  const need = needAgain(scheduler, task.more?.need, options.budget);
  // In shadow mode nothing is held back, so there is nothing to queue for.
  if (task.is(SHADOW))
    return new Promise((resolve) => void scheduler.clock.after(afterMs, () => resolve(task)));
  if (task.state !== RUNNING)
    throw invalid("permit.requeue", "a permit that is held", "one that was released");
  const isPreempted = options.reason === PREEMPTED;
  return queueAgain(scheduler, task, { afterMs, need, used, signal: options.signal, isPreempted });
}

/** The task that takes this one's place is its `successor` when this returns. */
export function queueAgain(scheduler: Scheduler, task: Task, how: Return): Promise<Permit> {
  const { afterMs, need, used, way } = how;
  const now = scheduler.clock.now();
  const next = successorOf(task, now, now + afterMs);
  if (how.signal !== undefined) next.extra.options = { ...next.options, signal: how.signal };
  if (need !== undefined) next.extra.need = need;
  next.extra.way = way;
  const { inUse } = scheduler.ledger;
  if (how.isPreempted === true) task.home.preempted++;
  else task.home.requeued++;
  const runMs = scheduler.vacate(task, now, used);
  task.extra.successor = next;
  const turn = turnOf(next).then(unwrap);
  next.extra.turn = turn;
  const { signal } = next.options;
  if (signal?.aborted === true) scheduler.refuse(next, "cancelled", signal.reason, now);
  else if (next.is(OVERDUE)) scheduler.refuse(next, "timedOut", task.extra.cause, now);
  else if (scheduler.drained) refuseDrained(scheduler, next, now);
  else wait(scheduler, next, afterMs, now);
  // What must be tried again was too much for whoever was asked; part of a run says nothing. An estimator may change its mind.
  if (way === undefined) learn(task, runMs, inUse, true, now);
  // Only now are the seats known that its wait is judged by. In an exempt lane it goes on already.
  const isWaiting = next.state === WAITING || next.state === BACKING_OFF;
  if (isWaiting && next.extra.holder !== undefined) scheduler.nesting?.waits(next, next.extra.holder, now);
  scheduler.afterChange(now);
  return turn;
}

/** A back-off is over: the task waits at its place, in the heir of its lane if that is gone. */
export function rejoin(scheduler: Scheduler, task: Task, now: number): void {
  task.home.backingOff--;
  scheduler.backingOff--;
  if (task.home.heir !== undefined) task.queue = task.home.heir.fair.peekFlow(task.flow);
  join(scheduler, task, now);
}

/** Waits at its own place, or goes on at once where nobody waits. */
function join(scheduler: Scheduler, task: Task, now: number): void {
  const lane = task.home;
  // Nobody used its budgets while it was held back: they may have been forgotten.
  const need = task.more?.need;
  if (need !== undefined) need.set = scheduler.budgets!.setOf(need.names);
  if (lane.config.exempt) return scheduler.admit(task, now);
  task.queue = lane.fair.flow(task.queue.name);
  task.width = Math.min(task.width, lane.share.hold);
  lane.returned.push(task);
  lane.returned.sort((a, b) => a.seq - b.seq);
  scheduler.aging.lookAgain();
  scheduler.wake.setInstant(task, Math.min(dueAt(task), queueEndsAt(task)));
  scheduler.wake.by(task.extra.instant, now);
  scheduler.enqueue(task, now);
}

/** The same task for its next turn: place, age, deadline and caller are those of the first. */
function successorOf(task: Task, now: number, queuedAt: number): Task {
  const home = task.home.heir ?? task.home;
  const next = new Task(home.fair.peekFlow(task.flow), task.seq, task.arrivedAt);
  next.mark(RETURNED);
  if (task.dueAt === undefined || task.is(DUE_BY_LANE)) next.mark(DUE_BY_LANE);
  if (task.is(OVERDUE)) next.mark(OVERDUE);
  const { options, width, controller, holder, cause, creditMs } = task.extra;
  const waitedMs = waitMs(task, now);
  Object.assign(next.extra, {
    options,
    width,
    controller,
    holder,
    cause,
    creditMs,
    waitedMs,
    queuedAt,
    answer: task.tell,
    dueAt: dueAt(task),
  });
  return next;
}

function wait(scheduler: Scheduler, task: Task, afterMs: number, now: number): void {
  listen(task);
  if (afterMs > 0) {
    task.state = BACKING_OFF;
    task.home.backingOff++;
    scheduler.backingOff++;
    scheduler.wake.setInstant(task, Math.min(now + afterMs, dueAt(task)));
    scheduler.wake.by(task.extra.instant, now);
  } else join(scheduler, task, now);
}

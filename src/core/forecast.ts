/**
 * What would become of a task that came now. It is asked of the same rules that a newcomer meets (`Scheduler.submit`,
 * `bounds.ts`), in the same order, and nothing is changed by asking: the task that is looked at never stands in a queue.
 */

import { needOf } from "./budget/need.ts";
import { isShortOfMemory } from "./door.ts";
import type { LanewayReason } from "./errors.ts";
import { flowOf, laneFor, widthOf } from "./intake.ts";
import type { Lane } from "./lane.ts";
import type { TaskOptions } from "./options.ts";
import { aheadOf, longestWait, waitBehind } from "./predict.ts";
import type { Scheduler } from "./scheduler.ts";
import { Task } from "./task.ts";

/** What would become of a task that came now. */
export interface Forecast {
  readonly resource: string;
  readonly lane: string;
  readonly flow: string;
  readonly outcome: "starts" | "waits" | "refused";
  /** Why it is refused; "paused" when its lane starts nothing at present; undefined in all other cases. */
  readonly reason: LanewayReason | "paused" | undefined;
  /** Tasks of its lane that would go before it, at most. */
  readonly position: number;
  /** Milliseconds that it would wait; undefined while nothing has been measured, and for a lane that is paused. */
  readonly waitMs: number | undefined;
  /** Milliseconds after which the lane gives up a task that waits. */
  readonly queueTimeoutMs: number;
}

type Fate = Pick<Forecast, "outcome" | "reason" | "waitMs">;

const STARTS: Fate = { outcome: "starts", reason: undefined, waitMs: 0 };

/**
 * Looks at a task with these options as if it came now. A named budget is not looked at, only the resource's own; and
 * where wide tasks wait, whether others may pass them at this instant is not found out to the last.
 */
export function forecastOf(
  scheduler: Scheduler,
  options: Pick<TaskOptions, "lane" | "flow" | "width" | "cost">,
): Forecast {
  const now = scheduler.clock.now();
  const ambient = scheduler.context?.get();
  const lane = laneFor(scheduler, options, ambient);
  const width = widthOf(options);
  const task = new Task(lane.fair.peekFlow(flowOf(options, ambient)), 0, now);
  task.width = Math.min(width, lane.share.hold);
  if (scheduler.budgets !== undefined) {
    const need = needOf(scheduler, options.cost === undefined ? {} : { cost: options.cost });
    if (need !== undefined) task.extra.need = need;
  }
  const { waiting, name } = task.queue;
  const flows = lane.fair.backlogged + (waiting === 0 ? 1 : 0);
  const position = aheadOf(waiting, lane.waiting, flows);
  const fate = atTheDoor(scheduler, lane, now) ?? inQueue(scheduler, task, position, now);
  return {
    resource: scheduler.name,
    lane: lane.name,
    flow: name,
    position: fate.outcome === "waits" ? position : 0,
    queueTimeoutMs: lane.config.queueTimeoutMs,
    ...fate,
  };
}

/** As `refuseAtTheDoor`. */
function atTheDoor(scheduler: Scheduler, lane: Lane, now: number): Fate | undefined {
  if (scheduler.draining || lane.config.state === "draining") return refused("draining");
  if (scheduler.memory !== undefined && isShortOfMemory(scheduler, lane, now)) return refused("memory");
  return lane.config.exempt ? STARTS : undefined;
}

function inQueue(scheduler: Scheduler, task: Task, position: number, now: number): Fate {
  const lane = task.home;
  const budgetMs = budgetWaitOf(scheduler, task, position, now);
  const fits = lane.waiting === 0 && task.width <= scheduler.ledger.roomFor(lane);
  if (fits && budgetMs === 0 && !isParked(scheduler, lane, now)) return STARTS;
  const paused = lane.config.state === "paused";
  // A pace that has just come to a stand gives a wait without end: this is well above any that can be.
  const longestMs = longestWait(scheduler, 1);
  const measuredMs = fits ? 0 : waitBehind(scheduler, lane, position, now);
  const seatMs = measuredMs === undefined ? undefined : Math.min(measuredMs, longestMs);
  const waitMs = seatMs === undefined || paused ? undefined : Math.max(seatMs, budgetMs);
  const { timeoutMs } = lane.config;
  const runMs = lane.runs.samples === 0 ? undefined : lane.runs.median(now);
  const seatTooLate =
    timeoutMs <= longestMs && seatMs !== undefined && runMs !== undefined && seatMs + runMs > timeoutMs;
  if (seatTooLate || budgetMs > timeoutMs) return { ...refused("predicted"), waitMs };
  const full = fullFor(scheduler, task);
  if (full !== undefined) return { ...refused(full), waitMs };
  return { outcome: "waits", reason: paused ? "paused" : undefined, waitMs };
}

function refused(reason: LanewayReason): Fate {
  return { outcome: "refused", reason, waitMs: undefined };
}

function budgetWaitOf(scheduler: Scheduler, task: Task, position: number, now: number): number {
  if (task.more?.need === undefined) return 0;
  const { waiting } = task.home;
  return scheduler.budgets!.waitMs(task, waiting === 0 ? 0 : Math.min(1, position / waiting), now);
}

/** Whether a wide head that is looked at before this lane keeps the free seats: see `Choice`. */
function isParked(scheduler: Scheduler, lane: Lane, now: number): boolean {
  return scheduler.lanes.some((other) => {
    const { parkedFor: head, parkedUntil, seats, share } = other;
    if (head === undefined || now >= parkedUntil || seats + head.width > share.ceiling) return false;
    return turnOf(scheduler, other) < turnOf(scheduler, lane) || goesFirst(scheduler, other, lane);
  });
}

/** Lanes below their floor have the first turn, then the top lane's reservation, then the others', then all. */
function turnOf(scheduler: Scheduler, lane: Lane): number {
  if (lane.seats < lane.share.floor) return 0;
  if (!lane.belowReservation) return 3;
  return lane === scheduler.top ? 1 : 2;
}

/** In the same turn. */
function goesFirst(scheduler: Scheduler, a: Lane, b: Lane): boolean {
  const turn = turnOf(scheduler, a);
  if (turn !== turnOf(scheduler, b)) return false;
  const byTag = turn === 3 && scheduler.config.order === "weighted" && a.tag !== b.tag;
  return byTag ? a.tag < b.tag : a.rank < b.rank;
}

/** As `refuseIfOutOfBounds`, with the newcomer counted; undefined when it has room, or is given that of another. */
function fullFor(scheduler: Scheduler, task: Task): LanewayReason | undefined {
  const { queue: own, home: lane } = task;
  if (lane.waiting + 1 > lane.config.queueMax) {
    const heaviest = lane.fair.heaviest();
    const load = (own.waiting + 1 - own.returned) / own.weight;
    if (heaviest === undefined || heaviest === own || load > heaviest.load)
      return lane.fair.backlogged + (own.waiting === 0 ? 1 : 0) > 1 ? "flow-share" : "lane-full";
    return load === heaviest.load ? "lane-full" : undefined;
  }
  if (scheduler.waiting + 1 <= scheduler.config.queueMax) return undefined;
  const lower = scheduler.lanes.filter((other) => other.rank > lane.rank);
  const givesRoom =
    scheduler.config.whenFull === "evict" && lower.some(({ fair }) => fair.heaviest() !== undefined);
  return givesRoom ? undefined : "resource-full";
}

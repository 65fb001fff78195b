/** Changes of limit and lanes while tasks run and wait. Nobody is dropped: guarantees move, the excess drains. */

import { Budgets } from "./budget/budgets.ts";
import type { ResourceConfig } from "./config.ts";
import { nextExpiry } from "./expiry.ts";
import { Lane } from "./lane.ts";
import { seatsAboveFloors } from "./limit/feed.ts";
import type { Scheduler } from "./scheduler.ts";
import { shares } from "./seats.ts";

/** The limit says another number: guarantees follow it at once, seats in use as their tasks end. */
export function limitChanged(scheduler: Scheduler): void {
  scheduler.ledger.seats = scheduler.limit.current;
  share(scheduler);
  scheduler.budgets?.changed(scheduler.clock.now());
  scheduler.afterChange(scheduler.clock.now());
}

/**
 * Puts new lanes in force. A lane keeps its name's state; the waiters and seats of one that is gone go to the lowest,
 * in order of age.
 */
export function reconfigure(scheduler: Scheduler, config: ResourceConfig): void {
  const now = scheduler.clock.now();
  const old = scheduler.all;
  scheduler.config = config;
  scheduler.ledger.seats = seatsAboveFloors(scheduler);
  const due = shares(scheduler.ledger.seats, config.lanes);
  scheduler.aging.budget = config.agingBudget;
  scheduler.aging.lookAgain();
  scheduler.all = config.lanes.map((laneConfig, rank) => {
    const lane =
      scheduler.byName.get(laneConfig.name) ?? new Lane(scheduler, laneConfig, rank, due[rank]!, now);
    lane.rank = rank;
    lane.config = laneConfig;
    return lane;
  });
  scheduler.byName = new Map(scheduler.all.map((lane) => [lane.name, lane]));
  scheduler.lanes = scheduler.all.filter((lane) => !lane.config.exempt);
  scheduler.top = scheduler.lanes[0]!;
  scheduler.defaultLane = scheduler.byName.get(config.defaultLane)!;
  const lowest = scheduler.lanes[scheduler.lanes.length - 1]!;
  for (const lane of old) if (!scheduler.byName.has(lane.name)) bequeath(scheduler, lane, lowest);
  share(scheduler);
  if (config.budgets !== undefined) scheduler.budgets ??= new Budgets(scheduler);
  scheduler.budgets?.changed(now);
  for (const lane of scheduler.all)
    if (lane.config.exempt) for (const task of [...lane.fair.waiting()]) scheduler.admit(task, now);
  scheduler.afterChange(now);
  // Time-outs may have become shorter than what the timer is set for.
  scheduler.wake.by(nextExpiry(scheduler, now), now);
}

/** What runs ends where it began; what waits, and what will come back, goes to the heir. */
function bequeath(scheduler: Scheduler, lane: Lane, heir: Lane): void {
  lane.heir = heir;
  lane.share = { reservation: 0, floor: 0, ceiling: lane.share.ceiling, hold: lane.share.hold };
  for (const other of scheduler.retired) if (other.heir === lane) other.heir = heir;
  // Its head stands elsewhere now, and nobody is to wake for the end of that parking.
  lane.parkedFor = undefined;
  scheduler.retired = [...scheduler.retired, lane].filter(
    ({ running, backingOff }) => running + backingOff > 0,
  );
  for (const task of [...lane.fair.waiting()]) {
    lane.fair.remove(task, task.returned);
    task.queue = heir.fair.flow(task.flow);
    task.width = Math.min(task.width, heir.share.hold);
    heir.fair.add(task, task.returned);
  }
  heir.waiting += lane.waiting;
  lane.waiting = 0;
  heir.returned = [...heir.returned, ...lane.returned].sort((a, b) => a.seq - b.seq);
  lane.returned = [];
  heir.arrivals.merge(lane.arrivals.takeWaiting());
  scheduler.vacancies.move(lane, heir);
}

function share(scheduler: Scheduler): void {
  const due = shares(
    scheduler.ledger.seats,
    scheduler.all.map((lane) => lane.config),
  );
  scheduler.all.forEach((lane, rank) => (lane.share = due[rank]!));
  scheduler.ledger.recount(scheduler.lanes);
}

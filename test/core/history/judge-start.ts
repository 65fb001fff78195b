/** Whether the seat that was just taken went to the lane and the task that the design names. */

import { waitsSince } from "../../../src/core/credit.ts";
import type { Lane } from "../../../src/core/lane.ts";
import { WAITING } from "../../../src/core/task.ts";
import type { Task } from "../../../src/core/task.ts";
import { inOneLine } from "./audit.ts";
import type { Audit } from "./audit.ts";

/** Called while the task has its seats already and the next one has not been chosen. */
export function judgeStart(audit: Audit, started: Task, aged: boolean): void {
  const { scheduler } = audit;
  const now = scheduler.clock.now();
  const waiting = [...audit.live].filter((task) => task.state === WAITING);
  const due = started.dueAt ?? started.arrivedAt + started.home.config.timeoutMs;
  if (due <= now) audit.fault(10, `a task started at ${now}, but its time was up at ${due}`);
  for (const other of waiting)
    if (inOneLine(other, started) && other.seq < started.seq)
      audit.fault(7, `task ${started.seq} of flow "${started.flow}" started before task ${other.seq}`);
  // A wide head in the way changes who may go: judged by the traces of promise 16 instead.
  if ([...waiting, started].some((task) => task.width > 1)) return;
  // One that lacks budget lets others go first: judged where budgets are.
  if (waiting.some((task) => task.more?.need !== undefined)) return;
  judgeLane(audit, started.home, aged, waiting);
}

function judgeLane(audit: Audit, chosen: Lane, aged: boolean, waiting: readonly Task[]): void {
  const { scheduler } = audit;
  const now = scheduler.clock.now();
  // As it was before: the seat is free again, and the chosen lane has a waiter more.
  const seats = (lane: Lane) => lane.seats - (lane === chosen ? 1 : 0);
  const room = (lane: Lane) => {
    let free = scheduler.ledger.seats;
    for (const other of audit.lanesEver) free -= seats(other);
    for (const other of scheduler.lanes)
      if (other !== lane) free -= Math.max(0, other.share.floor - seats(other));
    return Math.min(free, lane.share.ceiling - seats(lane));
  };
  const able = scheduler.lanes.filter(
    (lane) => (lane === chosen || waiting.some((task) => task.home === lane)) && room(lane) > 0,
  );
  const below = (lane: Lane) => seats(lane) < lane.share.reservation;
  const say = (step: string, lane: Lane) =>
    `${step}: lane ${lane.name} comes first, but lane ${chosen.name}${aged ? " (aged)" : ""} got the seat`;
  if (!able.includes(chosen)) return audit.fault(1, `lane ${chosen.name} had no room for the seat it got`);
  const byFloor = able.find((lane) => seats(lane) < lane.share.floor);
  if (byFloor !== undefined)
    return byFloor === chosen ? undefined : audit.fault(2, say("(a) floor", byFloor));
  const top = scheduler.lanes[0]!;
  if (able.includes(top) && below(top))
    return top === chosen ? undefined : audit.fault(2, say("(b) top lane", top));
  if (aged) {
    const old = (task: Task) => task.home === chosen && now - waitsSince(task) >= chosen.config.agingAfterMs;
    // The picked lane's fair queue may serve a younger one than the one whose age it was picked for.
    if (!waiting.some(old) && !justStarted(audit, chosen, now))
      audit.fault(6, `lane ${chosen.name} was picked out of turn, but nobody in it is old`);
    return;
  }
  const byReservation = able.find(below);
  if (byReservation !== undefined)
    return byReservation === chosen ? undefined : audit.fault(2, say("(d) reservation", byReservation));
  if (scheduler.config.order === "strict" && able[0] !== chosen) audit.fault(4, say("(e) rank", able[0]!));
}

function justStarted(audit: Audit, lane: Lane, now: number): boolean {
  if (audit.oldRefusedAt.get(lane) === now) return true;
  for (const task of audit.live)
    if (task.home === lane && task.startedAt === now && now - waitsSince(task) >= lane.config.agingAfterMs)
      return true;
  return false;
}

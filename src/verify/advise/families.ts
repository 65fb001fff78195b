/**
 * What could help a lane that misses its objective, from the change that costs the others least to the one that costs most.
 * Each is tried by a replay; nothing here is believed.
 */

import { shares } from "../../core/seats.ts";
import type { Share } from "../../core/seats.ts";
import { checkResource } from "../../policy/options.ts";
import type { Policy, PolicyLane, PolicyResource } from "../../policy/policy.ts";
import type { Judged } from "../replay/summary.ts";
import type { Edit, Family } from "./edit.ts";

/** One lane that misses, and what its resource looks like under the policy as it is changed so far. */
export interface Plight {
  readonly policy: Policy;
  readonly resource: PolicyResource;
  /** Seats, as they were in the middle of the recording where they are learned. */
  readonly seats: number;
  readonly missed: Judged;
  readonly lanes: readonly Judged[];
  /** Lanes by name whose floor is idle most of the time. */
  readonly idleFloors: ReadonlySet<string>;
}

const QUEUE_TIMES = [2, 4, 8] as const;
/** A limit is tried up to twice what it is, in so many steps at most. */
const LIMIT_STEPS = 32;
const CEILINGS = [90, 75, 60, 50, 40, 30, 20] as const;
const LENDABLES = [0, 25, 50, 75, 100] as const;

/** In the order in which they are tried. */
export function familiesFor(plight: Plight): Family[] {
  const { resource, seats, missed, policy } = plight;
  const rank = resource.lanes.findIndex(({ name }) => name === missed.lane);
  const lane = resource.lanes[rank]!;
  if (lane.exempt) return [];
  const due = shares(seats, checkResource(policy, resource));
  const all = [
    reserve(lane, due, rank, seats),
    keep(lane, due[rank]!),
    ...lend(plight, lane, due),
    ...take(resource, lane, due, rank, seats),
    ...holdBack(resource, rank, seats, due),
    ...queueMore(plight, lane),
    waitLonger(plight, lane),
    moreSeats(resource, seats),
    giveUpSooner(lane, missed),
  ];
  return all.filter((family) => family !== undefined && family.steps.length > 0) as Family[];
}

/** A reservation in the form in which it is written: seats, or a percentage that comes to as many. */
function reservationOf(seats: number, limit: number, written: PolicyLane["reservation"]): number | string {
  if (typeof written === "number" && written > 0) return seats;
  return `${Math.ceil((100 * seats) / limit)}%`;
}

/** From what nobody has reserved. */
function reserve(
  { name, reservation }: PolicyLane,
  due: readonly Share[],
  rank: number,
  limit: number,
): Family {
  const others = due.reduce((sum, share, other) => sum + (other === rank ? 0 : share.reservation), 0);
  const steps: Edit[][] = [];
  for (let seats = due[rank]!.reservation + 1; seats <= limit - others; seats++)
    steps.push([{ lane: name, field: ["reservation"], value: reservationOf(seats, limit, reservation) }]);
  return { what: `a larger reservation for ${name}`, steps };
}

/** More of the reservation that is there is kept free for the lane. */
function keep(lane: PolicyLane, { reservation }: Share): Family | undefined {
  if (reservation === 0) return undefined;
  const now = lentPercent(lane, reservation);
  const steps = LENDABLES.filter((percent) => percent < now)
    .toReversed()
    .map((percent) => lendableEdit(lane.name, percent));
  return { what: `less of ${lane.name}'s reservation lent`, steps };
}

/** A floor of another lane that is idle, as much of it as it takes. */
function lend({ idleFloors, resource }: Plight, { name }: PolicyLane, due: readonly Share[]): Family[] {
  return resource.lanes.flatMap((other, place) => {
    const { reservation } = due[place]!;
    if (!idleFloors.has(other.name) || other.name === name || reservation === 0) return [];
    const now = lentPercent(other, reservation);
    return [
      {
        what: `the idle floor of ${other.name} lent`,
        steps: LENDABLES.filter((percent) => percent > now).map((percent) =>
          lendableEdit(other.name, percent),
        ),
        caveat: `What ${other.name} keeps seats for may not have come while this was recorded.`,
      },
    ];
  });
}

function lentPercent({ lendable }: PolicyLane, reservation: number): number {
  return typeof lendable === "string" ? Number.parseFloat(lendable) : (100 * lendable) / reservation;
}

function lendableEdit(lane: string, percent: number): Edit[] {
  return [{ lane, field: ["lendable"], value: `${percent}%` }];
}

/** Seats that a lower lane has reserved. */
function take(
  { lanes }: PolicyResource,
  lane: PolicyLane,
  due: readonly Share[],
  rank: number,
  limit: number,
): Family[] {
  return lanes.flatMap((donor, place) => {
    const given = due[place]!.reservation;
    if (place <= rank || given === 0) return [];
    const steps = Array.from({ length: given }, (_, more): Edit[] => [
      {
        lane: donor.name,
        field: ["reservation"],
        value: lowered(given - more - 1, limit, donor.reservation),
      },
      {
        lane: lane.name,
        field: ["reservation"],
        value: reservationOf(due[rank]!.reservation + more + 1, limit, lane.reservation),
      },
    ]);
    return [{ what: `seats of ${donor.name}'s reservation for ${lane.name}`, steps }];
  });
}

function lowered(seats: number, limit: number, written: PolicyLane["reservation"]): number | string {
  return typeof written === "number" ? seats : `${Math.floor((100 * seats) / limit)}%`;
}

/** A ceiling for each lower lane: those that run long hold seats that nobody can take back. */
function holdBack({ lanes }: PolicyResource, rank: number, seats: number, due: readonly Share[]): Family[] {
  return lanes
    .map((lower, place) => ({ lower, place }))
    .filter(({ lower, place }) => place > rank && !lower.exempt)
    .toReversed()
    .map(({ lower, place }) => ({
      what: `a lower ceiling for ${lower.name}`,
      steps: CEILINGS.filter((percent) => {
        const most = Math.floor((percent * seats) / 100);
        return most >= Math.max(1, due[place]!.reservation) && most < due[place]!.ceiling;
      }).map((percent): Edit[] => [{ lane: lower.name, field: ["ceiling"], value: `${percent}%` }]),
    }));
}

/** Room for those who are refused because the queue is full. */
function queueMore({ missed, resource }: Plight, { name, queue }: PolicyLane): Family[] {
  const { "lane-full": full = 0, "flow-share": share = 0, "resource-full": whole = 0 } = missed.shedBy;
  const families: Family[] = [];
  if (full + share > 0)
    families.push({
      what: `a longer queue for ${name}`,
      steps: QUEUE_TIMES.map((times) => [
        { lane: name, field: ["queue", "max"], value: Math.max(1, queue.max) * times },
      ]),
    });
  if (whole > 0 && resource.queue.max !== undefined)
    families.push({
      what: "a longer queue for the resource",
      steps: QUEUE_TIMES.map((times) => [{ field: ["queue", "max"], value: resource.queue.max! * times }]),
    });
  return families;
}

/** Time for those who are refused because they waited too long. */
function waitLonger({ missed }: Plight, { name, queue, timeoutMs }: PolicyLane): Family | undefined {
  if ((missed.shedBy["queue"] ?? 0) === 0) return undefined;
  const longer = QUEUE_TIMES.map((times) => queue.timeoutMs * times).filter((ms) => ms <= timeoutMs);
  return {
    what: `a longer wait in ${name}'s queue`,
    steps: longer.map((ms): Edit[] => [{ lane: name, field: ["queue", "timeout"], value: durationText(ms) }]),
  };
}

function moreSeats({ limit }: PolicyResource, seats: number): Family {
  const isLearned = typeof limit !== "number";
  const now = isLearned ? limit.max : seats;
  const steps = Math.min(now, LIMIT_STEPS);
  const tried = Array.from({ length: steps }, (_, step) => now + Math.ceil((now * (step + 1)) / steps));
  return {
    what: "a higher limit",
    steps: tried.map((more): Edit[] => [{ field: isLearned ? ["limit", "max"] : ["limit"], value: more }]),
    caveat:
      "A replay runs each task for as long as it ran. Whether what is behind the limit does as well with more at once, only it can tell: raise it while you watch its run times.",
  };
}

/** Only where nobody has said how many must be served: those who cannot be in time are told so at once. */
function giveUpSooner({ name, objective, queue }: PolicyLane, { waitMet }: Judged): Family | undefined {
  if (waitMet || objective.success !== undefined || queue.timeoutMs <= objective.waitMs) return undefined;
  return {
    what: `a shorter wait in ${name}'s queue`,
    steps: [[{ lane: name, field: ["queue", "timeout"], value: durationText(objective.waitMs) }]],
    caveat:
      "There are not enough seats for all: this refuses at once those who would have waited for too long.",
  };
}

/** As it stands in a policy: `1500ms`, `2s`. */
function durationText(ms: number): string {
  if (ms % 1_000 !== 0) return `${Math.round(ms)}ms`;
  return ms % 60_000 === 0 ? `${ms / 60_000}m` : `${ms / 1_000}s`;
}

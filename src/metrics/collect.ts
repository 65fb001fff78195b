/**
 * The numbers of a `Laneway`, as families: for the gateway's `/metrics` and for whoever puts them on a registry of its
 * own. Every lane has every outcome and reason at 0 from the start, for a rate cannot see the first of a series that begins
 * with it.
 */

import { REASONS } from "../core/errors.ts";
import type { LanewayReason } from "../core/errors.ts";
import type { LaneMeasures, LaneSnapshot, ResourceMeasures, ResourceSnapshot } from "../core/snapshot.ts";
import type { Laneway } from "../policy/laneway.ts";
import type { PolicyLane } from "../policy/policy.ts";
import type { ExemplarStore } from "./exemplars.ts";
import { counter, gauge, histogram } from "./family.ts";
import type { Family, HistogramFamily, Labels, NumberFamily, Sample } from "./family.ts";
import { pressureFamily } from "./pressure.ts";
import { claimFamily, resourceFamilies } from "./resources.ts";
import type { ClaimCounted } from "./resources.ts";

/** What a `Laneway` is asked for. */
export type Measured = Pick<Laneway, "policy" | "resources">;

/** What is known beside a `Laneway`. */
export interface Beside {
  /** Claims to a lane, by whoever counts them. */
  readonly claims?: Iterable<ClaimCounted>;
  readonly exemplars?: ExemplarStore | undefined;
}

/** One lane with all that is known of it. */
interface LaneState {
  readonly labels: Labels;
  readonly resource: string;
  readonly snapshot: LaneSnapshot;
  readonly measures: LaneMeasures;
  readonly policy: PolicyLane | undefined;
}

/** Why a task can be refused by a resource; the gateway counts what upstreams do, and a wrong option is no task. */
const SHED_REASONS: readonly LanewayReason[] = [
  ...new Set(
    Object.entries(REASONS).flatMap(([code, reasons]) =>
      code === "LANEWAY_UPSTREAM" || code === "LANEWAY_INVALID" ? [] : reasons,
    ),
  ),
];

/** All families, in the order of the page. */
export function collect(laneway: Measured, beside: Beside = {}): Family[] {
  const { policy } = laneway;
  const resources = [...laneway.resources.values()].map((resource) => ({
    snapshot: resource.snapshot(),
    measures: resource.measures(),
  }));
  const lanes = resources.flatMap(({ snapshot, measures }) => laneStates(laneway, snapshot, measures));
  return [
    ...countedByLane(lanes),
    ...durations(lanes, beside.exemplars),
    ...heldByLane(lanes),
    ...objectives(lanes),
    ...resourceFamilies(policy, resources),
    claimFamily(policy, beside.claims ?? []),
    gauge("laneway_enforced", "Whether the policy holds anything back; 0 in shadow mode.", [
      { labels: {}, value: policy.enforce ? 1 : 0 },
    ]),
    pressureFamily(),
  ];
}

function laneStates(
  { policy }: Measured,
  snapshot: ResourceSnapshot,
  measures: ResourceMeasures,
): LaneState[] {
  const { name: resource } = snapshot;
  const known = policy.resources[resource]?.lanes ?? policy.lanes;
  return snapshot.lanes.map((lane, i) => ({
    labels: { resource, lane: lane.name },
    resource,
    snapshot: lane,
    measures: measures.lanes[i]!,
    policy: known.find(({ name }) => name === lane.name),
  }));
}

/** One sample of each lane. */
function each(lanes: readonly LaneState[], value: (lane: LaneState) => number): Sample[] {
  return lanes.map((lane) => ({ labels: lane.labels, value: value(lane) }));
}

/** One sample of each lane and each value of one more label. */
function eachBy(
  lanes: readonly LaneState[],
  label: string,
  values: (lane: LaneState) => Iterable<readonly [string, number]>,
): Sample[] {
  return lanes.flatMap((lane) =>
    [...values(lane)].map(([name, value]) => ({ labels: { ...lane.labels, [label]: name }, value })),
  );
}

function countedByLane(lanes: readonly LaneState[]): NumberFamily[] {
  return [
    counter(
      "laneway_admissions_total",
      "Tasks by how their admission ended.",
      eachBy(lanes, "outcome", ({ snapshot }) => [
        ["admitted", snapshot.admitted],
        ["rejected", snapshot.rejected],
        ["evicted", snapshot.evicted],
        ["timed_out", snapshot.timedOut],
        ["cancelled", snapshot.cancelled],
      ]),
    ),
    counter(
      "laneway_tasks_total",
      "Admitted tasks by how they ended.",
      eachBy(lanes, "result", ({ snapshot }) => [
        ["finished", snapshot.finished],
        ["failed", snapshot.failed],
      ]),
    ),
    counter(
      "laneway_shed_total",
      "Tasks refused, or stopped because their time was up, by reason.",
      eachBy(lanes, "reason", ({ snapshot }) =>
        SHED_REASONS.map((reason) => [reason, snapshot.reasons[reason] ?? 0] as const),
      ),
    ),
    counter(
      "laneway_overdue_total",
      "Tasks that outlived their time-out or deadline while they ran.",
      each(lanes, ({ measures }) => measures.overdue),
    ),
    counter(
      "laneway_aged_picks_total",
      "Waiters served out of turn because of their age.",
      each(lanes, ({ measures }) => measures.agedPicks),
    ),
    counter(
      "laneway_preemptions_total",
      "Tasks that gave up their seat for a higher lane and went on later.",
      each(lanes, ({ measures }) => measures.preempted),
    ),
    counter(
      "laneway_requeues_total",
      "Tasks put back at their own place for another try.",
      each(lanes, ({ measures }) => measures.requeued),
    ),
  ];
}

function durations(lanes: readonly LaneState[], exemplars: ExemplarStore | undefined): HistogramFamily[] {
  const family = (name: string, help: string, kind: "waits" | "runs" | "durations"): HistogramFamily =>
    histogram(
      name,
      help,
      lanes.map(({ labels, resource, snapshot, measures }) => ({
        labels,
        totals: measures[kind],
        exemplars: exemplars?.of(resource, snapshot.name)?.[kind],
      })),
    );
  return [
    family("laneway_queue_wait_seconds", "Time queued before each start.", "waits"),
    family("laneway_run_seconds", "Time that seats were held.", "runs"),
    family("laneway_duration_seconds", "From arrival to end, of admitted tasks.", "durations"),
  ];
}

function heldByLane(lanes: readonly LaneState[]): NumberFamily[] {
  const numbers = [
    ["laneway_queue_depth", "Tasks waiting now.", "waiting"],
    ["laneway_running", "Tasks that hold seats now.", "running"],
    ["laneway_seats_in_use", "Seats held now.", "seats"],
    ["laneway_reservation_seats", "Seats the lane is guaranteed.", "reservation"],
    ["laneway_floor_seats", "Seats of the reservation that are never lent.", "floor"],
    ["laneway_ceiling_seats", "The most seats the lane may hold.", "ceiling"],
  ] as const;
  return [
    ...numbers.map(([name, help, key]) =>
      gauge(
        name,
        help,
        each(lanes, ({ snapshot }) => snapshot[key]),
      ),
    ),
    gauge(
      "laneway_oldest_waiter_seconds",
      "How long the oldest waiter has waited; 0 without one.",
      each(lanes, ({ snapshot }) => snapshot.oldestMs / 1_000),
    ),
  ];
}

/** What the lanes are meant to achieve, to be drawn beside what they do. */
function objectives(lanes: readonly LaneState[]): NumberFamily[] {
  const some = (value: (lane: PolicyLane) => number | undefined): Sample[] =>
    lanes.flatMap(({ labels, policy }) => {
      const found = policy === undefined ? undefined : value(policy);
      return found === undefined ? [] : [{ labels, value: found }];
    });
  return [
    gauge(
      "laneway_objective_wait_seconds",
      "The wait that 99 of 100 tasks are meant to stay below.",
      some(({ objective }) => objective.waitMs / 1_000),
    ),
    gauge(
      "laneway_objective_success_ratio",
      "The part of the lane's tasks that is meant to be served.",
      some(({ objective }) => objective.success),
    ),
  ];
}

/** What the feed says, with a name to every number. */

import { LANE_FIELDS } from "../../admin/wire.ts";
import type { LaneField, ShownOverride, State, Tick, Verdict } from "../../admin/wire.ts";
import { clean } from "./words.ts";

/** One lane of one resource at one moment. */
export type LaneRow = Readonly<Record<LaneField, number>> & {
  readonly name: string;
  readonly state: string;
  readonly objectiveMs: number;
};

/** One resource at one moment. */
export interface ResourceRows {
  readonly name: string;
  readonly order: string;
  readonly limit: number;
  readonly seats: number;
  readonly limitReason: string;
  readonly draining: boolean;
  readonly lanes: readonly LaneRow[];
}

/** One moment. */
export interface Moment {
  readonly at: number;
  readonly verdict: Verdict;
  readonly resources: readonly ResourceRows[];
  readonly overrides: readonly ShownOverride[];
}

/** Joins a tick with the state that names what is in it. Every name is safe to write to a terminal. */
export function momentOf(state: State, tick: Tick): Moment {
  const objectives = new Map(state.lanes.map(({ name, objectiveMs }) => [name, objectiveMs]));
  const resources = state.resources.flatMap((resource, i): ResourceRows[] => {
    const numbers = tick.resources[i];
    // A tick of before the last change of the policy: the next one fits.
    if (numbers?.lanes.length !== resource.lanes.length) return [];
    const { name, order, limitReason, draining, lanes, laneStates } = resource;
    return [
      {
        name: clean(name),
        order,
        limit: numbers.limit,
        seats: numbers.seats,
        limitReason: clean(limitReason),
        draining,
        lanes: lanes.map((lane, rank) => ({
          name: clean(lane),
          state: laneStates[rank] ?? "open",
          objectiveMs: objectives.get(lane) ?? Infinity,
          ...named(numbers.lanes[rank]!),
        })),
      },
    ];
  });
  const { level, text } = tick.verdict ?? { level: "ok", text: "" };
  return {
    at: tick.at,
    verdict: { level, text: clean(text) },
    resources,
    overrides: state.overrides.map((override) => ({
      ...override,
      id: clean(override.id),
      text: clean(override.text),
      note: override.note === null ? null : clean(override.note),
    })),
  };
}

function named(numbers: readonly number[]): Record<LaneField, number> {
  return Object.fromEntries(LANE_FIELDS.map((field, i) => [field, numbers[i] ?? 0])) as Record<
    LaneField,
    number
  >;
}

/** Orders in which lanes are shown; the first is that of the policy. */
export const SORTS = ["policy", "waiting", "p99", "shed", "share"] as const;

/** One of them. */
export type Sort = (typeof SORTS)[number];

const BY: Readonly<Record<Exclude<Sort, "policy">, (lane: LaneRow) => number>> = {
  waiting: ({ waiting }) => waiting,
  p99: ({ waitP99Ms }) => waitP99Ms,
  shed: ({ shed }) => shed,
  /** What a lane lacks of its due. */
  share: ({ got, due }) => due - got,
};

/** The resources and lanes that a filter leaves, sorted: of a resource that is named so, all lanes. */
export function arranged(
  resources: readonly ResourceRows[],
  { filter, sort }: { readonly filter: string; readonly sort: Sort },
): ResourceRows[] {
  const wanted = filter.toLowerCase();
  const has = (name: string): boolean => name.toLowerCase().includes(wanted);
  const left = resources
    .map((resource) => ({
      ...resource,
      lanes: has(resource.name) ? resource.lanes : resource.lanes.filter(({ name }) => has(name)),
    }))
    .filter(({ lanes }) => lanes.length > 0);
  if (sort === "policy") return left;
  const by = BY[sort];
  const most = ({ lanes }: ResourceRows): number => Math.max(...lanes.map(by));
  return left
    .map((resource) => ({ ...resource, lanes: resource.lanes.toSorted((a, b) => by(b) - by(a)) }))
    .toSorted((a, b) => most(b) - most(a));
}

/** The override that made a lane, or without one a limit, what it is; the last where there are several. */
export function overrideOf(
  overrides: readonly ShownOverride[],
  resource: string,
  lane: string | undefined,
): ShownOverride | undefined {
  const start = lane === undefined ? `${resource}: ` : `${resource}, lane ${lane}: `;
  return overrides.findLast(({ text }) => text.startsWith(start));
}

/** What holds a lane up, in sentences with their numbers. None of them is a guess: each was counted in the replay or the recording. */

import type { PolicyLane } from "../../policy/policy.ts";
import { showMs } from "../plot/plot.ts";
import type { Look } from "../replay/results.ts";
import type { Simulated } from "../replay/simulate.ts";
import { quantile } from "../replay/summary.ts";
import type { Judged } from "../replay/summary.ts";

/** From these parts on something is worth saying. */
const MOSTLY_IDLE = 0.9;
const OFTEN_FULL = 0.5;
const OFTEN_PINNED = 0.5;
const ONE_FLOW = 0.5;
const FAR_BEYOND_EQUAL = 1.6;
const SLOWER = 1.5;
const SLOWER_TOGETHER = 1.3;
const ENOUGH_RUNS = 30;
/** So many runs are looked at one by one. */
const COMPARED_MAX = 100_000;

/** One lane that misses its objective, and why. */
export interface Finding {
  readonly lane: string;
  readonly misses: string;
  readonly because: readonly string[];
}

/** The finding about one lane of a replay that was looked at while it went. */
export function findingOf(simulated: Simulated, missed: Judged): Finding {
  const { results, policy, prepared } = simulated;
  const resource = policy.resources[prepared.resource]!;
  const lane = resource.lanes.find(({ name }) => name === missed.lane)!;
  const said = [
    ...seatsSaid(results.looks, results.laneNames.indexOf(missed.lane)),
    ...pinnedSaid(simulated),
    ...idleSaid(simulated, missed.lane),
    ...flowSaid(simulated, missed.lane),
    ...slowerSaid(simulated),
    ...queueSaid(lane, missed),
  ];
  return { lane: missed.lane, misses: missesOf(missed), because: said };
}

/** Lanes whose floor is idle nearly all of the time. */
export function idleFloors({
  results,
}: Simulated): Map<string, { readonly floor: number; readonly idle: number }> {
  const idle = new Map<string, { readonly floor: number; readonly idle: number }>();
  for (const [number, name] of results.laneNames.entries()) {
    const lanes = results.looks.map(({ lanes: all }) => all[number]!);
    const kept = lanes.reduce((sum, { floor }) => sum + floor, 0);
    if (kept === 0) continue;
    const unused = lanes.reduce((sum, { floor, seats }) => sum + Math.max(0, floor - seats), 0);
    if (unused / kept >= MOSTLY_IDLE)
      idle.set(name, { floor: Math.max(...lanes.map(({ floor }) => floor)), idle: unused / kept });
  }
  return idle;
}

function missesOf({ waitMs, objective, waitMet, successMet, arrivals, cancelled, served }: Judged): string {
  const parts: string[] = [];
  if (!waitMet)
    parts.push(`99 % of its tasks start within ${showMs(waitMs.p99)}, it wants ${showMs(objective.waitMs)}`);
  if (!successMet)
    parts.push(
      `${percent(served / (arrivals - cancelled))} are served, it wants ${percent(objective.success ?? 0)}`,
    );
  return parts.join("; ");
}

function seatsSaid(looks: readonly Look[], own: number): string[] {
  const full = partOf(looks, ({ seats, limit, lanes }) => {
    // What is kept for others is not to be had.
    const kept = lanes.reduce(
      (sum, lane, number) => sum + (number === own ? 0 : Math.max(0, lane.floor - lane.seats)),
      0,
    );
    return seats + kept >= limit;
  });
  if (full < OFTEN_FULL) return [];
  const limits = looks.map(({ limit }) => limit);
  const seats = Math.max(...limits) === Math.min(...limits) ? ` of the ${limits[0]}` : "";
  return [`too few seats: none${seats} is free for it ${percent(full)} of the time`];
}

function pinnedSaid({ results, policy, prepared }: Simulated): string[] {
  const { limit } = policy.resources[prepared.resource]!;
  if (typeof limit === "number") return [];
  const pinned = partOf(results.looks, (look) => look.limit >= limit.max);
  return pinned < OFTEN_PINNED
    ? []
    : [`the limit stands at its bound, max: ${limit.max}, ${percent(pinned)} of the time`];
}

function idleSaid(simulated: Simulated, lane: string): string[] {
  return [...idleFloors(simulated)]
    .filter(([name]) => name !== lane)
    .map(
      ([name, { floor, idle }]) =>
        `${name} keeps ${floor} ${floor === 1 ? "seat" : "seats"} that nobody else may use, idle ${percent(idle)} of the time`,
    );
}

/** The flow that brings most of a lane's work, when it brings most of it. */
export function heaviestFlow(
  { prepared, results }: Simulated,
  lane: string,
): { readonly flow: number; readonly part: number } | undefined {
  const { order, durations, recording } = prepared;
  const { arrivals } = recording;
  const number = results.laneNames.indexOf(lane);
  const work = new Map<number, number>();
  let whole = 0;
  for (const [place, index] of order.entries()) {
    if (results.lane[place] !== number) continue;
    const cost = durations.ms[place]! * arrivals.width[index]!;
    work.set(arrivals.flow[index]!, (work.get(arrivals.flow[index]!) ?? 0) + cost);
    whole += cost;
  }
  const [heaviest] = [...work].sort(([, one], [, other]) => other - one);
  if (heaviest === undefined || work.size < 2) return undefined;
  const share = heaviest[1] / whole;
  // Of two flows one always brings half.
  return share < ONE_FLOW || share < FAR_BEYOND_EQUAL / work.size
    ? undefined
    : { flow: heaviest[0], part: share };
}

function flowSaid(simulated: Simulated, lane: string): string[] {
  const heaviest = heaviestFlow(simulated, lane);
  if (heaviest === undefined) return [];
  const name = simulated.prepared.recording.arrivals.flows.list[heaviest.flow]!;
  return [
    `one flow, ${name || "the one without a name"}, brings ${percent(heaviest.part)} of the lane's work`,
  ];
}

/** Runs at the end beside those at the beginning, and beside those when few others ran. */
function slowerSaid({ prepared, results }: Simulated): string[] {
  const { order, recording, resource } = prepared;
  const { arrivals } = recording;
  const every = Math.ceil(order.length / COMPARED_MAX);
  const runs = Array.from(order.filter((_, place) => place % every === 0)).filter(
    (index) => arrivals.outcomeOf(index) === "finished",
  );
  const third = Math.floor(runs.length / 3);
  if (third < ENOUGH_RUNS) return [];
  const before = medianRun(arrivals.runMs, runs.slice(0, third));
  const after = medianRun(arrivals.runMs, runs.slice(-third));
  if (after >= before * SLOWER)
    return [
      `${resource} became slower: a task took ${showMs(before)} in the first third of the recording and ${showMs(after)} in the last`,
    ];
  // Who ran beside whom takes all of a stretch, not some of the whole.
  const middle = Math.max(0, (order.length - COMPARED_MAX) >> 1);
  const together = Array.from(order.subarray(middle, middle + COMPARED_MAX)).filter(
    (index) => arrivals.outcomeOf(index) === "finished",
  );
  const { few, many } = byCompany(arrivals, together, results.fromMs);
  return many >= few * SLOWER_TOGETHER
    ? [
        `tasks take ${showMs(few)} when few run and ${showMs(many)} when many do: more seats may only make each slower`,
      ]
    : [];
}

/** The median run of those that began with the fewest others under way, and with the most. */
function byCompany(
  {
    atMs,
    waitMs,
    runMs,
  }: { readonly atMs: Float64Array; readonly waitMs: Float64Array; readonly runMs: Float64Array },
  runs: readonly number[],
  fromMs: number,
): { few: number; many: number } {
  const began = (index: number): number => atMs[index]! + waitMs[index]! - fromMs;
  const ends = Float64Array.from(runs, (index) => began(index) + runMs[index]!).sort();
  const starts = runs.toSorted((one, other) => began(one) - began(other));
  let ended = 0;
  const company = starts.map((index, started) => {
    while (ended < ends.length && ends[ended]! <= began(index)) ended++;
    return { index, others: started - ended };
  });
  company.sort((one, other) => one.others - other.others);
  const part = Math.floor(company.length / 10);
  if (part < ENOUGH_RUNS) return { few: 0, many: -1 };
  const median = (some: readonly { index: number }[]): number =>
    medianRun(
      runMs,
      some.map(({ index }) => index),
    );
  const [least, most] = [company[0]?.others ?? 0, company.at(-1)?.others ?? 0];
  // Where always as many run, nothing can be said of fewer.
  if (most < 2 * (least + 1)) return { few: 0, many: -1 };
  return { few: median(company.slice(0, part)), many: median(company.slice(-part)) };
}

function queueSaid({ queue, objective }: PolicyLane, { shedBy, waitMet, successMet }: Judged): string[] {
  const {
    "lane-full": full = 0,
    "flow-share": share = 0,
    "resource-full": whole = 0,
    queue: late = 0,
  } = shedBy;
  const said: string[] = [];
  if (!successMet && full + share > 0)
    said.push(
      `its queue is too short: ${full + share} tasks found ${queue.max} in it and were refused or put out`,
    );
  if (!successMet && whole > 0) said.push(`the resource's queue is too short: ${whole} tasks found it full`);
  if (!successMet && late > 0)
    said.push(`${late} tasks waited for longer than its queue lets them, ${showMs(queue.timeoutMs)}`);
  if (!waitMet && queue.timeoutMs > objective.waitMs)
    said.push(`its queue lets tasks wait for up to ${showMs(queue.timeoutMs)}`);
  return said;
}

function medianRun(runMs: Float64Array, indexes: readonly number[]): number {
  return quantile(Float64Array.from(indexes, (index) => runMs[index]!).sort(), 0.5);
}

function partOf<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  return items.length === 0 ? 0 : items.filter(holds).length / items.length;
}

/** 0.984 → `98 %`; one decimal where it would otherwise pass for all or nothing. */
export function percent(part: number): string {
  const value = part * 100;
  const isNear = (value > 99 && value < 100) || (value > 0 && value < 1);
  return `${isNear ? Math.round(value * 10) / 10 : Math.round(value)} %`;
}

/**
 * Options checked and completed: past this file every number is finite, every name known, every default filled in.
 * A wrong option is refused with the rule it breaks and the value found.
 */

import { budgetConfig } from "./budget/budget-config.ts";
import type { BudgetConfig } from "./budget/budget-config.ts";
import { LONGEST_MS, knownKeys, number, whole } from "./checks.ts";
import { invalid } from "./errors.ts";
import { DEFAULT_LANES, laneDefaults } from "./options.ts";
import type { LaneOptions, LaneState, Percent, ResourceOptions } from "./options.ts";
import { percent, reservedSeats } from "./seats.ts";
import type { ShareSpec } from "./seats.ts";

/** One lane, complete. */
export interface LaneConfig extends ShareSpec {
  readonly name: string;
  readonly weight: number;
  readonly timeoutMs: number;
  readonly queueMax: number;
  readonly queueTimeoutMs: number;
  readonly agingAfterMs: number;
  readonly exempt: boolean;
  readonly state: LaneState;
}

/** What of a resource can change while it runs, complete. */
export interface ResourceConfig {
  readonly lanes: readonly LaneConfig[];
  readonly defaultLane: string;
  readonly order: "strict" | "weighted";
  /** Part of the seat-time that may go to the longest waiters; 0 is off. */
  readonly agingBudget: number;
  readonly queueMax: number;
  readonly whenFull: "reject" | "evict";
  readonly enforce: boolean;
  /** Whether newcomers of low lanes are refused while memory runs out. */
  readonly memory: boolean;
  readonly budgets: BudgetConfig | undefined;
}

const MOST_SEATS = 1_000_000;
const MOST_WAITING = 10_000_000;
const MOST_LANES = 64;
const AGING_AFTER_MS = 30_000;
const AGING_BUDGET = 0.05;

const RESOURCE_KEYS: ReadonlySet<string> = new Set(
  "name limit lanes defaultLane order aging queue flowWeight budgets enforce detectDeadlock memory clock random".split(
    " ",
  ),
);
const QUEUE_KEYS: ReadonlySet<string> = new Set(["max", "whenFull"]);
const LANE_QUEUE_KEYS: ReadonlySet<string> = new Set(["max", "timeoutMs"]);
const AGING_KEYS: ReadonlySet<string> = new Set(["afterMs", "budget"]);
const LANE_AGING_KEYS: ReadonlySet<string> = new Set(["afterMs"]);
const LANE_KEYS: ReadonlySet<string> = new Set(
  "name reservation lendable ceiling weight timeoutMs queue aging exempt state".split(" "),
);

/** The five lanes that a resource has when it names none. */
export const FIVE_LANES: readonly LaneOptions[] = Object.entries(DEFAULT_LANES).map(
  ([name, { reservation, lendable }]) => ({ name, reservation, lendable }),
);

/**
 * Checks everything of a resource's options that needs no seats yet.
 *
 * @throws LanewayError `LANEWAY_INVALID`, naming the option.
 */
export function resourceConfig(options: ResourceOptions): ResourceConfig {
  if (typeof options !== "object" || options === null)
    throw invalid("Resource", "an object of options", options);
  if (typeof options.name !== "string" || options.name === "")
    throw invalid("Resource: name", "a name", options.name);
  const at = `resource "${options.name}"`;
  knownKeys(at, options, RESOURCE_KEYS);
  checkPorts(at, options);
  group(`${at}: queue`, options.queue, QUEUE_KEYS);
  if (options.aging !== false) group(`${at}: aging`, options.aging, AGING_KEYS);
  const aging = options.aging === false ? undefined : (options.aging ?? {});
  const afterMs = number(`${at}: aging.afterMs`, aging?.afterMs ?? AGING_AFTER_MS, 0, LONGEST_MS);
  const listed = options.lanes ?? FIVE_LANES;
  if (!Array.isArray(listed) || listed.length === 0 || listed.length > MOST_LANES)
    throw invalid(`${at}: lanes`, `a list of 1 to ${MOST_LANES} lanes, most important first`, options.lanes);
  const lanes = (listed as readonly LaneOptions[]).map((lane) => laneConfig(at, lane, afterMs));
  uniqueNames(at, lanes);
  if (lanes.every((lane) => lane.exempt))
    throw invalid(`${at}: lanes`, "at least one lane that takes seats", `only exempt lanes`);
  const sum = lanes.reduce((total, lane) => total + lane.queueMax, 0);
  return {
    lanes,
    defaultLane: defaultLane(at, options.defaultLane, lanes),
    order: oneOf(`${at}: order`, options.order ?? "strict", ["strict", "weighted"]),
    agingBudget:
      aging === undefined ? 0 : number(`${at}: aging.budget`, aging.budget ?? AGING_BUDGET, 0, 0.5),
    queueMax: whole(`${at}: queue.max`, options.queue?.max ?? sum, 0, MOST_WAITING * MOST_LANES),
    whenFull: oneOf(`${at}: queue.whenFull`, options.queue?.whenFull ?? "reject", ["reject", "evict"]),
    enforce: bool(`${at}: enforce`, options.enforce ?? true),
    memory: options.memory !== false,
    budgets: options.budgets === undefined ? undefined : budgetConfig(`${at}: budgets`, options.budgets),
  };
}

/** A limit given as a number. */
export function limitSeats(at: string, limit: unknown): number {
  return whole(`${at}: limit`, limit, 1, MOST_SEATS, "seats");
}

/**
 * Refuses guarantees that the limit cannot hold. Done when lanes or limit are set by hand; when a limit shrinks by
 * itself, guarantees are cut from the lowest lane up instead.
 */
export function checkGuarantees(at: string, limit: number, lanes: readonly LaneConfig[]): void {
  const percents = lanes.reduce(
    (sum, { reservation }) => sum + (typeof reservation === "string" ? percent(reservation) : 0),
    0,
  );
  if (percents > 100 + 1e-6)
    throw invalid(`${at}: lanes`, "reservations of at most 100 % in all", `${round(percents)} %`);
  const seats = reservedSeats(limit, lanes);
  const total = seats.reduce((sum, n) => sum + n, 0);
  if (total > limit) {
    const found = lanes.map((lane, i) => `${lane.name} ${seats[i]}`).join(" + ");
    throw invalid(
      `${at}: lanes`,
      `reservations of at most the limit, ${limit} seats, in all`,
      `${found} = ${total}`,
    );
  }
}

function laneConfig(at: string, lane: LaneOptions, agingAfterMs: number): LaneConfig {
  if (typeof lane !== "object" || lane === null)
    throw invalid(`${at}: lanes`, "an object for each lane", lane);
  if (typeof lane.name !== "string" || lane.name === "")
    throw invalid(`${at}: lanes`, "a name for each lane", lane.name);
  const place = `${at}, lane "${lane.name}"`;
  knownKeys(place, lane, LANE_KEYS);
  group(`${place}: queue`, lane.queue, LANE_QUEUE_KEYS);
  group(`${place}: aging`, lane.aging, LANE_AGING_KEYS);
  if (lane.exempt === true) seatless(place, lane);
  const row = laneDefaults(lane.name);
  const reservation = share(`${place}: reservation`, lane.reservation ?? 0, 0);
  const ceiling = share(`${place}: ceiling`, lane.ceiling ?? "100%", 1);
  if (typeof reservation === typeof ceiling && asNumber(reservation) > asNumber(ceiling))
    throw invalid(`${place}: reservation`, `at most its ceiling, ${ceiling}`, reservation);
  return {
    name: lane.name,
    reservation,
    lendable: share(`${place}: lendable`, lane.lendable ?? row.lendable, 0),
    ceiling,
    weight: number(`${place}: weight`, lane.weight ?? 1, 1e-6, 1e6),
    timeoutMs: number(`${place}: timeoutMs`, lane.timeoutMs ?? row.timeoutMs, 1, LONGEST_MS),
    queueMax: whole(`${place}: queue.max`, lane.queue?.max ?? row.queueMax, 0, MOST_WAITING),
    queueTimeoutMs: number(
      `${place}: queue.timeoutMs`,
      lane.queue?.timeoutMs ?? row.queueTimeoutMs,
      1,
      LONGEST_MS,
    ),
    agingAfterMs: number(`${place}: aging.afterMs`, lane.aging?.afterMs ?? agingAfterMs, 0, LONGEST_MS),
    exempt: bool(`${place}: exempt`, lane.exempt ?? false),
    state: oneOf(`${place}: state`, lane.state ?? "open", ["open", "paused", "draining"]),
  };
}

/** Options about seats and queues would have no effect on a lane that takes none and never waits. */
function seatless(place: string, lane: LaneOptions): void {
  if (lane.state === "paused")
    throw invalid(`${place}: state`, "open or draining, for an exempt lane never waits", lane.state);
  for (const key of ["reservation", "lendable", "ceiling", "weight", "queue", "aging"] as const)
    if (lane[key] !== undefined)
      throw invalid(
        `${place}: ${key}`,
        "nothing, for an exempt lane takes no seat and never waits",
        lane[key],
      );
}

function defaultLane(at: string, named: string | undefined, lanes: readonly LaneConfig[]): string {
  if (named === undefined)
    return (lanes.find((lane) => lane.name === "normal") ?? lanes[lanes.length - 1]!).name;
  if (lanes.some((lane) => lane.name === named)) return named;
  throw invalid(`${at}: defaultLane`, `one of ${laneNames(lanes)}`, named);
}

/** The lanes there are, for a message. */
export function laneNames(lanes: Iterable<{ readonly name: string }>): string {
  return [...lanes].map((lane) => lane.name).join(", ");
}

function uniqueNames(at: string, lanes: readonly LaneConfig[]): void {
  const seen = new Set<string>();
  for (const { name } of lanes) {
    if (seen.has(name)) throw invalid(`${at}: lanes`, "each lane named once", name);
    seen.add(name);
  }
}

/** What the scheduler calls: a wrong one would fail at the first task instead of here. */
function checkPorts(
  at: string,
  { clock, random, flowWeight, memory, detectDeadlock }: ResourceOptions,
): void {
  if (clock !== undefined && (typeof clock?.now !== "function" || typeof clock.after !== "function"))
    throw invalid(`${at}: clock`, "an object with now() and after()", clock);
  if (memory !== undefined && typeof memory !== "boolean" && typeof memory !== "function")
    throw invalid(`${at}: memory`, "true, false or a function", memory);
  if (random !== undefined && typeof random !== "function")
    throw invalid(`${at}: random`, "a function", random);
  if (flowWeight !== undefined && typeof flowWeight !== "function")
    throw invalid(`${at}: flowWeight`, "a function from a flow's name to its weight", flowWeight);
  bool(`${at}: detectDeadlock`, detectDeadlock ?? false);
}

/** An option that is a group of options. */
function group(at: string, options: object | undefined, known: ReadonlySet<string>): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null)
    throw invalid(at, `an object with ${[...known].join(", ")}`, options);
  knownKeys(at, options, known);
}

function share(at: string, value: number | Percent, least: number): number | Percent {
  if (typeof value === "string") {
    const matched = /^\d+(\.\d+)?%$/.test(value);
    if (!matched || percent(value) > 100)
      throw invalid(at, 'seats or a percentage from "0%" to "100%"', value);
    return value;
  }
  return whole(at, value, least, MOST_SEATS, 'seats, or a percentage such as "40%"');
}

function bool(at: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw invalid(at, "true or false", value);
}

function oneOf<const Choice extends string>(at: string, value: unknown, choices: readonly Choice[]): Choice {
  if (choices.includes(value as Choice)) return value as Choice;
  throw invalid(at, choices.map((choice) => `"${choice}"`).join(" or "), value);
}

function asNumber(value: number | Percent): number {
  return typeof value === "string" ? percent(value) : value;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

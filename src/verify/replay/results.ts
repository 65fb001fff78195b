/** What became of the arrivals in a replay, task by task, and the state of the resource whenever it was looked at. */

import type { Scheduler } from "../../core/scheduler.ts";
import type { Task } from "../../core/task.ts";

/** The state of one lane at one look. */
export interface LaneLook {
  readonly seats: number;
  readonly waiting: number;
  readonly reservation: number;
  readonly floor: number;
  readonly ceiling: number;
}

/** The state of the resource at one look. */
export interface Look {
  readonly atMs: number;
  readonly limit: number;
  readonly seats: number;
  /** In the order of the policy. */
  readonly lanes: readonly LaneLook[];
}

/** Never started; the wait column tells. */
const NEVER = -1;

/** What became of each task, by its place in the order of arrival. */
export class Results {
  /** Milliseconds queued by those that started; -1 for the others. */
  readonly waitMs: Float64Array;
  /** A number of `laneNames`. */
  readonly lane: Uint16Array;
  /** A number of `reasons`; 0 for those that started. */
  readonly reason: Uint16Array;
  readonly laneNames: readonly string[];
  readonly reasons: string[] = [""];
  readonly looks: Look[] = [];
  /** When the first task arrived, and when the last one ended. */
  readonly fromMs: number;
  untilMs: number;
  /** Seat-time used, in milliseconds times seats. */
  seatMs = 0;
  readonly #scheduler: Scheduler;
  readonly #laneNumbers: ReadonlyMap<string, number>;

  constructor(count: number, scheduler: Scheduler, fromMs: number) {
    this.#scheduler = scheduler;
    this.laneNames = scheduler.all.map(({ name }) => name);
    this.#laneNumbers = new Map(this.laneNames.map((name, number) => [name, number]));
    this.waitMs = new Float64Array(count).fill(NEVER);
    this.lane = new Uint16Array(count);
    this.reason = new Uint16Array(count);
    this.fromMs = fromMs;
    this.untilMs = fromMs;
  }

  offered(place: number, lane: string): void {
    this.lane[place] = this.#laneNumbers.get(lane)!;
  }

  started(place: number, waitMs: number): void {
    this.waitMs[place] = waitMs;
  }

  refused(place: number, reason: string): void {
    const known = this.reasons.indexOf(reason);
    this.reason[place] = known > 0 ? known : this.reasons.push(reason) - 1;
  }

  ended(task: Task): void {
    const now = this.#scheduler.clock.now();
    this.untilMs = now;
    this.seatMs += (now - task.startedAt!) * task.width;
  }

  look(atMs: number): void {
    const { ledger, all } = this.#scheduler;
    const lanes = all.map(({ seats, waiting, share: { reservation, floor, ceiling } }) => ({
      seats,
      waiting,
      reservation,
      floor,
      ceiling,
    }));
    this.looks.push({ atMs, limit: ledger.seats, seats: ledger.inUse, lanes });
  }
}

/** The reason of a task whose caller left while it waited: nobody refused it. */
export const CANCELLED = "cancelled";

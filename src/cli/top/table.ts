/** The table of one resource's lanes: as many columns as there is room for, the most telling ones first. */

import type { LaneRow, ResourceRows } from "./model.ts";
import { count, duration, fit } from "./words.ts";

interface Column {
  readonly title: string;
  readonly columns: number;
  /** Columns with the greatest number are left out first. */
  readonly spare: number;
  readonly cell: (lane: LaneRow) => string;
}

const COLUMNS: readonly Column[] = [
  { title: "RUN", columns: 5, spare: 0, cell: ({ running }) => count(running) },
  { title: "SEATS", columns: 6, spare: 10, cell: ({ seats }) => count(seats) },
  { title: "RSV", columns: 5, spare: 9, cell: ({ reservation }) => count(reservation) },
  { title: "MAX", columns: 5, spare: 4, cell: ({ ceiling }) => count(ceiling) },
  { title: "WAIT", columns: 7, spare: 0, cell: ({ waiting }) => count(waiting) },
  { title: "OLDEST", columns: 8, spare: 3, cell: ({ oldestMs }) => duration(oldestMs) },
  { title: "P50", columns: 8, spare: 5, cell: ({ waitP50Ms }) => duration(waitP50Ms) },
  { title: "P99", columns: 9, spare: 0, cell: p99 },
  { title: "OBJECTIVE", columns: 10, spare: 8, cell: ({ objectiveMs }) => duration(objectiveMs) },
  { title: "RUN P50", columns: 9, spare: 7, cell: ({ runP50Ms }) => duration(runP50Ms) },
  { title: "GOT/DUE %", columns: 10, spare: 2, cell: share },
  { title: "A MIN", columns: 7, spare: 6, cell: ({ perMinute }) => count(perMinute) },
  { title: "SHED", columns: 7, spare: 1, cell: ({ shed }) => count(shed) },
  { title: "FAILED", columns: 7, spare: 11, cell: ({ failed }) => count(failed) },
  { title: "CANCELLED", columns: 10, spare: 12, cell: ({ cancelled }) => count(cancelled) },
];

const NAME_LEAST = 16;
const NAME_MOST = 32;

/** The columns that fit so many characters, and what is left for the lane's name. */
export interface Layout {
  readonly name: number;
  readonly columns: readonly Column[];
}

export function layoutFor(room: number): Layout {
  let columns = [...COLUMNS];
  const used = (): number => columns.reduce((sum, column) => sum + column.columns, 0);
  while (used() + NAME_LEAST > room && columns.some(({ spare }) => spare > 0)) {
    const spare = Math.max(...columns.map((column) => column.spare));
    columns = columns.filter((column) => column.spare !== spare);
  }
  return { name: Math.max(0, Math.min(NAME_MOST, room - used())), columns };
}

export function titles({ name, columns }: Layout): string {
  return fit("LANE", name) + columns.map((column) => column.title.padStart(column.columns)).join("");
}

/** One lane, in plain text. */
export function laneLine({ name, columns }: Layout, lane: LaneRow): string {
  const state = lane.state === "open" ? "" : ` ${lane.state}`;
  const short = fit(lane.name, Math.max(0, Math.min(lane.name.length, name - state.length)));
  const cells = columns.map((column) => ` ${column.cell(lane)}`.padStart(column.columns));
  return fit(short + state, name) + cells.join("");
}

/** "db  8 of 8 seats, as the policy says". */
export function resourceLine({ name, limit, seats, limitReason, draining, order }: ResourceRows): string {
  const weighted = order === "weighted" ? ", by weight" : "";
  return `${name}  ${count(seats)} of ${count(limit)} seats in use${weighted}; limit ${limitReason}${draining ? "; draining" : ""}`;
}

/** The mark says without colour what the colour says. */
export function missed(lane: LaneRow): boolean {
  return lane.waitP99Ms > lane.objectiveMs;
}

function p99(lane: LaneRow): string {
  return `${missed(lane) ? "!" : ""}${duration(lane.waitP99Ms)}`;
}

function share({ got, due }: LaneRow): string {
  return `${Math.round(got * 100)}/${Math.round(due * 100)}`;
}

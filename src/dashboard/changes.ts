/** What an operator may change for a time, and what each change does, in the numbers of this second. */

import type { OverrideRequest } from "../policy/overrides.ts";
import type { State, Tick } from "../admin/wire.ts";
import { numbersOf } from "./history.ts";
import { grouped, plural } from "./words.ts";

/** A resource, or one lane of it. */
export interface Subject {
  readonly resource: string;
  readonly lane?: string;
}

/** The kinds of change. */
export type Kind = "pause" | "drain" | "open" | "reservation" | "limit";

/** What each is called, and means. */
export const KINDS: Readonly<Record<Kind, { readonly verb: string; readonly means: string }>> = {
  pause: { verb: "Pause", means: "newcomers queue, nothing starts" },
  drain: { verb: "Drain", means: "newcomers are refused, those who wait are served" },
  open: { verb: "Open", means: "as usual, over another change" },
  reservation: { verb: "Set the reservation", means: "seats that it is guaranteed" },
  limit: { verb: "Set the limit", means: "seats in all" },
};

const STATES = { pause: "paused", drain: "draining", open: "open" } as const;

/** What the page shows, as far as it is asked here. */
interface Standing {
  readonly state: State | null;
  readonly ticks: readonly Tick[];
}

/** The request that the server is sent. */
export function requestOf(
  kind: Kind,
  { resource, lane }: Subject,
  { minutes, seats, note }: { readonly minutes: number; readonly seats: number; readonly note: string },
): OverrideRequest {
  const common = { resource, durationMs: minutes * 60_000, ...(note === "" ? {} : { note }) };
  if (kind === "limit") return { ...common, limit: seats };
  if (kind === "reservation") return { ...common, lane, reservation: seats };
  return { ...common, lane, state: STATES[kind] };
}

/** The number of seats that it begins with: what it is now. */
export function startOf(kind: Kind, subject: Subject, standing: Standing): number {
  const { tick, lane } = find(subject, standing);
  return kind === "limit" ? (tick?.limit ?? 1) : numbersOf(lane).reservation;
}

/** What it will do, said before it is done. */
export function effectOf(kind: Kind, subject: Subject, seats: number, standing: Standing): string {
  const { tick, lane: numbers } = find(subject, standing);
  const { waiting, running, reservation } = numbersOf(numbers);
  const name = subject.lane ?? subject.resource;
  switch (kind) {
    case "pause":
      return `${name} has ${grouped(waiting)} waiting and ${grouped(running)} running: those that run go on, the others wait until the pause ends.`;
    case "drain":
      return `${name} has ${grouped(waiting)} waiting and ${grouped(running)} running: all of them are served, newcomers are refused.`;
    case "open":
      return `${name} has ${grouped(waiting)} waiting: they are served in their turn again.`;
    case "reservation":
      return `${name} is guaranteed ${plural(reservation, "seat")} of ${grouped(tick?.limit ?? 0)} now, and would be ${grouped(seats)}; lower lanes have what it leaves idle.`;
    case "limit": {
      const over = Math.max(0, (tick?.seats ?? 0) - seats);
      const ending = over === 0 ? "" : ` ${grouped(over)} of them end before the next starts.`;
      return `${name} has ${plural(tick?.limit ?? 0, "seat")}, ${grouped(tick?.seats ?? 0)} of them in use, and would have ${grouped(seats)}.${ending}`;
    }
  }
}

function find({ resource, lane }: Subject, { state, ticks }: Standing) {
  const at = state?.resources.findIndex(({ name }) => name === resource) ?? -1;
  const tick = ticks.at(-1)?.resources[at];
  const index = state?.resources[at]?.lanes.indexOf(lane ?? "") ?? -1;
  return { tick, lane: tick?.lanes[index] };
}

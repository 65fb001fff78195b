/** What the lanes of a policy mean together: names, ranks and reservations. */

import { reservedSeats } from "../core/seats.ts";
import { isShare, listAt, mapAt, textAt } from "./draft.ts";
import type { Draft } from "./draft.ts";
import type { Path } from "./document.ts";
import { parsePercent } from "./units.ts";
import { pathName } from "./wording.ts";

/** Reports lanes named twice, reservations that do not fit, and a default lane that cannot be one. */
export function checkLanes(draft: Draft): void {
  const { document, value } = draft;
  const lanes = listAt(value, ["lanes"]);
  const firstAt = new Map<string, number>();
  lanes.forEach((_lane, index) => {
    const path = ["lanes", index, "name"];
    const name = textAt(value, path);
    const before = name === undefined ? undefined : firstAt.get(name);
    if (name !== undefined && before === undefined) firstAt.set(name, index);
    if (before === undefined) return;
    document.report(
      path,
      `lane ${document.show(path, name)} is named twice`,
      `first on line ${document.lineOf(["lanes", before, "name"])}`,
    );
  });
  lanes.forEach((lane, index) => checkLane(draft, ["lanes", index], mapAt(lane, [])?.["exempt"] === true));
  checkSum(
    draft,
    lanes.map((_lane, index) => ["lanes", index, "reservation"]),
  );
  if (
    lanes.length > 0 &&
    lanes.every((_lane, index) => mapAt(value, ["lanes", index])?.["exempt"] === true)
  ) {
    document.report(
      ["lanes"],
      "lanes: every lane is exempt, so nothing would ever take a seat",
      "leave one that is not",
    );
  }
  checkDefaultLane(draft);
}

/** What an exempt lane has no use for: it takes no seat and never waits. */
const SEAT_FIELDS = ["reservation", "lendable", "ceiling", "weight", "queue", "aging"] as const;

/** Reports what is wrong inside one lane, or inside a resource's refinement of one. */
export function checkLane({ document, value }: Draft, path: Path, exempt: boolean): void {
  const lane = mapAt(value, path);
  if (lane === undefined) return;
  const place = pathName(document, value, path);
  for (const field of exempt ? SEAT_FIELDS : []) {
    if (lane[field] === undefined) continue;
    document.reportName(
      [...path, field],
      `${place}: an exempt lane has no ${field}`,
      "it takes no seat and never waits",
    );
  }
  const { reservation, ceiling } = lane;
  if (!isShare(reservation) || !isShare(ceiling) || typeof reservation !== typeof ceiling) return;
  if (amount(reservation) <= amount(ceiling)) return;
  const at = [...path, "reservation"];
  const most = document.show([...path, "ceiling"], ceiling);
  const found = document.show(at, reservation);
  document.report(at, `${place}.reservation: expected at most the lane's ceiling, ${most}, found ${found}`);
}

/** Reports percentages that pass 100 in all, at the lane that takes them there. */
export function checkSum({ document, value }: Draft, paths: readonly Path[]): boolean {
  let sum = 0;
  const parts: string[] = [];
  let shown = true;
  for (const path of paths) {
    const part = parsePercent(textAt(value, path) ?? "");
    if (part === undefined || part === 0) continue;
    const before = sum;
    sum += part;
    parts.push(String(part));
    shown &&= document.isShown(path);
    // A sum of decimals may pass 100 by a rounding error of its own.
    if (sum <= 100 + 1e-6 || before > 100 + 1e-6) continue;
    const found = shown ? `${parts.join(" + ")} = ${Math.round(sum * 100) / 100} %` : "more";
    document.report(path, `reservations: expected at most 100 % in all, found ${found} up to this lane`);
    return false;
  }
  return true;
}

function checkDefaultLane({ document, value, lanes, unknownLane }: Draft): void {
  const name = textAt(value, ["defaultLane"]);
  if (name === undefined) return;
  if (!lanes.has(name)) unknownLane(["defaultLane"], name);
  else if (lanes.get(name)?.exempt === true) {
    document.report(
      ["defaultLane"],
      `defaultLane: lane ${document.show(["defaultLane"], name)} is exempt, so nothing would be held back`,
    );
  }
}

/** Reports guarantees of a resource that its limit cannot hold. */
export function checkGuarantees(
  draft: Draft,
  resource: string,
  limit: number,
  at: Path = ["resources", resource, "limit"],
): void {
  const { document, value, lanes } = draft;
  const refined = (lane: string, field: string): Path => ["resources", resource, "lanes", lane, field];
  const names = [...lanes.keys()];
  const paths = names.map((name) => {
    const own = refined(name, "reservation");
    return isShare(mapAt(value, own.slice(0, -1))?.["reservation"]) ? own : undefined;
  });
  const reservations = names.map((name, rank) =>
    paths[rank] === undefined
      ? lanes.get(name)!.reservation
      : mapAt(value, paths[rank].slice(0, -1))!["reservation"],
  );
  if (!reservations.every(isShare)) return;
  const percents = reservations.reduce<number>(
    (sum, each) => sum + (typeof each === "string" ? amount(each) : 0),
    0,
  );
  const place = pathName(document, value, ["resources", resource]);
  const last = paths.findLast((path) => path !== undefined);
  if (percents > 100 + 1e-6) {
    // Percentages of the policy itself are reported where they stand.
    if (last !== undefined)
      document.report(last, `${place}: expected reservations of at most 100 % in all, found ${percents} %`);
    return;
  }
  const fixed = reservedSeats(
    limit,
    reservations.map((reservation) => ({ reservation, lendable: "100%", ceiling: "100%" })),
  );
  const total = fixed.reduce((sum, each) => sum + each, 0);
  if (total <= limit) return;
  const parts = names.flatMap((name, rank) => (fixed[rank] === 0 ? [] : `${name} ${fixed[rank]}`));
  const message = `${place}: expected reservations of at most its limit, ${limit} seats, found ${parts.join(" + ")} = ${total}`;
  document.report(last ?? at, message, "reserve fewer seats, or percentages");
}

function amount(share: number | string): number {
  return typeof share === "number" ? share : (parsePercent(share) ?? 0);
}

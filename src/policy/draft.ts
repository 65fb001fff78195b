/**
 * A policy that may still be wrong anywhere, as the checks of meaning see it: nothing in it has the type that it
 * should have until it is looked at.
 */

import { DEFAULT_LANES } from "../core/options.ts";
import type { Percent } from "../core/options.ts";
import type { Path, PolicyDocument } from "./document.ts";
import { closest } from "./suggest.ts";
import { parsePercent } from "./units.ts";
import { pathName, valueAt } from "./wording.ts";

/** What a check needs of one lane. */
export interface DraftLane {
  readonly reservation: unknown;
  readonly exempt: boolean;
}

/** The document with the names that it defines. */
export interface Draft {
  readonly document: PolicyDocument;
  readonly value: unknown;
  /** Every lane that has a name, most important first. */
  readonly lanes: ReadonlyMap<string, DraftLane>;
  readonly resources: readonly string[];
  /** Reports a name that is no lane. When the name is that of a field, the path ends with it. */
  readonly unknownLane: (path: Path, name: string) => void;
  readonly unknownResource: (path: Path, name: string) => void;
}

/** Reads the names of lanes and resources. */
export function draftOf(document: PolicyDocument): Draft {
  const { value } = document;
  const lanes = new Map<string, DraftLane>();
  const listed = listAt(value, ["lanes"]);
  if (valueAt(value, ["lanes"]) === undefined) {
    for (const [name, { reservation }] of Object.entries(DEFAULT_LANES))
      lanes.set(name, { reservation, exempt: false });
  }
  for (const lane of listed) {
    const name = textAt(lane, ["name"]);
    if (name === undefined || lanes.has(name)) continue;
    const { reservation = 0, exempt } = mapAt(lane, [])!;
    lanes.set(name, { reservation, exempt: exempt === true });
  }
  const resources = Object.keys(mapAt(value, ["resources"]) ?? {});
  // Where names are missing or misplaced, the one that is looked for may be among them.
  const complete = {
    lane:
      isAbsentOr(Array.isArray, value, "lanes") &&
      listed.every((lane) => textAt(lane, ["name"]) !== undefined),
    resource: isAbsentOr((found) => mapAt(found, []) !== undefined, value, "resources"),
  };
  const unknown = (kind: "lane" | "resource", names: readonly string[]) => (path: Path, name: string) => {
    if (!complete[kind]) return;
    const near = document.isShown(path) ? closest(name, names) : undefined;
    const known = names.length === 0 ? `this policy has no ${kind}s` : `the ${kind}s are ${names.join(", ")}`;
    const place = pathName(document, value, path);
    const hint = near === undefined ? known : `did you mean "${near}"?`;
    const isField = mapAt(value, path) !== undefined;
    const found =
      isField || document.isShown(path)
        ? ` ${JSON.stringify(name)}`
        : ` of that name: it is ${document.show(path, name)}`;
    const message = `${place}: there is no ${kind}${found}`;
    if (isField) document.reportName(path, message, hint);
    else document.report(path, message, hint);
  };
  return {
    document,
    value,
    lanes,
    resources,
    unknownLane: unknown("lane", [...lanes.keys()]),
    unknownResource: unknown("resource", resources),
  };
}

function isAbsentOr(fits: (found: unknown) => boolean, value: unknown, field: string): boolean {
  const found = valueAt(value, [field]);
  return found === undefined || fits(found);
}

/** The list at `path`; empty when there is none. */
export function listAt(value: unknown, path: Path): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}

/** The map at `path`, if it is one. */
export function mapAt(value: unknown, path: Path): Readonly<Record<string, unknown>> | undefined {
  const found = valueAt(value, path);
  return typeof found === "object" && found !== null && !Array.isArray(found)
    ? (found as Record<string, unknown>)
    : undefined;
}

/** The text at `path`, if it is text and not empty. */
export function textAt(value: unknown, path: Path): string | undefined {
  const found = valueAt(value, path);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** Whether a value is a number of seats or a percentage. */
export function isShare(value: unknown): value is number | Percent {
  return (
    (typeof value === "number" && Number.isInteger(value) && value >= 0) ||
    (typeof value === "string" && parsePercent(value) !== undefined)
  );
}

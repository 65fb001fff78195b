/** A manifest that somebody wrote: nothing in it has the type that it should have until it is looked at. */

import { LanewayError } from "../../core/errors.ts";

/** Field names and list indexes from the root of a manifest. */
export type ManifestPath = readonly (string | number)[];

/** Something that somebody should know of what was done, or was left as it was. */
export interface ManifestNote {
  readonly path: ManifestPath;
  readonly message: string;
}

/** What is wrong with a manifest, and where. `code` is `LANEWAY_INVALID`. */
export class ManifestError extends LanewayError {
  readonly path: ManifestPath;

  constructor(path: ManifestPath, message: string) {
    super(message, { code: "LANEWAY_INVALID", reason: "invalid" });
    this.name = "ManifestError";
    this.path = path;
  }
}

/** Fields of a manifest. */
export type Fields = Record<string, unknown>;

/** `value` as a map.
 *
 * @throws ManifestError when it is none, saying what was expected.
 */
export function fieldsOf(value: unknown, at: ManifestPath, expected: string): Fields {
  if (isFields(value)) return value;
  throw new ManifestError(at, `expected ${expected}, found ${shown(value)}`);
}

/** Whether a value is a map. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value in words fit for a message. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Deeper than any manifest, and than a value that contains itself may be followed. */
const DEPTH_MAX = 200;

/**
 * A copy that shares nothing, not even with itself: where the labels of pods and the selector that finds them are one
 * object, a change of the labels must not be one of the selector.
 *
 * @throws ManifestError for a value that contains itself.
 */
export function copyOf<Value>(value: Value, at: ManifestPath = []): Value {
  if (at.length > DEPTH_MAX)
    throw new ManifestError([], "expected plain data, found something that contains itself");
  if (Array.isArray(value))
    return value.map((item, index) => copyOf(item as unknown, [...at, index])) as Value;
  // What a reader of YAML makes of dates and the like is left as it is.
  if (
    !isFields(value) ||
    (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null)
  )
    return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, copyOf(field, [...at, key])]),
  ) as Value;
}

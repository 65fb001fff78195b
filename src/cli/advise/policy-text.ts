/** A policy's text with some of its fields changed, and nothing else: comments, order and quotes stay. */

import { parseDocument } from "yaml";
import type { Edit } from "../../verify/advise/edit.ts";
import { EditError, spliced, splicesFor } from "../yaml/edit.ts";
import { yamlLines } from "../yaml/text.ts";
import type { Plain } from "../yaml/text.ts";

/** The text after the changes of one resource; undefined where it cannot be changed in place (a field behind an alias). */
export function changedText(text: string, resource: string, edits: readonly Edit[]): string | undefined {
  const document = parseDocument(text);
  const before = (document.toJS() ?? {}) as Plain;
  let after = before;
  for (const [place, edit] of edits.entries())
    after = withValue(
      after,
      pathOf(before, resource, edit),
      isUnit(edit.value) ? standIn(place) : edit.value,
    );
  try {
    const changed =
      document.contents === null
        ? `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${yamlLines(after, 0).join("\n")}\n`
        : spliced(text, splicesFor(text, document.contents, before, after));
    return edits.reduce((whole, { value }, place) => whole.replace(standIn(place), String(value)), changed);
  } catch (error) {
    if (error instanceof EditError) return undefined;
    throw error;
  }
}

/** `40%` and `2s` need no quotes in a policy; what splices quotes all that an older YAML might mistake. */
function isUnit(value: number | string): boolean {
  return /^\d+(?:%|ms|s|m|h)$/.test(String(value));
}

function standIn(place: number): string {
  return `laneway-value-${place}-here`;
}

type Path = readonly (string | number)[];

/**
 * Where the field belongs. What a resource says of its lanes stays there; a policy of one resource says it of the lane
 * itself, one of several where it holds for this resource alone, for no other was replayed.
 */
export function pathOf(policy: Plain, resource: string, { lane, field }: Edit): Path {
  if (lane === undefined) return ["resources", resource, ...field];
  const refined: Path = ["resources", resource, "lanes", lane];
  if (valueAt(policy, [...refined, field[0]]) !== undefined) return [...refined, ...field];
  const lanes = valueAt(policy, ["lanes"]);
  const listed = Array.isArray(lanes)
    ? lanes.findIndex((each) => valueAt(each as Plain, ["name"]) === lane)
    : -1;
  const count = Object.keys((valueAt(policy, ["resources"]) ?? {}) as object).length;
  return listed >= 0 && count <= 1 ? ["lanes", listed, ...field] : [...refined, ...field];
}

function valueAt(value: Plain | undefined, path: Path): Plain | undefined {
  let found: unknown = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string | number, unknown>)[name];
  }
  return found as Plain | undefined;
}

function withValue(value: Plain | undefined, [name, ...rest]: Path, to: Plain): Plain {
  if (name === undefined) return to;
  if (Array.isArray(value)) {
    const list = value as readonly Plain[];
    return list.map((item, index) => (index === name ? withValue(item, rest, to) : item));
  }
  const fields = (typeof value === "object" ? value : null) as Record<string, Plain> | null;
  return { ...fields, [name]: withValue(fields?.[name as string], rest, to) };
}

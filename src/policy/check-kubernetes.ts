/** What the lanes of a policy ask of a cluster, together and each: values out of rank, and amounts that cannot both hold. */

import type { Path } from "./document.ts";
import { listAt, mapAt } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { CLASS_VALUE_MAX } from "./lane-kubernetes.ts";
import { parseCpu, parseMemory } from "./quantities.ts";
import { pathName, valueAt } from "./wording.ts";

/** Reports values that do not fall with the rank, classes named twice, and limits below requests. */
export function checkKubernetes(draft: Draft): void {
  checkValues(draft);
  checkClasses(draft);
  listAt(draft.value, ["lanes"]).forEach((_lane, index) =>
    checkAmounts(draft, ["lanes", index, "kubernetes"]),
  );
}

/** Lanes between two values need values of their own, whole numbers too. */
function checkValues({ document, value }: Draft): void {
  const lanes = listAt(value, ["lanes"]);
  let above = CLASS_VALUE_MAX + 1;
  let aboveRank = -1;
  lanes.forEach((_lane, rank) => {
    const path = ["lanes", rank, "kubernetes", "value"];
    const found = valueAt(value, path);
    if (!isValue(found)) return;
    const most = above - (rank - aboveRank);
    if (found > most) {
      const name = aboveRank < 0 ? "" : ` ${pathName(document, value, ["lanes", aboveRank])}`;
      const between = rank - aboveRank - 1;
      const hint =
        between > 0
          ? `each of the ${between} lanes above that have none needs one too`
          : "the order of the lanes is the rank";
      document.report(
        path,
        `${pathName(document, value, path)}: expected at most ${most}, below${name === "" ? " what a class may have" : name}, found ${document.show(path, found)}`,
        hint,
      );
      return;
    }
    above = found;
    aboveRank = rank;
  });
  const least = -CLASS_VALUE_MAX + (lanes.length - 1 - aboveRank);
  if (aboveRank < 0 || above >= least) return;
  const path = ["lanes", aboveRank, "kubernetes", "value"];
  document.report(
    path,
    `${pathName(document, value, path)}: expected at least ${least}, found ${document.show(path, above)}`,
    "each lane below needs a value too",
  );
}

function isValue(found: unknown): found is number {
  return typeof found === "number" && Number.isInteger(found) && Math.abs(found) <= CLASS_VALUE_MAX;
}

function checkClasses({ document, value }: Draft): void {
  const firstAt = new Map<unknown, number>();
  listAt(value, ["lanes"]).forEach((_lane, index) => {
    const path = ["lanes", index, "kubernetes", "class"];
    const name = valueAt(value, path);
    if (typeof name !== "string") return;
    const before = firstAt.get(name);
    if (before === undefined) firstAt.set(name, index);
    else
      document.report(
        path,
        `${pathName(document, value, path)}: class ${document.show(path, name)} belongs to another lane`,
        `that of line ${document.lineOf(["lanes", before, "kubernetes", "class"])}`,
      );
  });
}

/** Limits that nobody has said would be a guess, and one of memory that is too low ends a container. */
function checkGuaranteed({ document, value }: Draft, path: Path): void {
  const at = [...path, "qos"];
  if (valueAt(value, at) !== "guaranteed") return;
  const missing = KINDS.filter((kind) => valueAt(value, [...path, "requests", kind]) === undefined);
  if (missing.length === 0) return;
  document.report(
    at,
    `${pathName(document, value, at)}: expected requests of cpu and memory beside it, found none of ${missing.join(" and ")}`,
    "they are the limits too",
  );
}

const KINDS = ["cpu", "memory"] as const;
const READERS = { cpu: parseCpu, memory: parseMemory } as const;

function checkAmounts(draft: Draft, path: Path): void {
  const { document, value } = draft;
  const entry = mapAt(value, path);
  if (entry === undefined) return;
  checkGuaranteed(draft, path);
  for (const kind of KINDS) {
    const at = [...path, "limits", kind];
    const limit = amountAt(value, at, READERS[kind]);
    if (limit === undefined) continue;
    const requestAt = [...path, "requests", kind];
    const request = amountAt(value, requestAt, READERS[kind]);
    const place = pathName(document, value, at);
    const found = document.show(at, valueAt(value, at));
    const asked = document.show(requestAt, valueAt(value, requestAt));
    if (request !== undefined && limit < request)
      document.report(at, `${place}: expected at least what is requested, ${asked}, found ${found}`);
    else if (entry["qos"] === "guaranteed" && limit !== request)
      document.report(
        at,
        `${place}: expected what is requested${request === undefined ? "" : `, ${asked}`}, for qos is guaranteed; found ${found}`,
        request === undefined
          ? "say it in requests, and leave the limits out"
          : "leave the limits out: they are the requests",
      );
  }
}

function amountAt(
  value: unknown,
  path: Path,
  read: (text: string) => number | undefined,
): number | undefined {
  const found = valueAt(value, path);
  return typeof found === "string" || typeof found === "number" ? read(String(found)) : undefined;
}

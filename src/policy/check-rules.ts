/** What rules, flows and callers mean: names they use, patterns they match with, keys and ranges they trust. */

import { parseCidr } from "./address.ts";
import type { Path } from "./document.ts";
import { listAt, mapAt, textAt } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { hostPatternProblem, pathPatternProblem } from "./pattern.ts";
import { pathName } from "./wording.ts";

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const CONDITIONS = ["path", "method", "header", "model", "host"] as const;

/** Reports rules that name what there is not, match nothing, or hide those after them. */
export function checkRules(draft: Draft): void {
  const { document, value, lanes, resources, unknownLane, unknownResource } = draft;
  const rules = listAt(value, ["classify"]);
  rules.forEach((rule, index) => {
    const at = (field: string): Path => ["classify", index, field];
    const lane = textAt(rule, ["lane"]);
    if (lane !== undefined && !lanes.has(lane)) unknownLane(at("lane"), lane);
    const resource = textAt(rule, ["resource"]);
    if (resource !== undefined && !resources.includes(resource)) unknownResource(at("resource"), resource);
    checkPattern(draft, at("path"), pathPatternProblem);
    checkPattern(draft, at("host"), hostPatternProblem);
    for (const name of Object.keys(mapAt(rule, ["header"]) ?? {}))
      checkHeaderName(draft, [...at("header"), name], name);
    const fields = mapAt(rule, []);
    if (
      fields === undefined ||
      index === rules.length - 1 ||
      CONDITIONS.some((field) => fields[field] !== undefined)
    )
      return;
    const place = pathName(document, value, ["classify", index]);
    document.report(
      ["classify", index],
      `${place}: this rule matches every request, so the rules after it never apply`,
      "put it last, or give it a path, method, header, model or host",
    );
  });
  checkHeaderName(draft, ["flow", "header"], textAt(value, ["flow", "header"]));
  checkHeaderName(draft, ["trust", "header"], textAt(value, ["trust", "header"]));
}

function checkPattern(
  { document, value }: Draft,
  path: Path,
  problemOf: (pattern: string) => string | undefined,
): void {
  const pattern = textAt(value, path);
  const problem = pattern === undefined ? undefined : problemOf(pattern);
  if (problem === undefined) return;
  const hint =
    /^[\w*]/.test(pattern!) && path.at(-1) === "path" && document.isShown(path)
      ? `did you mean /${pattern}?`
      : undefined;
  document.report(
    path,
    `${pathName(document, value, path)}: expected ${problem}, found ${document.show(path, pattern)}`,
    hint,
  );
}

function checkHeaderName({ document, value }: Draft, path: Path, name: string | undefined): void {
  if (name === undefined || HEADER_NAME.test(name)) return;
  if (path[0] === "classify") {
    document.reportName(
      path,
      `${pathName(document, value, path.slice(0, -1))}: expected the name of a header, found ${JSON.stringify(name)}`,
    );
  } else {
    document.report(
      path,
      `${pathName(document, value, path)}: expected the name of a header, found ${document.show(path, name)}`,
    );
  }
}

/** Reports callers that nobody can be, that are listed twice, or that nothing follows from. */
export function checkCallers(draft: Draft): void {
  const { document, value, lanes, unknownLane } = draft;
  const seen = new Map<string, number>();
  listAt(value, ["trust", "callers"]).forEach((caller, index) => {
    const fields = mapAt(caller, []);
    if (fields === undefined) return;
    const at = (field: string): Path => ["trust", "callers", index, field];
    const place = pathName(document, value, ["trust", "callers", index]);
    const { key, cidr } = fields;
    if ((key === undefined) === (cidr === undefined)) {
      const found = key === undefined ? "neither" : "both";
      document.report(
        ["trust", "callers", index],
        `${place}: expected either a key or a cidr, found ${found}`,
      );
    }
    if (key === "")
      document.report(
        at("key"),
        `${place}.key: expected a key, found an empty text`,
        "an empty key would be anybody's",
      );
    else if (typeof key === "string" && key.trim() !== key) {
      document.report(
        at("key"),
        `${place}.key: this key begins or ends with a space or line break, which no header can carry`,
      );
    }
    const range = textAt(caller, ["cidr"]);
    if (range !== undefined && parseCidr(range) === undefined) {
      document.report(
        at("cidr"),
        `${place}.cidr: expected an address range such as 10.0.0.0/8 or fd00::/8, found ${document.show(at("cidr"), range)}`,
      );
    }
    for (const [field, found] of [
      ["key", key],
      ["cidr", cidr],
    ] as const) {
      if (typeof found !== "string" || found === "") continue;
      const before = seen.get(`${field} ${found}`);
      seen.set(`${field} ${found}`, before ?? index);
      if (before === undefined) continue;
      document.report(
        at(field),
        `${place}.${field}: the same ${field} is listed on line ${document.lineOf(["trust", "callers", before])}`,
        "only the first would count",
      );
    }
    const upTo = textAt(caller, ["upTo"]);
    if (upTo !== undefined && !lanes.has(upTo)) unknownLane(at("upTo"), upTo);
    else if (upTo !== undefined && lanes.get(upTo)?.exempt === true) {
      document.report(
        at("upTo"),
        `${place}.upTo: lane ${document.show(at("upTo"), upTo)} is exempt, and a claim to it would pass every limit`,
        "let a rule choose that lane",
      );
    }
    const known = Object.keys(fields);
    if (known.length === 1 && (known[0] === "key" || known[0] === "cidr")) {
      document.report(
        ["trust", "callers", index],
        `${place}: without upTo or flow nothing follows from listing this caller`,
        "add upTo: LANE",
      );
    }
  });
}

/** Reports destinations that are no origin, and those listed twice. */
export function checkForwardTo({ document, value }: Draft): void {
  const seen = new Map<string, Path>();
  listAt(value, ["trust", "forwardTo"]).forEach((entry, index) => {
    if (typeof entry !== "string") return;
    const path: Path = ["trust", "forwardTo", index];
    const url = URL.canParse(entry) ? new URL(entry) : undefined;
    const isOrigin =
      url !== undefined &&
      /^https?:$/.test(url.protocol) &&
      url.href === `${url.origin}/` &&
      !entry.includes("*");
    const place = pathName(document, value, path);
    if (!isOrigin) {
      const hint = /^[\w.-]+(?::\d+)?$/.test(entry) ? `http://${entry}` : (url?.origin ?? "");
      document.report(
        path,
        `${place}: expected an origin such as http://billing.internal, found ${document.show(path, entry)}`,
        document.isShown(path) && /^https?:/.test(hint) && hint !== entry
          ? `did you mean "${hint}"?`
          : undefined,
      );
      return;
    }
    const before = seen.get(url.origin);
    if (before === undefined) seen.set(url.origin, path);
    else document.report(path, `${place}: the same origin is listed on line ${document.lineOf(before)}`);
  });
}

/** The shape of a scenario: zod's findings, said in the words of a policy's, at their place in the file. */

import type { z } from "zod";
import type { Path, PolicyDocument } from "../../policy/document.ts";
import { closest } from "../../policy/suggest.ts";
import { pathName, valueAt, valueHint } from "../../policy/wording.ts";
import type { ScenarioFile } from "./file.ts";
import { ScenarioSchema } from "./schema.ts";

type Issue = z.core.$ZodIssue;

/** Reports everything that is wrong with the shape of `document`. Gives the file when nothing is. */
export function checkShape(document: PolicyDocument): ScenarioFile | undefined {
  const value = document.value ?? {};
  const result = ScenarioSchema.safeParse(value, { error: expectation });
  if (result.success) return result.data;
  for (const issue of result.error.issues.flatMap((each) => leaves(each, []))) report(document, value, issue);
  return undefined;
}

function expectation(issue: {
  readonly code?: string | undefined;
  readonly expected?: unknown;
}): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (issue.expected === "array") return "a list";
  return issue.expected === "object" || issue.expected === "record" ? "a map" : undefined;
}

/** A union fails as a whole: where one of its branches was clearly meant, that branch's findings say more. */
function leaves(issue: Issue, above: Path): Issue[] {
  const path = [...above, ...issue.path];
  if (issue.code !== "invalid_union") return [{ ...issue, path }];
  const branches = issue.errors as readonly (readonly Issue[])[];
  const meant = branches.find((branch) =>
    branch.some((each) => each.path.length > 0 || each.code === "unrecognized_keys"),
  );
  if (meant !== undefined) return meant.flatMap((each) => leaves(each, path));
  const message = branches[0]?.[0]?.message ?? issue.message;
  return [{ ...issue, path, message }];
}

function report(document: PolicyDocument, value: unknown, issue: Issue): void {
  const { path } = issue;
  const place = placeOf(document, value, path);
  if (issue.code === "unrecognized_keys") {
    for (const field of issue.keys) {
      const near = closest(field, FIELDS);
      const hint = near === undefined ? undefined : `did you mean "${near}"?`;
      document.reportName([...path, field], `unknown field "${field}" in ${place}`, hint);
    }
    return;
  }
  if (issue.code === "invalid_key") {
    const expected = issue.issues[0]?.message ?? "a name";
    document.reportName(path, `expected ${expected}, found ${JSON.stringify(path.at(-1))}`);
    return;
  }
  const found = valueAt(value, path);
  if (found === undefined) {
    const parent = placeOf(document, value, path.slice(0, -1));
    const field = String(path.at(-1));
    return document.report(path, `${parent}: the field "${field}" is missing; expected ${issue.message}`);
  }
  const hint = document.isShown(path) ? valueHint(issue.message, found) : undefined;
  document.report(path, `${place}: expected ${issue.message}, found ${document.show(path, found)}`, hint);
}

function placeOf(document: PolicyDocument, value: unknown, path: Path): string {
  return path.length === 0 ? "the scenario" : pathName(document, value, path);
}

/** All names of fields, for "did you mean". */
const FIELDS = [
  ...["version", "about", "rate", "arrivals", "timeout", "header", "inFlight", "phases", "lanes", "name"],
  ...["for", "lane", "during", "paths", "path", "method", "weight", "headers", "body", "ai", "provider"],
  ...["model", "maxTokens", "stream", "prompt", "flows", "count", "prefix", "skew", "returns", "after"],
  ...["most", "objectives", "from", "to"],
];

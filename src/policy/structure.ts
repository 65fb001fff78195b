/** The shape of a policy: zod's findings, said in our words at their place in the file. */

import { z } from "zod";
import type { Path, PolicyDocument } from "./document.ts";
import type { PolicyFile } from "./file.ts";
import { PolicySchema } from "./schema.ts";
import { closest } from "./suggest.ts";
import { pathName, valueAt, valueHint } from "./wording.ts";

type Issue = z.core.$ZodIssue;

/** Fields of the format that nothing acts on yet: accepting one would be a promise that is not kept. */
const NOT_YET: readonly { readonly field: string; readonly within: RegExp }[] = [
  // Processes, packets and pods belong to a lane, not to a resource.
  ...["cpu", "memory", "network", "kubernetes"].map((field) => ({
    field,
    within: /^resources\.[^.]+\.lanes\.[^.]+$/,
  })),
];

/**
 * Reports everything that is wrong with the shape of `document`. Gives the file when nothing is.
 *
 * Values that a variable filled in are text; where the shape wants a number or a truth value they are read as one, in
 * place.
 */
export function checkStructure(document: PolicyDocument): PolicyFile | undefined {
  const value = document.value ?? {};
  let result = PolicySchema.safeParse(value, { error: expectation });
  if (!result.success && readFilledValues(document, value, result.error.issues)) {
    result = PolicySchema.safeParse(value, { error: expectation });
  }
  if (result.success) return result.data;
  for (const issue of result.error.issues.flatMap((each) => leaves(each, []))) report(document, value, issue);
  return undefined;
}

/** What zod itself would say badly; the leaves of the schema bring words of their own. */
function expectation(issue: {
  readonly code?: string | undefined;
  readonly expected?: unknown;
}): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  return issue.expected === "object" || issue.expected === "record"
    ? "a map"
    : issue.expected === "array"
      ? "a list"
      : undefined;
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
  const message =
    issue.message === "Invalid input" ? (branches[0]?.[0]?.message ?? issue.message) : issue.message;
  return [{ ...issue, path, message }];
}

function readFilledValues(document: PolicyDocument, value: unknown, issues: readonly Issue[]): boolean {
  let changed = false;
  for (const { path } of issues.flatMap((each) => leaves(each, []))) {
    const found = valueAt(value, path);
    if (typeof found !== "string" || !document.isFilled(path)) continue;
    const read = /^-?\d+(?:\.\d+)?$/.test(found) ? Number(found) : { true: true, false: false }[found];
    const parent = valueAt(value, path.slice(0, -1));
    if (read === undefined || typeof parent !== "object" || parent === null) continue;
    Object.assign(parent, { [path.at(-1)!]: read });
    changed = true;
  }
  return changed;
}

function report(document: PolicyDocument, value: unknown, issue: Issue): void {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    for (const field of issue.keys) reportField(document, value, path, field);
    return;
  }
  const place = pathName(document, value, path);
  if (issue.code === "invalid_key") {
    const expected = issue.issues[0]?.message ?? "a name";
    document.reportName(
      path,
      `${pathName(document, value, path.slice(0, -1))}: expected ${expected}, found ${JSON.stringify(path.at(-1))}`,
    );
    return;
  }
  const found = valueAt(value, path);
  const parent = pathName(document, value, path.slice(0, -1));
  if (found === undefined) {
    document.report(
      path,
      `${parent}: the field "${String(path.at(-1))}" is missing; expected ${issue.message}`,
    );
    return;
  }
  const hint = hintFor(document, path, issue.message, found);
  document.report(path, `${place}: expected ${issue.message}, found ${document.show(path, found)}`, hint);
}

function hintFor(document: PolicyDocument, path: Path, expected: string, found: unknown): string | undefined {
  // One key is no list of keys; of a secret nothing else is said.
  if (path.at(-1) === "keys" && typeof found === "string") return "put it in [ ]";
  if (path.at(-1) === "fallback" && typeof found === "string")
    return "write { resource: NAME } or { model: NAME }";
  return document.isShown(path) ? valueHint(expected, found) : undefined;
}

function reportField(document: PolicyDocument, value: unknown, path: Path, field: string): void {
  const place = pathName(document, value, path);
  const at = [...path, field];
  if (NOT_YET.some((each) => each.field === field && each.within.test(path.map(String).join(".")))) {
    document.reportName(
      at,
      `${place}: "${field}" is not supported by this version`,
      "remove it: nothing would act on it",
    );
    return;
  }
  const fields = fieldsAt(path);
  const near = closest(field, fields);
  const hint = near === undefined ? `the fields here are ${fields.join(", ")}` : `did you mean "${near}"?`;
  document.reportName(at, `unknown field "${field}" in ${path.length === 0 ? "the policy" : place}`, hint);
}

/** The fields that the schema has at a place. */
function fieldsAt(path: Path): string[] {
  let schemas: z.core.JSONSchema.BaseSchema[] = [jsonSchema()];
  for (const step of path) {
    schemas = schemas.flatMap((schema) => {
      const next =
        typeof step === "number"
          ? schema.items
          : (schema.properties?.[String(step)] ?? schema.additionalProperties);
      const found = Array.isArray(next) ? next : [next];
      return found.filter((each) => typeof each === "object").flatMap((each) => each.anyOf ?? [each]);
    });
  }
  return schemas.flatMap((schema) => Object.keys(schema.properties ?? {}));
}

/** The JSON Schema of the format, as `laneway/schema.json` publishes it. */
export function jsonSchema(): z.core.JSONSchema.BaseSchema {
  const schema = z.toJSONSchema(PolicySchema, { override: ({ jsonSchema: each }) => allowVariable(each) });
  return { ...schema, $defs: { variable: VARIABLE } };
}

const VARIABLE = {
  type: "string",
  pattern: "\\$\\{",
  description: "${VAR}, ${VAR:-default} or ${VAR:?message}, filled in from the environment.",
} as const;

/** A variable is text until it is filled in: an editor must take it where a number or a unit belongs. */
function allowVariable(schema: z.core.JSONSchema.BaseSchema): void {
  const { type, pattern, description } = schema;
  const isLeaf = type === "number" || type === "integer" || type === "boolean" || schema.enum !== undefined;
  // A name may be that of a field, where no variable is filled in; and free text takes a variable as it is.
  if (!isLeaf && (pattern === undefined || pattern.startsWith("^[A-Za-z"))) return;
  const own = { ...schema };
  for (const key of Object.keys(schema)) delete schema[key];
  delete own.description;
  Object.assign(schema, description === undefined ? {} : { description }, {
    anyOf: [own, { $ref: "#/$defs/variable" }],
  });
}

/**
 * The shape of a file: zod's findings on it, said in our words at their place. For the policy, and for whatever else people
 * write as YAML for us.
 */

import { z } from "zod";
import type { Path, PolicyDocument } from "./document.ts";
import { closest } from "./suggest.ts";
import { pathName, valueAt, valueHint } from "./wording.ts";

type Issue = z.core.$ZodIssue;

/** A kind of file. */
export interface Shape<File> {
  readonly schema: z.ZodType<File>;
  /** What the whole is called: "the policy". */
  readonly whole: string;
  /** Whether the format has this field there and nothing acts on it yet. */
  readonly isNotYet?: (path: Path, field: string) => boolean;
  /** What to do about a value, beside what goes for all. */
  readonly hint?: (path: Path, found: unknown) => string | undefined;
}

/**
 * Reports everything that is wrong with the shape of `document`. Gives the file when nothing is.
 *
 * Values that a variable filled in are text; where the shape wants a number or a truth value they are read as one, in
 * place.
 */
export function checkShape<File>(document: PolicyDocument, shape: Shape<File>): File | undefined {
  const value = document.value ?? {};
  let result = shape.schema.safeParse(value, { error: expectation });
  if (!result.success && readFilledValues(document, value, result.error.issues)) {
    result = shape.schema.safeParse(value, { error: expectation });
  }
  if (result.success) return result.data;
  const reporter = new Reporter(document, value, shape);
  for (const issue of result.error.issues.flatMap((each) => leaves(each, []))) reporter.report(issue);
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

class Reporter<File> {
  readonly #document: PolicyDocument;
  readonly #value: unknown;
  readonly #shape: Shape<File>;

  constructor(document: PolicyDocument, value: unknown, shape: Shape<File>) {
    this.#document = document;
    this.#value = value;
    this.#shape = shape;
  }

  report(issue: Issue): void {
    const { path } = issue;
    if (issue.code === "unrecognized_keys") {
      for (const field of issue.keys) this.#unknown(path, field);
      return;
    }
    if (issue.code === "invalid_key") {
      const expected = issue.issues[0]?.message ?? "a name";
      const parent = this.#place(path.slice(0, -1));
      this.#document.reportName(
        path,
        `${parent}: expected ${expected}, found ${JSON.stringify(path.at(-1))}`,
      );
      return;
    }
    const found = valueAt(this.#value, path);
    if (found === undefined) {
      const parent = this.#place(path.slice(0, -1));
      const field = String(path.at(-1));
      this.#document.report(path, `${parent}: the field "${field}" is missing; expected ${issue.message}`);
      return;
    }
    this.#document.report(
      path,
      `${this.#place(path)}: expected ${issue.message}, found ${this.#document.show(path, found)}`,
      this.#hint(path, issue.message, found),
    );
  }

  #hint(path: Path, expected: string, found: unknown): string | undefined {
    const own = this.#shape.hint?.(path, found);
    // Of a secret nothing else is said.
    return own ?? (this.#document.isShown(path) ? valueHint(expected, found) : undefined);
  }

  #unknown(path: Path, field: string): void {
    const at = [...path, field];
    const place = this.#place(path);
    if (this.#shape.isNotYet?.(path, field) === true) {
      this.#document.reportName(
        at,
        `${place}: "${field}" is not supported by this version`,
        "remove it: nothing would act on it",
      );
      return;
    }
    const fields = fieldsAt(this.#shape.schema, path);
    const near = closest(field, fields);
    const hint = near === undefined ? `the fields here are ${fields.join(", ")}` : `did you mean "${near}"?`;
    this.#document.reportName(at, `unknown field "${field}" in ${place}`, hint);
  }

  #place(path: Path): string {
    return path.length === 0 ? this.#shape.whole : pathName(this.#document, this.#value, path);
  }
}

/** The fields that a schema has at a place. */
function fieldsAt(whole: z.ZodType, path: Path): string[] {
  let schemas: z.core.JSONSchema.BaseSchema[] = [
    z.toJSONSchema(whole, { io: "input", unrepresentable: "any" }),
  ];
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

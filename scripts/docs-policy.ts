/** The fields of the policy file, from its JSON Schema: each with its path, what it takes, and what it means. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SitePage } from "./docs-pages.ts";

interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly const?: string | number | boolean;
  readonly enum?: readonly (string | number | boolean)[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly $ref?: string;
}

/** The page of all fields, one table for each field of the first level. */
export function policyPage(root: string): SitePage {
  const schema = JSON.parse(readFileSync(join(root, "schema.json"), "utf8")) as Schema;
  const sections = Object.entries(schema.properties ?? {}).map(([name, field]) => sectionOf(name, field));
  const text = `# Every field of the policy

Written from [schema.json](/schema.json), which editors complete and check policies with. What the fields are for, with
examples, is in [the policy file](./policy.md). Any value may also come from the environment: \`\${NAME}\`. \`[]\` stands
for an entry of a list, \`<name>\` for a name of your own.

${sections.join("\n\n")}
`;
  return { path: "reference/policy-fields.md", from: "schema.json", text };
}

function sectionOf(name: string, field: Schema): string {
  const rows = rowsOf("", field);
  const about = `## ${name}\n\n${cell(field.description ?? "")}`;
  if (rows.length === 0) return `${about} Takes ${takes(field)}.`;
  // What all of them begin with is said once.
  const prefix = /^(\[\]|\.<name>)?\./.exec(rows[0]!.path)?.[0] ?? "";
  const short = rows.map((row) => ({
    ...row,
    path: row.path.slice(row.path.startsWith(prefix) ? prefix.length : 1),
  }));
  return `${about} Below \`${name}${prefix}\`:\n\n${table(short)}`;
}

interface Row {
  readonly path: string;
  readonly field: Schema;
}

/** The fields below one, with the way to them. */
function rowsOf(path: string, field: Schema): Row[] {
  return partsOf(field).flatMap((part) => {
    const own = Object.entries(part.properties ?? {}).flatMap(([name, inner]) => [
      { path: `${path}.${name}`, field: inner },
      ...rowsOf(`${path}.${name}`, inner),
    ]);
    const listed = part.items === undefined ? [] : rowsOf(`${path}[]`, part.items);
    const others = part.additionalProperties;
    const named = typeof others === "object" ? rowsOf(`${path}.<name>`, others) : [];
    return [...own, ...listed, ...named];
  });
}

/** A schema and its alternatives, all the way down, without references. */
function partsOf(field: Schema): Schema[] {
  return field.anyOf === undefined ? [field] : field.anyOf.flatMap(partsOf);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(
    ({ path, field }) => `| \`${path}\` | ${takes(field)} | ${cell(field.description ?? "")} |`,
  );
  return ["| field | takes | means |", "| --- | --- | --- |", ...lines].join("\n");
}

function takes(field: Schema): string {
  const kinds = partsOf(field).flatMap((part) => kindOf(part) ?? []);
  return [...new Set(kinds)].join(", ");
}

function kindOf(part: Schema): string | undefined {
  if (part.$ref !== undefined) return undefined;
  if (part.const !== undefined) return `\`${String(part.const)}\``;
  if (part.enum !== undefined) return part.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (part.type === "array") return `a list of ${takes(part.items ?? {}) || "entries"}`;
  if (part.type === "object") return "fields";
  if (part.type === "string") return textOf(part);
  if (part.type === "boolean") return "`true`, `false`";
  if (part.type === "integer" || part.type === "number") return boundsOf(part);
  return undefined;
}

/** Bounds that nobody meets are not worth a reader's time. */
const LARGE = 1_000_000;

function boundsOf({ type, minimum = 0, maximum = LARGE }: Schema): string {
  const kind = type === "integer" ? "a whole number" : "a number";
  if (maximum < LARGE) return `${kind} from ${minimum} to ${maximum}`;
  return minimum >= 1 ? `${kind} from ${minimum}` : kind;
}

/** What the patterns of the schema stand for, as a reader would say it. */
function textOf({ pattern = "" }: Schema): string {
  return Object.entries(PATTERNS).find(([part]) => pattern.includes(part))?.[1] ?? "text";
}

const PATTERNS: Readonly<Record<string, string>> = {
  ")%$": "a percentage",
  "(ms|s|m|h)": "a duration: `250ms`, `30s`, `2m`",
  "(s|min|h)": "a rate: `4000/min`",
  "KiB|MiB": "a size: `32MiB`",
  "Ki|Mi": "an amount: `512Mi`",
  ")m)$": "an amount: `500m`",
};

function cell(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;")
    .replaceAll(/\$\{(\w+)\}/g, "`${$1}`");
}

/** The shape of a policy, and the same as a JSON Schema for editors. */

import { z } from "zod";
import type { Path, PolicyDocument } from "./document.ts";
import type { PolicyFile } from "./file.ts";
import { PolicySchema } from "./schema.ts";
import { checkShape } from "./shape.ts";

/** Processes, packets and pods belong to a lane, not to a resource: accepting them there would be a promise not kept. */
const NOT_OF_A_RESOURCE: ReadonlySet<string> = new Set(["cpu", "memory", "network", "kubernetes"]);
const LANE_OF_A_RESOURCE = /^resources\.[^.]+\.lanes\.[^.]+$/;

/** Reports everything that is wrong with the shape of `document`. Gives the file when nothing is. */
export function checkStructure(document: PolicyDocument): PolicyFile | undefined {
  return checkShape<PolicyFile>(document, { schema: PolicySchema, whole: "the policy", isNotYet, hint });
}

function isNotYet(path: Path, field: string): boolean {
  return NOT_OF_A_RESOURCE.has(field) && LANE_OF_A_RESOURCE.test(path.map(String).join("."));
}

function hint(path: Path, found: unknown): string | undefined {
  // One key is no list of keys.
  if (path.at(-1) === "keys" && typeof found === "string") return "put it in [ ]";
  if (path.at(-1) === "fallback" && typeof found === "string")
    return "write { resource: NAME } or { model: NAME }";
  return undefined;
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

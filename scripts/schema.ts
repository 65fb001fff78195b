/** Writes schema.json from the zod schema of the policy: `node scripts/schema.ts`. A test compares the two. */

import { writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { jsonSchema } from "../src/policy/structure.ts";

export const SCHEMA_FILE: URL = new URL("../schema.json", import.meta.url);

/** The text of schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(jsonSchema(), undefined, 2)}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await writeFile(SCHEMA_FILE, schemaText());

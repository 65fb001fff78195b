import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { SCHEMA_FILE, schemaText } from "../../scripts/schema.ts";
import { defaultPolicy, loadPolicy, parsePolicy } from "../../src/policy/policy.ts";

const page = readFileSync(new URL("../../docs/reference/policy.md", import.meta.url), "utf8");
const env = { CHAT_KEY: "a-key", KEY_A: "one", KEY_B: "two", BATCH_KEY: "three" };

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
}

/** Every field of the schema that holds a value, as the page writes it. */
function fieldsOf(schema: Schema, at: string): string[] {
  const branches = [schema, ...(schema.anyOf ?? [])];
  const inside = branches.flatMap(({ properties, items, additionalProperties }) => [
    ...Object.entries(properties ?? {}).flatMap(([name, field]) =>
      fieldsOf(field, at === "" ? name : `${at}.${name}`),
    ),
    ...(items === undefined ? [] : fieldsOf(items, `${at}[]`)),
    ...(typeof additionalProperties === "object" && additionalProperties.properties !== undefined
      ? fieldsOf(additionalProperties, `${at}.*`)
      : []),
  ]);
  return inside.length > 0 ? inside : [at];
}

const schema = JSON.parse(schemaText()) as Schema;

describe("schema.json", () => {
  it("is what scripts/schema.ts generates: run `node scripts/schema.ts` after a change of the schema", () => {
    assert.equal(readFileSync(SCHEMA_FILE, "utf8"), schemaText());
  });

  it("describes every field", () => {
    const silent: string[] = [];
    const visit = (each: Schema, at: string): void => {
      for (const branch of [each, ...(each.anyOf ?? [])]) {
        for (const [name, field] of Object.entries(branch.properties ?? {})) {
          if (field.description === undefined) silent.push(`${at}.${name}`);
          visit(field, `${at}.${name}`);
        }
        if (branch.items !== undefined) visit(branch.items, `${at}[]`);
        if (typeof branch.additionalProperties === "object") visit(branch.additionalProperties, `${at}.*`);
      }
    };
    visit(schema, "");
    assert.deepEqual(silent, []);
  });

  it("allows no field that it does not describe", () => {
    assert.equal(schema.additionalProperties, false);
  });
});

describe("the page about the policy", () => {
  const documented = new Set([...page.matchAll(/^\| `([A-Za-z.[\]*]+)` \|/gm)].map(([, field]) => field!));

  it("has every field, and no field that there is not", () => {
    // A resource refines its lanes with the lanes' own fields, which the page says in one row.
    const fields = fieldsOf(schema, "").map((field) =>
      field.replace(/^resources\.\*\.lanes\.\*\..*/, "resources.*.lanes.*"),
    );
    const lanesByName = ["critical", "high", "normal", "low"];
    // A number or a word as well as a map, so that the schema has no field of that name alone.
    const known = new Set([...fields, "aging", "resources.*.limit", ...lanesByName]);
    assert.deepEqual(
      fields.filter((field) => !documented.has(field)),
      [],
    );
    assert.deepEqual(
      [...documented].filter((field) => !known.has(field)),
      [],
    );
  });

  const policies = [...page.matchAll(/^```yaml policy\n([^]*?)^```$/gm)].map(([, text]) => text!);

  it("has examples that are valid policies", async () => {
    assert.ok(policies.length >= 7);
    for (const text of policies) await parsePolicy(text, { env });
  });

  it("writes the defaults out as they are", async () => {
    assert.deepEqual(await parsePolicy(policies.at(-1)!), defaultPolicy());
  });
});

it("examples/laneway.yaml is a valid policy that uses what there is", async () => {
  const policy = await loadPolicy(new URL("../../examples/laneway.yaml", import.meta.url).pathname, { env });
  assert.deepEqual(Object.keys(policy.resources), ["http", "claude", "main-db"]);
  assert.equal(policy.classify.length, 5);
});

/** The scenarios of the pages and of examples/verify are scenarios; what the pages say of the ready-made ones is so. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { listFiles, readText, ROOT } from "../house/source.ts";
import { examplesOf, isPolicy } from "../house/examples.ts";
import { READY_MADE } from "../../src/verify/scenario/ready-made.ts";
import { readScenario } from "../../src/verify/scenario/read.ts";
import { ScenarioSchema } from "../../src/verify/scenario/schema.ts";
import { resolveScenario } from "../../src/verify/scenario/resolve.ts";
import { tooMuch } from "../../src/cli/verify/bounds.ts";

const REFERENCE = "docs/reference/verify.md";
const AROUND = { lanes: [], path: "/", header: "x-priority", flowHeader: "x-api-key" };

const scenarios = [
  ...[REFERENCE, "docs/guides/prove-it-under-load.md"].flatMap((page) =>
    examplesOf(ROOT, page)
      .filter((block) => block.language === "yaml" && !isPolicy(block))
      .map(({ line, code }) => ({ where: `${page}:${line}`, text: code })),
  ),
  { where: "examples/verify/shop.yaml", text: readText(ROOT, "examples/verify/shop.yaml")! },
];

test("there are scenarios on the pages", () => assert.equal(scenarios.length, 3));

for (const { where, text } of scenarios)
  test(`the scenario of ${where} can be run`, () => {
    const scenario = resolveScenario(where, readScenario(text, where, {}), AROUND);
    assert.equal(tooMuch(scenario, 400), undefined);
    assert.ok(
      scenario.lanes.every(({ objectives, requests }) => requests.length > 0 && objectives !== undefined),
    );
  });

test("the reference names every ready-made scenario and every field", () => {
  const page = readText(ROOT, REFERENCE)!;
  for (const name of READY_MADE) assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, "m"));
  const shape = (ScenarioSchema as unknown as { shape: Record<string, unknown> }).shape;
  for (const field of Object.keys(shape).filter((each) => each !== "version"))
    assert.match(page, new RegExp(`^\\| \`${field}\` \\|`, "m"), field);
  assert.ok(listFiles(ROOT, "examples/verify", /\.ts$/).length > 0);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { figures } from "../../scripts/docs-figures.ts";
import { outcomes } from "../../scripts/docs-simulated.ts";
import { ROOT } from "../house/source.ts";

const played = await outcomes();

test("the drawings and plots are what their program draws today", () => {
  for (const [name, svg] of figures(played))
    assert.equal(
      readFileSync(join(ROOT, "docs/images", name), "utf8"),
      svg,
      `${name}: run node scripts/docs-figures.ts`,
    );
});

test("what the page says of strict priority, plain aging and Laneway is what was played", () => {
  const [arrival, strict, aging, ours] = played;
  const part = (outcome: typeof ours, lane: string): number =>
    outcome!.served.find((each) => each.lane === lane)!.part;
  assert.ok(
    part(strict, "critical") > 0.99 && part(strict, "high") > 0.95,
    "strict: critical and high are served",
  );
  assert.ok(part(strict, "normal") < 0.01 && part(strict, "bulk") < 0.01, "strict: and nobody else");
  for (const outcome of [arrival, aging])
    for (const { part: served } of outcome!.served)
      assert.ok(served > 0.4 && served < 0.45, `${outcome!.name}: ${served}`);
  assert.equal(part(ours, "critical"), 1);
  assert.ok(part(ours, "bulk") > 0.02, "Laneway: bulk moves");
});

/** A short set of the soak's seeds for gateways, and for commands as processes of their own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { gateway } from "../../scripts/soak/gateway.ts";
import { kills } from "../../scripts/soak/kills.ts";
import type { Part } from "../../scripts/soak/part.ts";
import { playPart } from "../../scripts/soak/play.ts";
import { runs } from "../../scripts/soak/runs.ts";

const SHORT: readonly { readonly part: Part; readonly seed: number; readonly rounds: number }[] = [
  // The second round is the last one of its gateway, which is closed then.
  { part: gateway, seed: 300_006, rounds: 2 },
  { part: kills, seed: 300_000, rounds: 1 },
  { part: runs, seed: 300_000, rounds: 1 },
];

for (const { part, ...options } of SHORT)
  test(`no violation: ${part.what}`, async () => {
    const { violation } = await playPart(part, options);
    assert.deepEqual(violation, undefined, `play it again with npm run soak -- --only ${part.name}`);
  });

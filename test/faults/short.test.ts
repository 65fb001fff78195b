/** A short set of the soak's seeds; `npm run soak` plays them for as long as you like. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { doors } from "../../scripts/soak/doors.ts";
import { histories } from "../../scripts/soak/histories.ts";
import type { Part } from "../../scripts/soak/part.ts";
import { playPart } from "../../scripts/soak/play.ts";
import { promises } from "../../scripts/soak/promises.ts";
import { service } from "../../scripts/soak/service.ts";
import { steady } from "../../scripts/soak/steady.ts";
import { threads } from "../../scripts/soak/threads.ts";

const SHORT: readonly { readonly part: Part; readonly seed: number; readonly rounds: number }[] = [
  { part: histories, seed: 300_000, rounds: 110 },
  { part: doors, seed: 300_000, rounds: 110 },
  { part: promises, seed: 300_000, rounds: 2 },
  { part: steady, seed: 300_000, rounds: 2 },
  { part: service, seed: 300_000, rounds: 1 },
  { part: threads, seed: 300_000, rounds: 1 },
];

for (const { part, ...options } of SHORT)
  test(`no violation: ${part.what}`, async () => {
    const { violation } = await playPart(part, options);
    assert.deepEqual(violation, undefined, `play it again with npm run soak -- --only ${part.name}`);
  });

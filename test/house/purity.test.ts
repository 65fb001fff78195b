import assert from "node:assert/strict";
import { test } from "node:test";
import { plant } from "./planted.ts";
import { impureNamesInCore } from "./rules/purity.ts";
import { ROOT } from "./source.ts";

test("src/core uses no Date, performance, process, timer or Math.random: time and chance are arguments", () => {
  assert.deepEqual(impureNamesInCore(ROOT), []);
});

test("the purity rule objects to every way to a clock, a timer or chance, and to no word that is only spelled alike", (t) => {
  const root = plant(t, {
    "src/core/impure.ts": [
      "const a = Date.now();",
      "const b = globalThis.performance.now();",
      "const { random } = Math;",
      "const c = Math.random();",
      'const d = Math["random"]();',
      "queueMicrotask(() => setTimeout(a, 1));",
      "const e = { process };",
      "const f = AbortSignal.timeout(5);",
    ].join("\n"),
    "src/core/pure.ts": [
      "// Date.now() and setTimeout are only mentioned here",
      "interface Options { readonly process: number; readonly random: () => number }",
      "export const g = (options: Options): number => options.process + Math.max(1, options.random());",
      "export const h = { Date: 1, performance: 2 }.performance;",
      "export const signal = AbortSignal.any([]);",
    ].join("\n"),
    "src/node/clock.ts": "export const now = (): number => performance.now();",
  });
  assert.deepEqual(
    impureNamesInCore(root).map((fault) => fault.replace("; take it as an argument", "")),
    [
      "src/core/impure.ts:1: src/core uses Date",
      "src/core/impure.ts:2: src/core uses globalThis",
      "src/core/impure.ts:3: src/core uses Math.random, perhaps",
      "src/core/impure.ts:4: src/core uses Math.random",
      "src/core/impure.ts:5: src/core uses Math.random, perhaps",
      "src/core/impure.ts:6: src/core uses queueMicrotask",
      "src/core/impure.ts:6: src/core uses setTimeout",
      "src/core/impure.ts:7: src/core uses process",
      "src/core/impure.ts:8: src/core uses AbortSignal.timeout",
    ],
  );
});

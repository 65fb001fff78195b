import assert from "node:assert/strict";
import { test } from "node:test";
import { plant } from "./planted.ts";
import { importsAgainstTheLayers } from "./rules/layers.ts";
import { ROOT } from "./source.ts";

test("imports point one way: core, node, policy, providers, calls and requests, adapters, then gateway and verify, then cli", () => {
  assert.deepEqual(importsAgainstTheLayers(ROOT), []);
});

test("the layer rule objects to an import upwards, of a package in the core, between adapters and out of src", (t) => {
  const root = plant(t, {
    "src/core/lane.ts":
      'import { now } from "../node/system-clock.ts";\nexport { join } from "node:path";\nexport const z = import("zod");',
    "src/core/limit/fixed.ts":
      'import type { Lane } from "../lane.ts";\nconst name = "x"; await import(name);',
    "src/node/clock.ts": 'export type Policy = import("../policy/policy.ts").Policy;',
    "src/providers/http.ts": 'import "../policy/policy.ts";\nimport "../calls/retry.ts";',
    "src/calls/retry.ts": 'import "../providers/http.ts";\nimport "../adapters/pg.ts";',
    "src/requests/gate.ts": 'import "../providers/http.ts";\nimport "../calls/retry.ts";',
    "src/adapters/http.ts": 'import "../requests/gate.ts";',
    "src/adapters/ai.ts": 'import "../providers/http.ts";\nimport "../calls/retry.ts";',
    "src/adapters/pg.ts":
      'import type { Pool } from "pg";\nimport { a } from "./mysql.ts";\nimport "./redis/index.ts";',
    "src/adapters/redis/index.ts": 'import "./client.ts";\nimport "../../policy/policy.ts";',
    "src/gateway/server.ts": 'import { load } from "../verify/load.ts";',
    "src/verify/load.ts": 'import { Resource } from "laneway";\nimport "../../test/needs.ts";',
    "src/verify/stand-in.ts": 'import "../providers/http.ts";',
    "src/testing/scenario.ts": 'import { Resource } from "../index.ts";',
    "src/cli/main.ts": 'import "../gateway/server.ts"; import "../verify/load.ts"; import "commander";',
    "src/dashboard/app.tsx":
      'import { h } from "preact";\nimport type { Tick } from "../admin/wire.ts";\nimport "../admin/feed.ts";\nimport "node:fs";\nexport const a = <p />;',
    "src/index.ts": 'export { a } from "./adapters/pg.ts";',
    "src/stray/odd.ts": "export const a = 1;",
  });
  assert.deepEqual(importsAgainstTheLayers(root), [
    "src/adapters/pg.ts:2: adapters never import each other, but found src/adapters/mysql.ts",
    "src/adapters/pg.ts:3: adapters never import each other, but found src/adapters/redis/index.ts",
    "src/calls/retry.ts:2: src/calls may import core, node, policy, providers, not src/adapters/pg.ts",
    "src/core/lane.ts:1: src/core may import nothing outside itself, not src/node/system-clock.ts",
    'src/core/lane.ts:2: src/core imports nothing outside itself, but found "node:path"',
    'src/core/lane.ts:3: src/core imports nothing outside itself, but found "zod"',
    "src/core/limit/fixed.ts:2: src/core imports a computed name",
    "src/dashboard/app.tsx:3: src/dashboard may import src/admin/overrides.ts, src/admin/verdict.ts, src/admin/wire.ts, src/policy/overrides.ts, not src/admin/feed.ts",
    'src/dashboard/app.tsx:4: src/dashboard may import preact, preact/hooks, @preact/signals, uplot, not "node:fs"',
    "src/gateway/server.ts:1: src/gateway may import core, node, policy, admin, metrics, providers, calls, requests, adapters, not src/verify/load.ts",
    "src/index.ts:1: src/index.ts may import core, node, policy, not src/adapters/pg.ts",
    "src/node/clock.ts:1: src/node may import core, not src/policy/policy.ts",
    "src/providers/http.ts:2: src/providers may import core, node, policy, not src/calls/retry.ts",
    "src/requests/gate.ts:2: src/requests may import core, node, policy, providers, not src/calls/retry.ts",
    "src/stray/odd.ts: src/stray has no place in the layers; add it to MAY_IMPORT in test/house/rules/layers.ts",
    "src/testing/scenario.ts:1: src/testing may import core, node, not src/index.ts",
    'src/verify/load.ts:1: imports "laneway"; inside src, name the file',
    "src/verify/load.ts:2: imports test/needs.ts, which is outside src",
    "src/verify/stand-in.ts:1: src/verify may import core, node, policy, adapters, not src/providers/http.ts",
  ]);
});

/** The examples with a framework say what examples/README.md says, and nothing else: no warning, no stack. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runFile } from "../house/run-example.ts";
import { ROOT } from "../house/source.ts";
import { needsPackage } from "../needs.ts";

const EXAMPLES = {
  http: [],
  express: ["express"],
  fastify: ["fastify"],
  koa: ["koa"],
  hono: ["hono", "@hono/node-server"],
  nest: ["@nestjs/common", "@nestjs/core", "@nestjs/platform-express", "reflect-metadata", "rxjs"],
} as const;

for (const [name, packages] of Object.entries(EXAMPLES))
  test(`examples/${name} serves the payment and tells exports to come back`, async (t) => {
    if (!packages.every((needed) => needsPackage(t, "test/frameworks", needed))) return;
    const { code, output } = await runFile(join(ROOT, "examples", name, "main.ts"));
    assert.equal(code, 0, output);
    // How many exports are refused depends on how fast they arrive.
    assert.match(output, /^payment: 200 in lane critical\nexports: (200|503)( 200| 503){8}\n$/);
  });

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { plant } from "../house/planted.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a fresh process loads to run a module of two or three lines, with the package's own files by their short name. */
function loadedBy(program: string): string[] {
  const recorder = new URL("record-loads.ts", import.meta.url).href;
  const args = ["--import", recorder, "--input-type=module", "--eval", program];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_V8_COVERAGE: undefined };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" });
  assert.equal(status, 0, `${stderr}\nthe built package is tested: npm run prepare builds it`);
  const urls = JSON.parse(stdout) as string[];
  return urls.filter((url) => url.startsWith("file:")).map((url) => fileURLToPath(url).slice(ROOT.length));
}

const isForeign = (path: string): boolean => !path.startsWith("dist/");

test('`import "laneway"` loads no module but the package\'s own', () => {
  const loaded = loadedBy(
    'import { Resource } from "laneway"; await new Resource({ name: "a", limit: 1 }).run(() => 1);',
  );
  assert.deepEqual(loaded.filter(isForeign), []);
  assert.ok(loaded.includes("dist/index.js"));
});

test('`import "laneway/testing"` loads no module but the package\'s own', () => {
  assert.deepEqual(loadedBy('import "laneway/testing";').filter(isForeign), []);
});

for (const subpath of ["ai", "dscp", "fetch", "kubernetes", "opentelemetry", "prometheus"])
  test(`\`import "laneway/${subpath}"\` loads no module but the package's own: SDKs are its users, not its parts`, () => {
    assert.deepEqual(loadedBy(`import "laneway/${subpath}";`).filter(isForeign), []);
  });

test("the YAML reader is loaded when a policy file is, and not before", (t) => {
  const file = join(plant(t, {}), "laneway.yaml");
  writeFileSync(file, "version: 1\n");
  const load = `import { loadPolicy } from "laneway"; await loadPolicy(${JSON.stringify(file)});`;
  // Also the proof that the recorder of the tests above sees what is loaded late.
  assert.ok(loadedBy(load).some((path) => path.startsWith("node_modules/yaml/")));
});

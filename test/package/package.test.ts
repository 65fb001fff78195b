import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { plant } from "../house/planted.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin: Readonly<Record<string, string>>;
};

/** The files that `npm publish` would send, without running any script. */
function packFiles(): string[] {
  const { status, stdout, stderr } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const packed = JSON.parse(stdout) as unknown;
  const first = (Array.isArray(packed) ? packed[0] : Object.values(packed as object)[0]) as {
    files: { path: string }[];
  };
  return first.files.map(({ path }) => path).sort();
}

const packedFiles = packFiles();
/** Built by another tool, for browsers: one file of each kind, and the licences of what is inside. */
const LIVE_PAGE =
  /^dist\/dashboard\/(index\.html|server\.js|(server-)?licenses\.md|assets\/index-[\w-]+\.(js|css))$/;

for (const subpath of Object.keys(manifest.exports)) {
  const specifier = subpath.replace(/^\./, "laneway");
  if (specifier.endsWith(".json")) {
    test(`"${specifier}" can be imported and is an object`, async () => {
      const module = (await import(specifier, { with: { type: "json" } })) as { default: unknown };
      assert.equal(typeof module.default, "object");
    });
    continue;
  }
  test(`"${specifier}" can be imported from the built package`, async () => {
    const module = (await import(specifier)) as Readonly<Record<string, unknown>>;
    assert.notDeepEqual(Object.keys(module), []);
    assert.ok(import.meta.resolve(specifier).includes("/dist/"));
  });
}

test("the package ships the built code with its maps and types, the source, and the pages; nothing else", () => {
  const pages = new Set([
    "package.json",
    "schema.json",
    "README.md",
    "CHANGELOG.md",
    "GLOSSARY.md",
    "LICENSE",
  ]);
  const odd = packedFiles.filter(
    (path) =>
      !pages.has(path) &&
      !LIVE_PAGE.test(path) &&
      !/^src\/.*\.ts$/.test(path) &&
      !/^dist\/.*(\.js|\.d\.ts)(\.map)?$/.test(path),
  );
  assert.deepEqual(odd, []);
  assert.deepEqual(
    [...pages].filter((page) => !packedFiles.includes(page)),
    [],
  );
});

test("every built file has its map, its types and the source it came from", () => {
  const files = new Set(packedFiles);
  const built = [...files].filter(
    (path) => path.startsWith("dist/") && path.endsWith(".js") && !LIVE_PAGE.test(path),
  );
  assert.notEqual(built.length, 0);
  const lacking = built.flatMap((path) => {
    const base = path.replace(/\.js$/, "");
    const expected = [
      `${path}.map`,
      `${base}.d.ts`,
      `${base}.d.ts.map`,
      `${base.replace(/^dist/, "src")}.ts`,
    ];
    return expected.filter((other) => !files.has(other)).map((other) => `${path} without ${other}`);
  });
  assert.deepEqual(lacking, []);
});

test("the live page is complete, with the licences of what is built into it", () => {
  const page = packedFiles.filter((path) => path.startsWith("dist/dashboard/"));
  assert.deepEqual(
    page.map((path) => path.replace(/index-[\w-]+\./, "index.")).toSorted(),
    [
      "assets/index.css",
      "assets/index.js",
      "index.html",
      "licenses.md",
      "server-licenses.md",
      "server.js",
    ].map((name) => `dist/dashboard/${name}`),
  );
  const licences = readFileSync(join(ROOT, "dist/dashboard/licenses.md"), "utf8");
  for (const name of ["preact", "@preact/signals", "uplot"]) assert.ok(licences.includes(name), name);
  const onServer = readFileSync(join(ROOT, "dist/dashboard/server-licenses.md"), "utf8");
  for (const name of ["preact", "@preact/signals", "preact-render-to-string"])
    assert.ok(onServer.includes(name), name);
});

test("no built file holds a `using` statement, which Node 22 cannot parse", () => {
  const built = packedFiles.filter((path) => path.startsWith("dist/") && path.endsWith(".js"));
  assert.deepEqual(
    built.filter((path) => /^\s*(await )?using \w+ =/m.test(readFileSync(join(ROOT, path), "utf8"))),
    [],
  );
});

test("the command runs in the clone under its name, as `npx laneway` does", (t) => {
  const bin = join(ROOT, manifest.bin["laneway"] ?? "");
  assert.ok(existsSync(bin));
  assert.equal(readFileSync(bin, "utf8").split("\n", 1)[0], "#!/usr/bin/env node");
  // npx links the clone into its cache, where it runs `prepare`, which would build `dist` under the other tests' feet.
  const env = {
    ...process.env,
    npm_config_cache: plant(t, {}),
    npm_config_ignore_scripts: "true",
    npm_config_offline: "true",
  };
  const { status, stdout, stderr } = spawnSync("npx", ["laneway", "--version"], {
    cwd: ROOT,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  assert.deepEqual([status, stdout.trim()], [0, manifest.version], stderr);
});

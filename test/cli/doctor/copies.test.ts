/** Packages that must be there once. */

import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { copiesOf } from "../../../src/cli/doctor/copies.ts";
import { programFindings } from "../../../src/cli/doctor/program.ts";
import { LAPTOP, recordedHost } from "./recorded-host.ts";

interface Package {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

async function tree(t: TestContext, packages: Readonly<Record<string, Package>>): Promise<string> {
  const { cwd } = await recordedHost(t, LAPTOP);
  for (const [folder, manifest] of Object.entries(packages)) {
    await mkdir(join(cwd, folder), { recursive: true });
    await writeFile(join(cwd, folder, "package.json"), JSON.stringify(manifest));
  }
  return cwd;
}

const any = (...names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, "*"]));

test("a second pg below a package is found, with both folders and versions", async (t) => {
  const cwd = await tree(t, {
    ".": { dependencies: any("pg", "@prisma/adapter-pg") },
    "node_modules/pg": { version: "8.23.1" },
    "node_modules/@prisma/adapter-pg": { version: "7.10.1", dependencies: any("pg") },
    "node_modules/@prisma/adapter-pg/node_modules/pg": { version: "8.11.0" },
  });
  const found = programFindings({ ...(await recordedHost(t, LAPTOP)), cwd }).find(
    ({ topic }) => topic === "one copy of pg",
  )!;
  assert.equal(found.state, "partly");
  assert.match(found.found, /8\.23\.1 in node_modules\/pg/);
  assert.match(found.found, /8\.11\.0 in node_modules\/@prisma\/adapter-pg\/node_modules\/pg/);
  assert.match(found.why!, /instanceof/);
});

test("one pg that many share is one, also from a folder inside and in a circle of packages", async (t) => {
  const cwd = await tree(t, {
    ".": { dependencies: any("pg", "a", "gone") },
    "node_modules/pg": { version: "8.23.1" },
    "node_modules/a": { version: "1.0.0", dependencies: any("b", "pg") },
    "node_modules/b": { version: "1.0.0", dependencies: any("a"), peerDependencies: any("pg") },
  });
  await mkdir(join(cwd, "src/deep"), { recursive: true });
  for (const from of [cwd, join(cwd, "src/deep")])
    assert.deepEqual(copiesOf(["pg"], from), [{ name: "pg", version: "8.23.1", folder: "node_modules/pg" }]);
});

test("what lies in node_modules and nobody here depends on does not count, nor what only others develop with", async (t) => {
  const cwd = await tree(t, {
    ".": { dependencies: any("a"), devDependencies: any("pg") },
    "node_modules/pg": { version: "8.23.1" },
    "node_modules/a": { version: "1.0.0", devDependencies: any("pg") },
    "node_modules/a/node_modules/pg": { version: "7.0.0" },
    "node_modules/left/node_modules/pg": { version: "6.0.0" },
  });
  assert.deepEqual(
    copiesOf(["pg"], cwd).map(({ version }) => version),
    ["8.23.1"],
  );
});

test("links are followed to the real folder: pnpm's copies, and a package linked from elsewhere with its own", async (t) => {
  const cwd = await tree(t, {
    ".": { dependencies: any("pg", "orm", "linked") },
    "node_modules/.pnpm/pg@8.23.1/node_modules/pg": { version: "8.23.1" },
    "node_modules/.pnpm/orm@1/node_modules/orm": { version: "1.0.0", dependencies: any("pg") },
    "../elsewhere": { version: "1.0.0", peerDependencies: any("pg") },
    "../elsewhere/node_modules/pg": { version: "8.13.0" },
  });
  await symlink(".pnpm/pg@8.23.1/node_modules/pg", join(cwd, "node_modules/pg"));
  await symlink(".pnpm/orm@1/node_modules/orm", join(cwd, "node_modules/orm"));
  await symlink("../../pg@8.23.1/node_modules/pg", join(cwd, "node_modules/.pnpm/orm@1/node_modules/pg"));
  await symlink("../../elsewhere", join(cwd, "node_modules/linked"));
  assert.deepEqual(
    copiesOf(["pg"], cwd)
      .map(({ version }) => version)
      .sort(),
    ["8.13.0", "8.23.1"],
  );
});

test("two clients of Prometheus are two registries", async (t) => {
  const cwd = await tree(t, {
    ".": { dependencies: any("prom-client", "@prometheus-io/client") },
    "node_modules/prom-client": { version: "15.1.3" },
    "node_modules/@prometheus-io/client": { version: "0.16.1" },
  });
  const host = { ...(await recordedHost(t, LAPTOP)), cwd };
  const found = programFindings(host).find(({ topic }) => topic === "one registry of metrics")!;
  assert.equal(found.state, "partly");
  assert.match(found.found, /prom-client 15\.1\.3 in .*@prometheus-io\/client 0\.16\.1 in/);
});

test("a folder without a program, and a package.json that is none, tell nothing", async (t) => {
  const { cwd } = await recordedHost(t, LAPTOP);
  assert.deepEqual(copiesOf(["pg"], cwd), []);
  await writeFile(join(cwd, "package.json"), "{ no");
  assert.deepEqual(copiesOf(["pg"], cwd), []);
});

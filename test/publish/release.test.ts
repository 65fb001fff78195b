/** What goes out with a release: who may publish it, what it is made of, and what is told of that. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { sbom } from "../../scripts/sbom.ts";
import { ROOT } from "./project.ts";

interface Job {
  readonly needs?: string;
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly {
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Readonly<Record<string, unknown>>;
  }[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = join(ROOT, ".github/workflows");

function workflow(name: string): { readonly text: string; readonly parsed: Workflow } {
  const text = readFileSync(join(FOLDER, name), "utf8");
  return { text, parsed: parse(text) as Workflow };
}

/** What a job runs in its shell. */
function runsOf({ steps }: Job): string {
  return steps.map(({ run }) => run ?? "").join("\n");
}

test("a release is published from a tag, after all tests, by a workflow without a token, with its parts", () => {
  const { text, parsed } = workflow("release.yml");
  assert.deepEqual(parsed.on, { push: { tags: ["v[0-9]+.[0-9]+.[0-9]+"] } });
  const { build, publish, ...others } = parsed.jobs as { build: Job; publish: Job };
  assert.deepEqual(Object.keys(others), []);
  assert.deepEqual([parsed.permissions, build.permissions], [{}, { contents: "read" }]);
  const built = runsOf(build);
  assert.ok(built.indexOf("GITHUB_REF_NAME") < built.indexOf(".ci/run"), "the tag must be the version");
  assert.ok(
    built.indexOf(".ci/run") < built.indexOf("npm pack --ignore-scripts"),
    "what is packed was tested",
  );
  assert.match(built, /node scripts\/sbom\.ts > release\/sbom\.cdx\.json/);

  assert.deepEqual([publish.needs, publish.environment], ["build", "npm"]);
  assert.deepEqual(publish.permissions, { "id-token": "write", contents: "write" });
  // Who has these rights runs no code of the repository or of a package.
  assert.ok(publish.steps.every(({ uses }) => uses?.startsWith("actions/checkout@") !== true));
  assert.doesNotMatch(runsOf(publish), /npm (?:ci|install|run|test)/);
  assert.match(runsOf(publish), /npm publish release\/laneway-\*\.tgz --ignore-scripts --provenance/);
  assert.doesNotMatch(text, /secrets\.|NODE_AUTH_TOKEN|NPM_TOKEN/);
});

test("workflows run actions by the digest of their commit, and put nothing of a pull request into a shell", () => {
  for (const name of readdirSync(FOLDER)) {
    const { text, parsed } = workflow(name);
    assert.ok(!("pull_request_target" in parsed.on) && !("workflow_run" in parsed.on), name);
    assert.notEqual(parsed.permissions, undefined, `${name}: without permissions a workflow has them all`);
    for (const job of Object.values(parsed.jobs)) {
      assert.doesNotMatch(runsOf(job), /\$\{\{/, name);
      for (const { uses, with: given } of job.steps) {
        if (uses === undefined) continue;
        assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, name);
        if (uses.startsWith("actions/checkout@")) assert.equal(given?.["persist-credentials"], false, name);
      }
    }
    // Read by people: a digest says nothing to them.
    for (const line of text.match(/uses: .*/g) ?? []) assert.match(line, / # v\d+\.\d+\.\d+$/);
  }
});

test("the list of parts has every dependency, what the live page has inside, and the licence and digest of each", () => {
  const { dependencies = {}, version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly version: string;
  };
  const { bomFormat, specVersion, metadata, components, dependencies: graph } = sbom();
  assert.deepEqual(
    [bomFormat, specVersion, metadata.component["bom-ref"]],
    ["CycloneDX", "1.5", `laneway@${version}`],
  );
  const names = new Set(components.map(({ name }) => name));
  for (const name of [
    ...Object.keys(dependencies),
    "preact",
    "@preact/signals",
    "@preact/signals-core",
    "uplot",
  ])
    assert.ok(names.has(name), name);
  for (const { name, purl, licenses, hashes } of components) {
    assert.match(purl, /^pkg:npm\/(?:%40[\w-]+\/)?[\w-]+@\d+\.\d+\.\d+$/);
    assert.deepEqual([licenses?.length, hashes?.length], [1, 1], name);
  }
  const refs = new Set([metadata.component, ...components].map((component) => component["bom-ref"]));
  assert.equal(graph.length, refs.size);
  for (const { ref, dependsOn } of graph)
    assert.ok(
      [ref, ...dependsOn].every((each) => refs.has(each)),
      ref,
    );
});

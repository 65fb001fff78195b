import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import { defineRun } from "../../src/cli/program.ts";
import { runWords } from "../../src/cli/run/words.ts";
import type { RunWords } from "../../src/cli/run/words.ts";
import { folderWith, laneway } from "./command.ts";

/** The same line as the tree of commands reads it; undefined where it complains or prints help. */
function byTree(args: readonly string[]): RunWords | undefined {
  let found: RunWords | undefined;
  const program = new Command("laneway").exitOverride();
  const quiet = { writeOut: () => undefined, writeErr: () => undefined };
  const run = program.command("run").exitOverride().configureOutput(quiet);
  defineRun(run, (words, options) => {
    found = { words, options };
    return Promise.resolve();
  });
  try {
    program.parse(["run", ...args], { from: "user" });
  } catch {
    return undefined;
  }
  return found;
}

const PIECES = [
  ...["--lane", "--lane=low", "--lane=", "low", "-p", "-pfile", "-p=x", "--policy", "file.yaml", "--explain"],
  ...[
    "--explain=yes",
    "--json",
    "--strict",
    "--raise",
    "--wait",
    "nightly",
    "--wait-timeout",
    "1s",
    "--",
    "-",
  ],
  ...[
    "echo",
    "-c",
    "--no-json",
    "--help",
    "-h",
    "--lan",
    "-x",
    "",
    "--waitTimeout",
    "-1",
    "-pj",
    "--no-color",
  ],
];

test("whatever is understood without the tree of commands, the tree understands in the same way", () => {
  let seed = 1;
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  let understood = 0;
  for (let round = 0; round < 5_000; round++) {
    const args = Array.from({ length: 1 + next(6) }, () => PIECES[next(PIECES.length)]!);
    const found = runWords(args);
    if (found === undefined) continue;
    understood++;
    assert.deepEqual({ ...found, options: { ...found.options } }, byTree(args), JSON.stringify(args));
  }
  assert.ok(understood > 500, String(understood));
});

test("what the shell hands over usually is understood without the tree", () => {
  assert.deepEqual(runWords(["--lane", "bulk", "--", "npm", "run", "x", "--", "-v"]), {
    words: ["npm", "run", "x", "--", "-v"],
    options: { lane: "bulk" },
  });
  assert.deepEqual(runWords(["--wait", "nightly", "--wait-timeout=2h", "-p", "lanes.yaml", "true"]), {
    words: ["true"],
    options: { wait: "nightly", waitTimeout: "2h", policy: "lanes.yaml" },
  });
});

test("complaints and help are the tree's", async () => {
  const wrong = await laneway(["run", "--lanes", "bulk", "--", "true"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /^error: unknown option '--lanes'\n\(Did you mean --lane\?\)/);
  assert.match((await laneway(["run", "--lane", "bulk"])).err, /^error: missing required argument 'command'/);
  assert.match((await laneway(["run", "--help"])).out, /^ {2}--wait-timeout <duration> {2}wait no longer/m);
});

test("a command in a lane loads neither the tree of commands nor the policy's code", async (t) => {
  const hook = `data:text/javascript,${encodeURIComponent(
    "import { registerHooks } from 'node:module'; registerHooks({ resolve(s, c, n) { if (/commander|program|policy\\/policy/.test(s)) throw new Error('loaded ' + s); return n(s, c); } });",
  )}`;
  const { code, err } = await laneway(["run", "--lane", "bulk", "--", "true"], {
    cwd: await folderWith(t, {}),
    env: { NODE_OPTIONS: `--import ${hook}` },
  });
  assert.deepEqual([code, err], [0, ""]);
});

test("compiled code is kept where no other user can put any, and else not at all", async (t) => {
  const run = async (TMPDIR: string): Promise<readonly string[]> => {
    // A folder of the whole test run's would take its place.
    const env = { TMPDIR, NODE_COMPILE_CACHE: undefined };
    assert.equal((await laneway(["run", "--", "true"], { env })).code, 0);
    return readdirSync(TMPDIR, { recursive: true, encoding: "utf8" });
  };
  const own = await folderWith(t, {});
  assert.ok((await run(own)).length > 1);
  const shared = await folderWith(t, {});
  const folder = join(shared, `laneway-cache-${process.getuid?.()}`);
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  assert.deepEqual(await run(shared), [`laneway-cache-${process.getuid?.()}`]);
  // A folder in which nothing can be made costs the cache, not the command.
  const nowhere = { TMPDIR: "/proc/none", NODE_COMPILE_CACHE: undefined };
  assert.deepEqual(await laneway(["run", "--", "true"], { env: nowhere }), { code: 0, out: "", err: "" });
});

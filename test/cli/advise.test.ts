import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parsePolicy } from "../../src/policy/policy.ts";
import { arrival, writeRecording } from "../verify/recorded.ts";
import { folderWith, laneway } from "./command.ts";

const POLICY = `# who goes first
lanes:
  - { name: critical, reservation: 2, lendable: 0 } # payments
  - { name: normal, objective: { wait: 50ms } }
resources: { db: { limit: 4 } }
`;

/** Three tasks at a time that run 100 ms, every tenth of a second: they need a seat that critical keeps. */
const ARRIVALS = Array.from({ length: 60 }, (_, n) =>
  arrival({ atMs: Math.floor(n / 3) * 101, lane: "normal", flow: `f${n % 3}`, runMs: 100 }),
);

async function folderOf(t: TestContext, policy = POLICY): Promise<string> {
  const folder = await folderWith(t, { "laneway.yaml": policy });
  await writeRecording(t, await parsePolicy(policy), ARRIVALS, { file: join(folder, "rec.jsonl") });
  return folder;
}

test("advise names the lane that misses and why, and prints the change as a diff with its proof", async (t) => {
  const cwd = await folderOf(t);
  const { code, out, err } = await laneway(["advise", "laneway.yaml", "rec.jsonl"], { cwd });
  assert.equal(code, 0);
  assert.deepEqual(
    out.split("\n").map((line) => line.trimEnd()),
    [
      "db: normal misses its objective: 99 % of its tasks start within 982 ms, it wants 50 ms.",
      "  - too few seats: none of the 4 is free for it 99.8 % of the time",
      "  - critical keeps 2 seats that nobody else may use, idle 100 % of the time",
      "  - its queue lets tasks wait for up to 60 s",
      "",
      "This is the smallest of the changes tried that mends it:",
      "",
      "--- laneway.yaml",
      "+++ laneway.yaml",
      "@@ -1,5 +1,5 @@",
      " # who goes first",
      " lanes:",
      "-  - { name: critical, reservation: 2, lendable: 0 } # payments",
      "+  - { name: critical, reservation: 2, lendable: 25% } # payments",
      "   - { name: normal, objective: { wait: 50ms } }",
      " resources: { db: { limit: 4 } }",
      "",
      "db, replayed before and after:",
      "                served  shed  wait p50     p99  objective",
      "normal  before      60     0    491 ms  982 ms      50 ms  missed",
      "        after       60     0     <1 ms   <1 ms      50 ms     met",
      "",
      "What critical keeps seats for may not have come while this was recorded.",
      "",
    ],
  );
  assert.match(err, /^normal: trying the idle floor of critical lent$/m);
  assert.match(err, /^db: \d+ changes tried; the table is of all arrivals$/m);
});

test("the changed policy is the one that was tried: simulate says the same of it", async (t) => {
  const cwd = await folderOf(t);
  const { out } = await laneway(["advise", "laneway.yaml", "rec.jsonl", "--json"], { cwd });
  const advice = JSON.parse(out);
  assert.deepEqual(
    [advice.met, advice.resources[0].edits],
    [true, [{ lane: "critical", field: "lendable", value: "25%" }]],
  );
  const text = await readFile(join(cwd, "laneway.yaml"), "utf8");
  await writeFile(join(cwd, "changed.yaml"), text.replace("lendable: 0 ", "lendable: 25% "));
  const simulated = await laneway(["simulate", "changed.yaml", "rec.jsonl", "--json"], { cwd });
  assert.equal(simulated.code, 0);
  const normal = JSON.parse(simulated.out).resources[0].lanes[1];
  assert.deepEqual(normal.replayed, advice.resources[0].lanes[1].after);
});

test("where every objective is met it says so, and there is no diff", async (t) => {
  const cwd = await folderOf(t, POLICY.replace("50ms", "5s"));
  const { code, out } = await laneway(["advise", "laneway.yaml", "rec.jsonl"], { cwd });
  assert.deepEqual(
    [code, out],
    [0, "db: every lane meets its objective, so there is nothing to change.\n\n"],
  );
});

test("where nothing helps it ends with 3 and proposes nothing", async (t) => {
  const policy = `lanes: [{ name: normal, objective: { wait: 1ms, success: 100% } }]\nresources: { db: { limit: 1 } }\n`;
  const cwd = await folderOf(t, policy);
  const { code, out } = await laneway(["advise", "laneway.yaml", "rec.jsonl"], { cwd });
  assert.equal(code, 3);
  assert.match(
    out,
    /^Of \d+ changes that were tried, none mends it without another lane missing its own\.$/m,
  );
  assert.doesNotMatch(out, /^---/m);
  assert.equal(
    JSON.parse((await laneway(["advise", "laneway.yaml", "rec.jsonl", "--json"], { cwd })).out).diff,
    "",
  );
});

test("what cannot be read is said as simulate says it", async (t) => {
  const cwd = await folderOf(t);
  await writeFile(join(cwd, "empty.jsonl"), "");
  const ended = await laneway(["advise", "laneway.yaml", "empty.jsonl"], { cwd });
  assert.deepEqual([ended.code, ended.out], [1, ""]);
  assert.match(
    ended.err,
    /^laneway advise: empty\.jsonl:1: expected the header of a recording, found an empty file\n$/,
  );
});

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { reportPage } from "../../../src/verify/report/page.ts";
import { reportSummary } from "../../../src/verify/report/summary.ts";
import { writeReport } from "../../../src/verify/report/write.ts";
import { compared, planted } from "./planted.ts";

async function folder(t: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "laneway-report-"));
  t.after(() => rm(made, { recursive: true }));
  return made;
}

test("a report is three files in a folder that is made for it, and its JSON is the report", async (t) => {
  const into = join(await folder(t), "a", "b");
  const report = compared();
  const paths = await writeReport(into, report);
  assert.deepEqual(
    paths,
    ["index.html", "report.json", "summary.md"].map((name) => join(into, name)),
  );
  const [page, json, summary] = paths.map((path) => readFileSync(path, "utf8"));
  assert.deepEqual(JSON.parse(json!), report);
  assert.equal(page, reportPage(report));
  assert.equal(summary, reportSummary(report));
});

test("a report takes the place of the last one", async (t) => {
  const into = await folder(t);
  await writeReport(into, compared());
  const [, json] = await writeReport(into, planted());
  assert.deepEqual(JSON.parse(readFileSync(json!, "utf8")), planted());
});

test("where nothing can be written the folder is named, with what to do", async (t) => {
  const file = join(await folder(t), "taken");
  writeFileSync(file, "");
  await assert.rejects(writeReport(file, planted()), ({ message }: Error) => {
    assert.ok(message.startsWith(`cannot write the report to ${file}: EEXIST`), message);
    return message.endsWith("name another folder with --out");
  });
});

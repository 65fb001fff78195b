/** The folder that a run leaves behind. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reportPage } from "./page.ts";
import { reportSummary } from "./summary.ts";
import type { VerifyReport } from "./result.ts";

/**
 * Writes `index.html`, `report.json` and `summary.md` into a folder, which is made when it is not there; files of those
 * names are replaced. Gives their paths, the page first. Fails with the folder's name and what to change.
 */
export async function writeReport(folder: string, report: VerifyReport): Promise<readonly string[]> {
  const files = {
    "index.html": reportPage(report),
    "report.json": `${JSON.stringify(report, undefined, 2)}\n`,
    "summary.md": reportSummary(report),
  };
  try {
    await mkdir(folder, { recursive: true });
    await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot write the report to ${folder}: ${found}; name another folder with --out`, {
      cause,
    });
  }
  return Object.keys(files).map((name) => join(folder, name));
}

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import type { TestContext } from "node:test";

/**
 * Skips a test that needs a program the machine lacks, with the line that would install it. With
 * `LANEWAY_TEST_NO_SKIP=1`, as in CI, a missing program is a failure: nothing may be skipped there.
 */
export function needsProgram(t: TestContext, program: string, install: string): boolean {
  const found = spawnSync("sh", ["-c", 'command -v "$0"', program]).status === 0;
  return found || missing(t, `${program} is not installed: ${install}`);
}

/** The same for a nested private package of this project, `test/sdks` say, whose modules are not installed yet. */
export function needsPackage(t: TestContext, folder: string, module: string): boolean {
  const from = new URL(`../${folder}/package.json`, import.meta.url);
  try {
    createRequire(from).resolve(module);
    return true;
  } catch {
    return missing(t, `${module} is not installed: npm ci --prefix ${folder}`);
  }
}

/** The same for something that a host has or has not, a kernel's controller say; `message` tells what would give it. */
export function needsHost(t: TestContext, found: boolean, message: string): boolean {
  return found || missing(t, message);
}

function missing(t: TestContext, message: string): false {
  if (process.env["LANEWAY_TEST_NO_SKIP"] === "1") throw new Error(message);
  t.skip(message);
  return false;
}

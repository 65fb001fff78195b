/** The policy of a command that may do without one. */

import { existsSync } from "node:fs";
import { defaultPolicy } from "../../policy/policy.ts";
import type { Policy } from "../../policy/policy.ts";
import { talk, unreadable } from "../output.ts";

const DEFAULT_FILE = "laneway.yaml";

/**
 * The policy of `file`, else of laneway.yaml here, else the defaults: without a file no YAML is loaded. An exit code when
 * it cannot be had, which has been said then.
 */
export async function policyFor(command: string, file: string | undefined): Promise<Policy | number> {
  if (file === undefined && !existsSync(DEFAULT_FILE)) return defaultPolicy();
  const path = file ?? DEFAULT_FILE;
  const [{ loadPolicy }, { PolicyError }] = await Promise.all([
    import("../../policy/policy.ts"),
    import("../../policy/problems.ts"),
  ]);
  try {
    return await loadPolicy(path);
  } catch (error) {
    if (error instanceof PolicyError) {
      talk(error.message);
      talk(`\nlaneway ${command}: ${error.file} is not a valid policy`);
      return 4;
    }
    talk(`laneway ${command}: ${unreadable(path, error)}`);
    return 1;
  }
}

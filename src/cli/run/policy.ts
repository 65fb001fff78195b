/** The policy of a command that may do without one. */

import { existsSync } from "node:fs";
import type { LaneForProcess } from "../../adapters/process/levels.ts";
import { DEFAULT_LANES } from "../../core/options.ts";
import type { Policy } from "../../policy/policy.ts";
import { talk, unreadable } from "../output.ts";

const DEFAULT_FILE = "laneway.yaml";

/** What a program that runs in a lane needs of a policy. */
export interface LanesOfPolicy extends Pick<Policy, "defaultLane" | "resources"> {
  readonly lanes: readonly LaneForProcess[];
  /** Undefined: there is none, and these are the defaults. */
  readonly file: string | undefined;
}

/**
 * The lanes of `file`, else of laneway.yaml here, else the defaults, for which nothing of the policy's code is loaded. An
 * exit code when they cannot be had, which has been said then.
 */
export async function lanesFor(command: string, file: string | undefined): Promise<LanesOfPolicy | number> {
  if (file !== undefined || existsSync(DEFAULT_FILE)) return await policyFor(command, file);
  const lanes = Object.keys(DEFAULT_LANES).map((name) => ({ name }));
  return { lanes, defaultLane: "normal", resources: {}, file: undefined };
}

/**
 * The policy of `file`, else of laneway.yaml here, else the defaults: without a file no YAML is loaded. An exit code when
 * it cannot be had, which has been said then.
 */
export async function policyFor(command: string, file: string | undefined): Promise<Policy | number> {
  const [{ defaultPolicy, loadPolicy }, { PolicyError }] = await Promise.all([
    import("../../policy/policy.ts"),
    import("../../policy/problems.ts"),
  ]);
  if (file === undefined && !existsSync(DEFAULT_FILE)) return defaultPolicy();
  const path = file ?? DEFAULT_FILE;
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

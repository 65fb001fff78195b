/** `laneway run --lane LANE -- CMD…`: any program in a lane of the machine. Its exit code is the command's own. */

import { findCommand, startInLane } from "../adapters/process/gate.ts";
import type { Started } from "../adapters/process/gate.ts";
import { laneNamed } from "../adapters/process/levels.ts";
import type { ProcessLevels } from "../adapters/process/levels.ts";
import { isLanewayError } from "../core/errors.ts";
import { talk } from "./output.ts";
import { forwardSignals, signalCode } from "./run/forward.ts";
import { lanesFor } from "./run/policy.ts";
import type { LanesOfPolicy } from "./run/policy.ts";

/** What the command line may say. */
export interface RunOptions {
  /** Default: LANEWAY_LANE, else the policy's default lane. */
  readonly lane?: string;
  readonly policy?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly raise?: boolean;
  /** The resource to have a seat of. */
  readonly wait?: string;
  readonly waitTimeout?: string;
}

const USAGE = 2;
const FAILURE = 1;

/** Returns the exit code: the command's, or 1, 2, 4, 75, 126, 127 when it never began. */
export async function runCommand(words: readonly string[], options: RunOptions = {}): Promise<number> {
  const [command = "", ...args] = words;
  const found = findCommand(command, process.env, process.cwd());
  if ("code" in found) {
    talk(
      `laneway run: ${found.code === 127 ? `cannot find ${command}` : `${command} is there and cannot be executed`}`,
    );
    return found.code;
  }
  const policy = await lanesFor("run", options.policy);
  if (typeof policy === "number") return policy;
  let levels: ProcessLevels;
  try {
    const lane = options.lane ?? process.env["LANEWAY_LANE"] ?? policy.defaultLane;
    levels = laneNamed(options.lane === undefined ? "LANEWAY_LANE" : "--lane", policy.lanes, lane);
  } catch (error) {
    if (!isLanewayError(error)) throw error;
    talk(`laneway run: ${error.message}`);
    return USAGE;
  }
  const seat = options.wait === undefined ? undefined : await seatFor(options, policy, levels.lane);
  if (typeof seat === "number") return seat;
  const started = startInLane(
    command,
    args,
    // The command holds the seat itself, so that it is free when the command has ended, and no earlier.
    {
      stdio: ["inherit", "inherit", "inherit", ...(seat === undefined ? [] : [seat.descriptor])],
      detached: true,
    },
    {
      levels,
      raise: options.raise === true,
      mayBegin: ({ complete }) => complete || options.strict !== true,
    },
  );
  return await ended(started, options);
}

async function seatFor(
  options: RunOptions,
  policy: LanesOfPolicy,
  lane: string,
): Promise<number | { readonly descriptor: number }> {
  const { seatOf } = await import("./run/wait.ts");
  return seatOf(options.wait ?? "", options.waitTimeout, policy, lane);
}

async function ended({ child, report }: Started, options: RunOptions): Promise<number> {
  const stop = child.pid === undefined ? undefined : forwardSignals(child.pid);
  const exit = new Promise<number>((resolve) => {
    child.once("error", (error) => {
      talk(`laneway run: cannot start /bin/sh: ${error.message}`);
      resolve(FAILURE);
    });
    child.once("exit", (code, signal) => resolve(code ?? signalCode(signal)));
  });
  const applied = child.pid === undefined ? undefined : await Promise.race([report, exit]);
  if (typeof applied === "object") {
    const refused = options.strict === true && !applied.complete;
    if (options.explain === true || !applied.complete) {
      const { explained } = await import("./run/explained.ts");
      for (const line of explained(applied, { ...options, refused })) talk(line);
    }
    if (refused) {
      await exit;
      return FAILURE;
    }
  }
  const code = await exit;
  stop?.();
  return code;
}

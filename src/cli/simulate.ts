/** `laneway simulate POLICY RECORDING…`: what the lanes would have done with what came. */

import { writeFile } from "node:fs/promises";
import type { Policy } from "../policy/policy.ts";
import { showDuration } from "../policy/units.ts";
import type { Recording } from "../verify/recording/read.ts";
import { recordedLanes, simulatePolicy } from "../verify/replay/simulate.ts";
import type { Prepared, Simulated } from "../verify/replay/simulate.ts";
import { data, paint, talk } from "./output.ts";
import { policyFor } from "./run/policy.ts";
import { allMet, compareLines, laneJson, shedLines } from "./simulate/compare.ts";
import type { Side } from "./simulate/compare.ts";
import { lanesAs, mismatch, preparedFor, recordingsFor, remarksOn } from "./simulate/inputs.ts";
import { laneToDraw, waitPicture } from "./simulate/picture.ts";

/** What the command line may say. */
export interface SimulateOptions {
  /** Another policy, for the same arrivals. */
  readonly compare?: string;
  readonly resource?: string;
  /** `recorded=name`, for lanes that have another name now. */
  readonly as?: readonly string[];
  /** A file for a picture. */
  readonly plot?: string;
  /** The lane in the picture. */
  readonly lane?: string;
  readonly seed?: number;
  readonly json?: boolean;
}

/** One resource, under one policy or two. */
interface Shown {
  readonly prepared: Prepared;
  readonly recorded: Side;
  readonly simulated: readonly { readonly name: string; readonly simulated: Simulated }[];
}

const OBJECTIVE_MISSED = 3;

/**
 * Returns the exit code: 0 when every lane meets its objective, 3 when one misses it (under the policy of `--compare` where
 * there is one), 1 when a file cannot be read, 2 usage, 4 when a policy is invalid.
 */
export async function simulateCommand(
  file: string,
  recordings: readonly string[],
  options: SimulateOptions = {},
): Promise<number> {
  const policy = await policyFor("simulate", file);
  if (typeof policy === "number") return policy;
  const compared = options.compare === undefined ? undefined : await policyFor("simulate", options.compare);
  if (typeof compared === "number") return compared;
  const recording = await recordingsFor("simulate", recordings);
  if (typeof recording === "number") return recording;
  const { seed = 1, resource } = options;
  const prepared = preparedFor("simulate", recording, policy, { seed, resource });
  if (typeof prepared === "number") return prepared;
  const policies = compared === undefined ? [policy] : [policy, compared];
  let shown: Shown[];
  try {
    shown = prepared.map((each) => show(each, policies, lanesAs(options.as ?? [])));
  } catch (error) {
    return mismatch("simulate", error);
  }
  const drawn = options.plot === undefined ? undefined : await draw(options.plot, options.lane, shown);
  if (drawn !== undefined) return drawn;
  for (const remark of remarksOn(recording, policy, prepared)) talk(remark);
  if (options.json === true) data(json(recording, policies, shown, seed));
  else print(recording, policies, shown);
  return shown.every(({ simulated }) => allMet(simulated.at(-1)!.simulated.lanes)) ? 0 : OBJECTIVE_MISSED;
}

const NAMES = ["now", "proposed"] as const;

function show(prepared: Prepared, policies: readonly Policy[], as: ReadonlyMap<string, string>): Shown {
  return {
    prepared,
    recorded: { name: "recorded", lanes: recordedLanes(prepared, policies[0]!, as) },
    simulated: policies.map((policy, number) => ({
      name: policies.length === 1 ? "replayed" : NAMES[number]!,
      simulated: simulatePolicy(prepared, policy, as),
    })),
  };
}

function sidesOf({ recorded, simulated }: Shown): Side[] {
  return [recorded, ...simulated.map((each) => ({ name: each.name, lanes: each.simulated.lanes }))];
}

function print(
  { arrivals, files, started }: Recording,
  policies: readonly Policy[],
  shown: readonly Shown[],
): void {
  const lengthMs = Math.max(...shown.map(({ simulated }) => spanMs(simulated[0]!.simulated)));
  const length = showDuration(Math.max(1, Math.round(lengthMs / 1_000)) * 1_000);
  data(`${files.join(", ")}: ${arrivals.count} arrivals in ${length}, from ${started}`);
  if (policies.length > 1) data(`now: ${policies[0]!.file}, proposed: ${policies[1]!.file}`);
  for (const one of shown) {
    const sides = sidesOf(one);
    data("");
    data(paint(process.stdout, "bold", one.prepared.resource));
    for (const line of compareLines(sides)) data(line);
    const shed = shedLines(sides);
    if (shed.length > 0) data("");
    for (const line of shed) data(line);
  }
}

function spanMs({ prepared, results }: Simulated): number {
  return prepared.recording.arrivals.atMs[prepared.order.at(-1)!]! - results.fromMs;
}

/** An exit code when it cannot be drawn, which has been said then. */
async function draw(
  file: string,
  named: string | undefined,
  shown: readonly Shown[],
): Promise<number | undefined> {
  const found = shown
    .map(({ simulated }) => ({
      simulated,
      lane: laneToDraw(
        simulated.map((each) => each.simulated),
        named,
      ),
    }))
    .find(({ lane }) => lane !== undefined);
  if (found?.lane === undefined) {
    talk(`laneway simulate: --lane: expected a lane of the policy, found "${named}"`);
    return 2;
  }
  try {
    await writeFile(file, waitPicture(found.lane, found.simulated));
  } catch (error) {
    talk(`laneway simulate: --plot: cannot write ${file}: ${(error as Error).message}`);
    return 1;
  }
  talk(`${file}: the waits of ${found.lane}, over time`);
  return undefined;
}

function json(
  { arrivals, files, started, dropped }: Recording,
  policies: readonly Policy[],
  shown: readonly Shown[],
  seed: number,
): string {
  const resources = shown.map((one) => ({
    name: one.prepared.resource,
    arrivals: one.prepared.order.length,
    drawn: one.prepared.durations.drawn,
    lanes: one.recorded.lanes.map(({ lane, objective }) => ({
      name: lane,
      objective: { waitMs: objective.waitMs, success: objective.success ?? null },
      ...Object.fromEntries(
        sidesOf(one).flatMap((side) => {
          const found = side.lanes.find((each) => each.lane === lane);
          return found === undefined ? [] : [[side.name, laneJson(found)]];
        }),
      ),
    })),
  }));
  const met = shown.every(({ simulated }) => allMet(simulated.at(-1)!.simulated.lanes));
  const named = policies.map(({ file }) => file ?? null);
  return JSON.stringify(
    { recordings: files, started, arrivals: arrivals.count, dropped, seed, policies: named, resources, met },
    undefined,
    2,
  );
}

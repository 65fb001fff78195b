/** What `laneway verify` works with: the policy's lanes, the scenario, the target. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { DEFAULT_LANES } from "../../core/options.ts";
import type { Policy, PolicyLane } from "../../policy/policy.ts";
import { PolicyError } from "../../policy/problems.ts";
import { closest } from "../../policy/suggest.ts";
import { showDuration } from "../../policy/units.ts";
import type { ScenarioFile } from "../../verify/scenario/file.ts";
import { scenarioText } from "../../verify/scenario/print.ts";
import { READY_MADE, readyMade } from "../../verify/scenario/ready-made.ts";
import { readScenario } from "../../verify/scenario/read.ts";
import { resolveScenario } from "../../verify/scenario/resolve.ts";
import type { ScenarioSurroundings } from "../../verify/scenario/resolve.ts";
import type { Scenario } from "../../verify/scenario/scenario.ts";
import { targetOf, TargetError } from "../../verify/overload/target.ts";
import type { Target } from "../../verify/overload/target.ts";
import { talk, unreadable } from "../output.ts";
import type { Guarantees } from "./share.ts";

const USAGE = 2;

/** The scenario that was asked for, as a file would say it. */
export interface AskedScenario {
  readonly name: string;
  readonly file: ScenarioFile;
  /** The file's own text: what came from the environment is not printed. */
  readonly text: string;
}

/** The lanes of a policy, most important first, with what it promised of each; without one the five, and no promise. */
export function lanesOf(policy: Policy | undefined): ScenarioSurroundings["lanes"] {
  if (policy === undefined) return Object.keys(DEFAULT_LANES).map((name) => ({ name, objectives: [] }));
  // No claim reaches a lane that is exempt.
  return policy.lanes
    .filter(({ exempt }) => !exempt)
    .map((lane) => ({ name: lane.name, objectives: promisesOf(lane) }));
}

function promisesOf({ objective: { waitMs, success } }: PolicyLane): string[] {
  const wait = `wait p99 < ${showDuration(waitMs).replace(" min", "m").replace(" ", "")}`;
  return success === undefined ? [wait] : [wait, `success > ${Math.round(success * 1e6) / 1e4}%`];
}

/** What a policy guarantees its lanes on the resource that takes requests; undefined where there is none to tell. */
export function guaranteesOf(policy: Policy | undefined): Guarantees | undefined {
  if (policy === undefined) return undefined;
  const all = Object.values(policy.resources);
  const resource = policy.resources["http"] ?? (all.length === 1 ? all[0] : undefined);
  if (resource === undefined) return { order: "strict", limit: undefined, lanes: policy.lanes };
  const { order, limit, lanes } = resource;
  return { order, limit: typeof limit === "number" ? limit : undefined, lanes };
}

/** The scenario of a name or a file, or the exit code when there is none, which has been said then. */
export async function askedScenario(
  asked: string,
  lanes: ScenarioSurroundings["lanes"],
): Promise<AskedScenario | number> {
  const ready = readyMade(asked, { lanes });
  if (ready !== undefined) return { name: asked, file: ready, text: scenarioText(ready) };
  if (!/[./\\]/.test(asked) && !existsSync(asked)) {
    const near = closest(asked, READY_MADE);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    talk(`laneway verify: --scenario: expected ${READY_MADE.join(", ")} or a file, found "${asked}"${hint}`);
    return USAGE;
  }
  try {
    const text = await readFile(asked, "utf8");
    return { name: basename(asked), file: readScenario(text, asked, process.env), text };
  } catch (error) {
    if (error instanceof PolicyError)
      talk(`${error.message}\n\nlaneway verify: ${asked} is not a valid scenario`);
    else talk(`laneway verify: ${unreadable(asked, error)}`);
    return USAGE;
  }
}

/** The target of a URL, or the exit code. */
export async function askedTarget(url: string, owned: boolean): Promise<Target | number> {
  try {
    return await targetOf(url, owned);
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    talk(`laneway verify: ${error.message}`);
    return USAGE;
  }
}

/** The scenario with all defaults, for this target. */
export function wholeScenario(
  { name, file }: AskedScenario,
  policy: Policy | undefined,
  target: Target,
  { rate, durationMs }: { readonly rate: number | undefined; readonly durationMs: number | undefined },
): Scenario {
  return resolveScenario(name, file, {
    lanes: lanesOf(policy),
    path: target.path,
    header: policy?.trust.header ?? "x-priority",
    flowHeader: policy?.flow.header ?? "x-api-key",
    rate,
    durationMs,
  });
}

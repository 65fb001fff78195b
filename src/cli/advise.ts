/** `laneway advise POLICY RECORDING…`: which lane misses its objective, why, and the smallest change that mends it. */

import { readFile } from "node:fs/promises";
import { withOwnRequests } from "../policy/policy.ts";
import type { Policy } from "../policy/policy.ts";
import type { Edit } from "../verify/advise/edit.ts";
import { advise, misses } from "../verify/advise/search.ts";
import type { Advice } from "../verify/advise/search.ts";
import type { Recording } from "../verify/recording/read.ts";
import { changedText } from "./advise/policy-text.ts";
import { unifiedDiff } from "./yaml/diff.ts";
import { data, paint, talk } from "./output.ts";
import { policyFor } from "./run/policy.ts";
import { compareLines, laneJson, shedLines } from "./simulate/compare.ts";
import type { Side } from "./simulate/compare.ts";
import { lanesAs, mismatch, preparedFor, recordingsFor, remarksOn } from "./simulate/inputs.ts";

/** What the command line may say. */
export interface AdviseOptions {
  readonly resource?: string;
  readonly as?: readonly string[];
  readonly seed?: number;
  readonly json?: boolean;
}

/** The policy as text, and what was changed in it so far for the resources before. */
interface Draft {
  readonly file: string;
  text: string;
}

const OBJECTIVE_MISSED = 3;

/**
 * Returns the exit code: 0 when every lane meets its objective, today or with the change that is printed; 3 when one
 * misses it and nothing that was tried helps; 1 when a file cannot be read, 2 usage, 4 when the policy is invalid.
 */
export async function adviseCommand(
  file: string,
  recordings: readonly string[],
  options: AdviseOptions = {},
): Promise<number> {
  const policy = await policyFor("advise", file);
  if (typeof policy === "number") return policy;
  const recording = await recordingsFor("advise", recordings);
  if (typeof recording === "number") return recording;
  const { seed = 1, resource, as = [] } = options;
  const prepared = preparedFor("advise", recording, policy, { seed, resource });
  if (typeof prepared === "number") return prepared;
  for (const remark of remarksOn(recording, policy, prepared)) talk(remark);
  const before = await readFile(file, "utf8");
  const draft: Draft = { file, text: before };
  const all: Advice[] = [];
  try {
    for (const each of prepared) {
      const change = (edits: readonly Edit[]): Promise<Policy | undefined> =>
        policyOf(draft, each.resource, edits);
      const advice = await advise({ prepared: each, policy, as: lanesAs(as), change, progress: talk });
      all.push(advice);
      draft.text = changedText(draft.text, each.resource, advice.edits) ?? draft.text;
    }
  } catch (error) {
    return mismatch("advise", error);
  }
  const diff = unifiedDiff(before, draft.text, file);
  if (options.json === true) data(JSON.stringify(json(recording, all, diff), undefined, 2));
  else print(all, diff);
  return all.some(isMissed) ? OBJECTIVE_MISSED : 0;
}

/** The text is checked as a whole: what is tried is what the changed file would mean. */
async function policyOf(
  { file, text }: Draft,
  resource: string,
  edits: readonly Edit[],
): Promise<Policy | undefined> {
  const changed = changedText(text, resource, edits);
  if (changed === undefined) return undefined;
  const [{ parsePolicy }, { PolicyError }] = await Promise.all([
    import("../policy/policy.ts"),
    import("../policy/problems.ts"),
  ]);
  try {
    return withOwnRequests(await parsePolicy(changed, { file }));
  } catch (error) {
    if (error instanceof PolicyError) return undefined;
    throw error;
  }
}

function isMissed({ before, after }: Advice): boolean {
  return (after ?? before).lanes.some(misses);
}

function print(all: readonly Advice[], diff: string): void {
  for (const advice of all) explain(advice);
  if (diff !== "") {
    data("This is the smallest of the changes tried that mends it:");
    data("");
    process.stdout.write(diff);
    data("");
  }
  for (const advice of all) prove(advice);
}

function explain({ resource, findings, tried, edits }: Advice): void {
  const name = paint(process.stdout, "bold", resource);
  if (findings.length === 0) {
    data(`${name}: every lane meets its objective, so there is nothing to change.`);
    data("");
    return;
  }
  for (const { lane, misses: what, because } of findings) {
    data(`${name}: ${lane} misses its objective: ${what}.`);
    for (const reason of because) data(`  - ${reason}`);
    data("");
  }
  if (edits.length > 0) return;
  data(`Of ${tried} changes that were tried, none mends it without another lane missing its own.`);
  data("");
}

/** Before and after, all of the recording replayed under each. */
function prove({ resource, before, after, caveats, tried, sample }: Advice): void {
  if (after === undefined) return;
  const sides: Side[] = [
    { name: "before", lanes: before.lanes },
    { name: "after", lanes: after.lanes },
  ];
  data(`${paint(process.stdout, "bold", resource)}, replayed before and after:`);
  for (const line of compareLines(sides)) data(line);
  const shed = shedLines(sides);
  if (shed.length > 0) data("");
  for (const line of shed) data(line);
  for (const caveat of caveats) data(`\n${caveat}`);
  const part = sample === undefined ? "" : `, in the worst ${sample} arrivals`;
  talk(`${resource}: ${tried} changes tried${part}; the table is of all arrivals`);
}

function json({ files, arrivals }: Recording, all: readonly Advice[], diff: string): object {
  const resources = all.map(({ resource, findings, edits, before, after, tried, caveats }) => ({
    name: resource,
    findings,
    edits: edits.map(({ lane, field, value }) => ({ lane: lane ?? null, field: field.join("."), value })),
    caveats,
    tried,
    lanes: before.lanes.map((lane, number) => ({
      name: lane.lane,
      objective: { waitMs: lane.objective.waitMs, success: lane.objective.success ?? null },
      before: laneJson(lane),
      ...(after === undefined ? {} : { after: laneJson(after.lanes[number]!) }),
    })),
  }));
  return { recordings: files, arrivals: arrivals.count, met: !all.some(isMissed), diff, resources };
}

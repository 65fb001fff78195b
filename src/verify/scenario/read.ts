/** From the text of a scenario to what it says, with all that is wrong with it at once. */

import { PolicyDocument } from "../../policy/document.ts";
import type { Environment } from "../../policy/environment.ts";
import { PolicyError } from "../../policy/problems.ts";
import { checkShape } from "../../policy/shape.ts";
import { closest } from "../../policy/suggest.ts";
import type { ScenarioFile } from "./file.ts";
import { OBJECTIVE_FORM, parseObjective } from "./objective.ts";
import { phasesOf } from "./phases.ts";
import { ScenarioSchema } from "./schema.ts";

/**
 * Reads a scenario. `file` is for messages. `${VAR}` is filled in from `environment`.
 *
 * @throws PolicyError with every problem, each with its line and column
 * @example
 * readScenario("lanes: [ { name: critical, rate: 40/s } ]", "spike.yaml", process.env);
 */
export function readScenario(text: string, file: string, environment: Environment): ScenarioFile {
  const document = new PolicyDocument(text, environment);
  const shaped = document.broken
    ? undefined
    : checkShape<ScenarioFile>(document, { schema: ScenarioSchema, whole: "the scenario" });
  if (shaped !== undefined) checkMeaning(document, shaped);
  const problems = document.problems();
  if (shaped === undefined || problems.length > 0) throw new PolicyError(file, problems);
  return shaped;
}

function checkMeaning(document: PolicyDocument, file: ScenarioFile): void {
  const phases = phasesOf(file).map(({ name }) => name);
  checkTwice(document, "phases", phases);
  checkTwice(
    document,
    "lanes",
    (file.lanes ?? []).map(({ name }) => name),
  );
  for (const [at, lane] of (file.lanes ?? []).entries()) {
    for (const phase of Object.keys(lane.during ?? {})) {
      if (!phases.includes(phase))
        document.reportName(["lanes", at, "during", phase], ...unknownPhase(phase, phases));
    }
    if (lane.ai !== undefined && lane.paths !== undefined)
      document.report(["lanes", at, "ai"], `lanes.${lane.name}: expected paths or ai, found both`);
    for (const [index, text] of (lane.objectives ?? []).entries())
      checkObjective(document, ["lanes", at, "objectives", index], text, phases);
  }
}

function checkTwice(document: PolicyDocument, list: "phases" | "lanes", names: readonly string[]): void {
  for (const [at, name] of names.entries()) {
    if (names.indexOf(name) < at)
      document.report(
        [list, at, "name"],
        `${list}: "${name}" is there twice`,
        "each needs a name of its own",
      );
  }
}

function checkObjective(
  document: PolicyDocument,
  path: readonly PropertyKey[],
  text: string,
  phases: readonly string[],
): void {
  const objective = parseObjective(text);
  if (objective === undefined)
    return document.report(path, `expected ${OBJECTIVE_FORM}; found ${document.show(path, text)}`);
  const named = ["level" in objective.bound ? undefined : objective.bound.phase, objective.during];
  for (const phase of named)
    if (phase !== undefined && !phases.includes(phase)) document.report(path, ...unknownPhase(phase, phases));
}

function unknownPhase(phase: string, phases: readonly string[]): [message: string, hint: string] {
  const near = closest(phase, phases);
  const hint = near === undefined ? `the phases are ${phases.join(", ")}` : `did you mean "${near}"?`;
  return [`there is no phase "${phase}"`, hint];
}

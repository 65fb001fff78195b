import { stringify } from "yaml";
import type { ScenarioFile } from "./file.ts";

/** A scenario as a file says it, to be changed and kept. */
export function scenarioText(file: ScenarioFile): string {
  return stringify(file, { lineWidth: 100, flowCollectionPadding: true });
}

import { parseDuration } from "../../policy/units.ts";
import type { ScenarioFile } from "./file.ts";
import type { ScenarioPhase } from "./scenario.ts";

const DEFAULT_PHASES = [
  { name: "baseline", for: "10s" },
  { name: "flood", for: "10s" },
  { name: "recovery", for: "10s" },
];

/** The parts of the load; with `durationMs` made longer or shorter alike, so that together they last so long. */
export function phasesOf({ phases = DEFAULT_PHASES }: ScenarioFile, durationMs?: number): ScenarioPhase[] {
  const lengths = phases.map((phase) => parseDuration(phase.for) ?? 0);
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  const scale = durationMs === undefined ? 1 : durationMs / whole;
  let fromMs = 0;
  return phases.map(({ name }, at) => {
    const untilMs = fromMs + lengths[at]! * scale;
    const phase = { name, fromMs, untilMs };
    fromMs = untilMs;
    return phase;
  });
}

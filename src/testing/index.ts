export { TestClock } from "./clock.ts";
export { seeded } from "./random.ts";
export { Recorder } from "./recorder.ts";
export { simulate } from "./simulate.ts";
export type { Random } from "./random.ts";
export type { Runs, SleepingClock } from "./recorder.ts";
export type { Load, Scenario, SimulatedTask, Simulation } from "./simulate.ts";

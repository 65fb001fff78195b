/** What most tests of the core begin with: a resource, a clock that stands still, and a recorder. */

import type { ResourceOptions } from "../../src/core/options.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { Recorder } from "../../src/testing/recorder.ts";
import type { Runs } from "../../src/testing/recorder.ts";
import { Fifo } from "./fifo.ts";

export type Options = Omit<ResourceOptions, "name" | "clock" | "random" | "limit"> & {
  readonly limit: number;
};

export interface Simulated {
  readonly clock: TestClock;
  readonly resource: Resource;
  readonly trace: Recorder;
}

/** A resource in simulated time, without jitter. */
export function simulated(options: Options): Simulated {
  const clock = new TestClock();
  const resource = new Resource({ name: "db", ...options, clock, random: () => 0 });
  return { clock, resource, trace: new Recorder(resource, clock) };
}

/** Makes what a property is tried on: the real thing, or the stand-in that must not pass. */
export type Make = (options: Options, clock: TestClock) => Runs;

export const laneway: Make = (options, clock) =>
  new Resource({ name: "db", ...options, clock, random: () => 0 });

export const fifo: Make = (options, clock) => new Fifo(options.limit, clock, options.queue?.max);

/** The trace of one property, on the real thing or the stand-in. */
export function tracing(
  make: Make,
  options: Options,
): { readonly clock: TestClock; readonly trace: Recorder } {
  const clock = new TestClock();
  return { clock, trace: new Recorder(make(options, clock), clock) };
}

/**
 * How much of the core's source runs for one admission and one release, whatever else the machine does. V8 counts how
 * often each block of source ran; a step is one line of source run once, a line with several blocks counting as the one
 * that ran most, so that every round of a loop is a step at least. Deterministic, in simulated time.
 *
 * Code that is optimised loses counts (small functions are inlined), and so does code whose bytecode is thrown away, so
 * the counting is done in a process that does neither.
 */

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import type { Profiler } from "node:inspector";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Permit, Resource } from "../../src/index.ts";
import type { TestClock } from "../../src/testing/index.ts";

const CORE = new URL("../../src/core/", import.meta.url).href;
const EXACT = ["--no-opt", "--no-maglev", "--no-sparkplug", "--no-flush-bytecode"];
const SEATS = 10;
const PAIRS = 2_000;
const FLOWS = 1_000;
const LANES = [
  ["critical", "40%"],
  ["high", "30%"],
  ["normal", "20%"],
  ["low", "10%"],
  ["bulk", 0],
] as const;
const HOUR_MS = 3_600_000;

/** Steps for one admission and one release at a constant backlog over five lanes and a thousand flows. */
export async function coreSteps(waiting: number): Promise<number> {
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...EXACT, fileURLToPath(import.meta.url), String(waiting)],
    { env },
  );
  return Number(stdout);
}

async function counted(waiting: number): Promise<number> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  // Only what is compiled from now on carries counters, so the core is loaded here.
  const [index, testing] = await Promise.all([
    import("../../src/index.ts"),
    import("../../src/testing/index.ts"),
  ]);
  const backlog = new Backlog(index.Resource, new testing.TestClock());
  backlog.fill(waiting);
  await backlog.turnOver(FLOWS);
  // Taking the counts sets them back to zero.
  await session.post("Profiler.takePreciseCoverage");
  await backlog.turnOver(PAIRS);
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  const core = result.filter(({ url }) => url.startsWith(CORE));
  if (core.length === 0) throw new Error("coreSteps: expected counts for the files of src/core, found none");
  return core.reduce((sum, script) => sum + stepsOf(script), 0) / PAIRS;
}

/** Permits in the order in which they were given, and a new task for each that is given back. */
class Backlog {
  readonly #clock: TestClock;
  readonly #resource: Resource;
  readonly #permits: Permit[] = [];

  constructor(Made: typeof Resource, clock: TestClock) {
    this.#clock = clock;
    const lanes = LANES.map(([name, reservation]) => ({
      name,
      reservation,
      timeoutMs: HOUR_MS,
      queue: { max: 10_000_000, timeoutMs: HOUR_MS },
    }));
    this.#resource = new Made({ name: "counted", limit: SEATS, lanes, clock, random: () => 0.5 });
  }

  fill(waiting: number): void {
    for (let n = 0; n < waiting + SEATS; n++) this.#submit(n % FLOWS);
  }

  /** Releases so many, oldest permit first, each after submitting another task of the same lane and flow. */
  async turnOver(pairs: number): Promise<void> {
    for (let n = 0; n < pairs; n++) {
      while (this.#permits.length === 0) await this.#clock.advance(1);
      const permit = this.#permits.shift()!;
      this.#submit(Number(permit.flow));
      permit.release();
    }
    await this.#clock.advance(1);
  }

  #submit(n: number): void {
    void this.#resource
      .acquire({ lane: LANES[n % LANES.length]![0], flow: String(n) })
      .then((permit) => this.#permits.push(permit));
  }
}

function stepsOf({ url, functions }: Profiler.ScriptCoverage): number {
  const source = readFileSync(fileURLToPath(url), "utf8");
  // Every character takes the count of the innermost range around it: an inner range overwrites the outer one.
  const counts = new Float64Array(source.length);
  const ranges = functions.flatMap((fn) => fn.ranges);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  for (const { startOffset, endOffset, count } of ranges) counts.fill(count, startOffset, endOffset);
  let [steps, line, comment] = [0, 0, false];
  for (let at = 0; at < source.length; at++) {
    const char = source[at]!;
    if (char === "\n") {
      steps += line;
      [line, comment] = [0, false];
    } else if (source.startsWith("//", at)) comment = true;
    else if (!comment && char !== " ") line = Math.max(line, counts[at]!);
  }
  return steps;
}

if (import.meta.main) console.log(await counted(Number(process.argv[2])));

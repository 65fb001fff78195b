/**
 * `laneway demo`: two gateways in front of two stand-ins for an AI provider, one with lanes and one without, under the
 * same load at the same time. No key, no network but loopback.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { svgPlot } from "../verify/plot/svg.ts";
import type { TimePlot } from "../verify/plot/plot.ts";
import { showMs } from "../verify/plot/plot.ts";
import { LiveArea } from "./demo/live-area.ts";
import { painter, showsColour } from "./demo/paint.ts";
import type { Paint } from "./demo/paint.ts";
import { RECORDING, SIDES } from "./demo/policies.ts";
import { chatWaits } from "./demo/progress.ts";
import { report, showWaited } from "./demo/report.ts";
import { startDemo } from "./demo/run.ts";
import type { DemoRun } from "./demo/run.ts";
import { AT_ONCE, demoScenario } from "./demo/scenario.ts";
import type { Scenario } from "./demo/scenario.ts";
import { frame, plainHead, plainLine, waitPlot } from "./demo/screen.ts";
import type { RunState } from "./demo/screen.ts";
import type { Verdict } from "./demo/verdict.ts";

/** What the command line may say. */
export interface DemoOptions {
  /** How long the load lasts, 3 to 3600. Default 30; the batch grows and shrinks with it. */
  readonly seconds?: number;
  /** Where the picture and the two policies go. Default "laneway-demo". */
  readonly out?: string;
  /** Print the verdict as JSON, and nothing else, on stdout. */
  readonly json?: boolean;
  /** Chooses the instants of the calls; the same seed gives the same load. */
  readonly seed?: number;
}

const EXIT = { kept: 0, failed: 1, usage: 2, missed: 3, signalled: 128 } as const;
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;
const DEFAULT_SECONDS = 30;
const DEFAULT_SEED = 7;
const DEFAULT_FOLDER = "laneway-demo";
const SECONDS_RANGE = [3, 3_600] as const;
const FRAME_MS = 125;
/** Plain output gets about this many lines, not one a frame. */
const PLAIN_LINES = 12;

/** Thrown into the run by a signal. */
class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: keyof typeof SIGNALS) {
    super(`stopped by ${signal}`);
    this.exitCode = EXIT.signalled + SIGNALS[signal];
  }
}

/**
 * Runs the demo and returns the exit code: 0 when chat kept its objective and the upstream refused nothing with lanes on,
 * 3 when not, 1 when the demo itself failed, 2 for options that make no sense, 128 and the signal's number when it was
 * stopped.
 */
export async function demoCommand(options: DemoOptions): Promise<number> {
  const { seconds = DEFAULT_SECONDS, seed = DEFAULT_SEED, out = DEFAULT_FOLDER, json = false } = options;
  const wrong = wrongOption(seconds, seed);
  if (wrong !== undefined) {
    console.error(wrong);
    return EXIT.usage;
  }
  const live = process.stdout.isTTY && process.env["TERM"] !== "dumb" && !json;
  const paint = painter(showsColour(process.stdout, process.env));
  const talk = json ? process.stderr : process.stdout;
  const scenario = demoScenario(seconds, seed);

  // Before the first word: who reads it may stop the demo at once, and is owed the same exit code as later.
  const stopping = new AbortController();
  const stopListening = onSignals((signal) => stopping.abort(new Interrupted(signal)));
  talk.write(introduction(scenario, paint));
  const run = startDemo(scenario, out, stopping.signal);
  let stopShowing = (): void => undefined;
  try {
    talk.write(addresses(await run.pages, paint));
    stopShowing = live ? showLive(run, paint) : showPlain(run, seconds, talk);
    const verdict = await run.done;
    stopShowing();
    const plot = finalPlot(run.state(), verdict);
    const svg = join(out, "chat-wait.svg");
    await writeFile(svg, svgPlot(plot));
    const files = { svg, policyOn: join(out, SIDES.on), recording: join(out, RECORDING) };
    if (json) console.log(JSON.stringify({ ...verdict, files }, undefined, 2));
    else console.log(report(verdict, plot, files, paint).join("\n"));
    return verdict.kept ? EXIT.kept : EXIT.missed;
  } catch (error) {
    stopShowing();
    console.error(`laneway demo: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof Interrupted ? error.exitCode : EXIT.failed;
  } finally {
    stopListening();
  }
}

function wrongOption(seconds: number, seed: number): string | undefined {
  const [least, most] = SECONDS_RANGE;
  if (!(seconds >= least && seconds <= most))
    return `--seconds: expected a number from ${least} to ${most}, found ${seconds}`;
  if (!Number.isSafeInteger(seed)) return `--seed: expected a whole number, found ${seed}`;
  return undefined;
}

function introduction(scenario: Scenario, paint: Paint): string {
  const { seconds, batchCalls, floodAtMs, inputTokensPerMinute } = scenario;
  const load = `a chat user, background work, and ${batchCalls} batch calls after ${showMs(floodAtMs)}`;
  return [
    `${paint.bold("laneway demo")}: the same load through two gateways, at the same time, for ${seconds} s`,
    paint.dim(`${load}; ${AT_ONCE} run at a time`),
    paint.dim(
      `The upstream allows ${inputTokensPerMinute.toLocaleString("en")} input tokens a minute: few for this load,`,
    ),
    paint.dim(`so that ${seconds} s show what minutes would. Beyond them it answers 429.`),
    "\n",
  ].join("\n");
}

/** The live pages of the two gateways, which last as long as the run. */
function addresses({ on, off }: Awaited<DemoRun["pages"]>, paint: Paint): string {
  return `Live page while it runs: ${paint.bold(on)}  ${paint.dim(`(without lanes: ${off})`)}\n\n`;
}

/** Draws the picture in place until the returned function is called, which removes it. */
function showLive(run: DemoRun, paint: Paint): () => void {
  const area = new LiveArea(process.stdout);
  const draw = (): void => {
    const room = { columns: process.stdout.columns ?? 80, rows: (process.stdout.rows ?? 24) - 1 };
    area.draw(frame(run.state(), room, paint));
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  return () => {
    clearInterval(timer);
    area.end();
  };
}

function showPlain(run: DemoRun, seconds: number, talk: NodeJS.WriteStream): () => void {
  talk.write(`${plainHead().join("\n")}\n`);
  const timer = setInterval(
    () => {
      const state = run.state();
      if (state.nowMs >= 0) talk.write(`${plainLine(state)}\n`);
    },
    (seconds * 1_000) / PLAIN_LINES,
  );
  return () => {
    clearInterval(timer);
    talk.write("\n");
  };
}

function finalPlot(state: RunState, verdict: Verdict): TimePlot {
  const labels = {
    off: `lanes off: p99 ${showWaited(verdict.off.chat)}`,
    on: `lanes on: p99 ${showWaited(verdict.on.chat)}`,
  };
  const [off, on] = [state.off, state.on].map((side) => chatWaits(side, state.chatDue, state.nowMs));
  return waitPlot(state.scenario, off ?? [], on ?? [], labels);
}

/** The first signal stops the run, which ends every child; the second ends this process at once, and they follow. */
function onSignals(stop: (signal: keyof typeof SIGNALS) => void): () => void {
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  let stopping = false;
  const listener = (signal: NodeJS.Signals): void => {
    const name = signal as keyof typeof SIGNALS;
    if (stopping) process.exit(EXIT.signalled + SIGNALS[name]);
    stopping = true;
    stop(name);
  };
  for (const name of names) process.on(name, listener);
  return () => {
    for (const name of names) process.removeListener(name, listener);
  };
}

/** `laneway verify URL`: overloads a service, open loop, and judges each of its lanes. */

import { availableParallelism } from "node:os";
import type { Policy } from "../policy/policy.ts";
import { LoadCrew } from "../verify/overload/crew.ts";
import { runScenario } from "../verify/overload/run.ts";
import type { Target } from "../verify/overload/target.ts";
import type { RunReport, VerifyReport } from "../verify/report/result.ts";
import { writeReport } from "../verify/report/write.ts";
import type { Scenario } from "../verify/scenario/scenario.ts";
import { painter, showsColour } from "./demo/paint.ts";
import type { Paint } from "./demo/paint.ts";
import { data, talk } from "./output.ts";
import { policyFor } from "./run/policy.ts";
import { demandOf, tooMuch, workersFor } from "./verify/bounds.ts";
import { askedScenario, askedTarget, guaranteesOf, lanesOf, wholeScenario } from "./verify/inputs.ts";
import { findCapacity, reach } from "./verify/prepare.ts";
import { Progress } from "./verify/progress.ts";
import { sharesOf } from "./verify/share.ts";
import { verdictLines } from "./verify/verdict.ts";

/** What the command line may say. */
export interface VerifyOptions {
  /** A ready-made scenario, or a file. Default: spike. */
  readonly scenario?: string;
  /** Another service for the same load. */
  readonly compare?: string;
  /** Calls a second that the service can do. */
  readonly rate?: number;
  /** Milliseconds of all phases together. */
  readonly duration?: number;
  readonly policy?: string;
  readonly out?: string;
  readonly seed?: number;
  readonly workers?: number;
  readonly json?: boolean;
  readonly printScenario?: boolean;
  readonly iOwnThisHost?: boolean;
}

const EXIT = { held: 0, invalid: 1, usage: 2, missed: 3 } as const;
const DEFAULT_FOLDER = "laneway-verify";
const DEFAULT_SEED = 1;
/** What a load leaves behind in a service is over before the next begins. */
const REST_MS = 500;

/** One run of the command: what was asked, and where it is shown. */
interface Session {
  readonly options: VerifyOptions;
  readonly policy: Policy | undefined;
  readonly scenario: Scenario;
  readonly targets: readonly [Target, ...Target[]];
  readonly signal: AbortSignal;
  readonly out: NodeJS.WriteStream;
  readonly paint: Paint;
}

/**
 * Returns the exit code: 0 when every objective was held, 3 when one was missed, 1 when nothing can be concluded (the
 * service is not there, the generator was late, it was stopped), 2 for a command line or a scenario that makes no sense,
 * 4 when the policy is invalid.
 */
export async function verifyCommand(url: string | undefined, options: VerifyOptions = {}): Promise<number> {
  const policy = options.policy === undefined ? undefined : await policyFor("verify", options.policy);
  if (typeof policy === "number") return policy;
  const asked = await askedScenario(options.scenario ?? "spike", lanesOf(policy));
  if (typeof asked === "number") return asked;
  if (options.printScenario === true) {
    process.stdout.write(asked.text);
    return EXIT.held;
  }
  if (url === undefined) {
    talk("laneway verify: expected the URL of a service, such as http://127.0.0.1:3000");
    return EXIT.usage;
  }
  const targets: Target[] = [];
  for (const each of options.compare === undefined ? [url] : [url, options.compare]) {
    const target = await askedTarget(each, options.iOwnThisHost === true);
    if (typeof target === "number") return target;
    targets.push(target);
  }
  const [first, ...others] = targets;
  const given = { rate: options.rate, durationMs: options.duration };
  const scenario = wholeScenario(asked, policy, first!, given);
  const stopping = new AbortController();
  const stopListening = onSignals(() => stopping.abort(new Error("it was stopped")));
  const out = options.json === true ? process.stderr : process.stdout;
  try {
    const paint = painter(showsColour(out, process.env));
    const { signal } = stopping;
    return await session({ options, policy, scenario, targets: [first!, ...others], signal, out, paint });
  } catch (error) {
    talk(`laneway verify: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.invalid;
  } finally {
    stopListening();
  }
}

async function session(asked: Session): Promise<number> {
  const { options, scenario, targets, signal } = asked;
  const known = scenario.capacity;
  const wrong = known === undefined ? undefined : tooMuch(scenario, known);
  if (wrong !== undefined) return refuse(wrong);
  for (const target of targets) await reach(target);
  const startedAt = new Date().toISOString();
  introduce(asked);
  let crew = await LoadCrew.start(options.workers ?? (known === undefined ? 1 : crewFor(scenario, known)));
  try {
    const capacity =
      known ??
      (await findCapacity(
        { scenario, target: targets[0], crew, seed: seedOf(options), signal },
        asked.out,
        asked.paint,
      ));
    const much = tooMuch(scenario, capacity);
    if (much !== undefined) return refuse(much);
    const wanted = options.workers ?? crewFor(scenario, capacity);
    if (wanted !== crew.size) {
      await crew.stop();
      crew = await LoadCrew.start(wanted);
    }
    const runs: RunReport[] = [];
    for (const [at, target] of targets.entries()) {
      if (signal.aborted) break;
      if (at > 0 || known === undefined) await rest(signal);
      runs.push(await runOne(asked, crew, { target, name: nameOf(targets, at), capacity }));
    }
    const [judged, ...others] = runs;
    if (judged === undefined) throw new Error("it was stopped before the load began");
    return await conclude(asked, {
      version: 1,
      scenario: scenario.name,
      about: scenario.about,
      seed: seedOf(options),
      startedAt,
      durationMs: scenario.phases.at(-1)!.untilMs,
      phases: scenario.phases,
      capacity: { perSecond: capacity, found: known === undefined },
      runs: [judged, ...others],
      pass: judged.pass,
      machine: {
        cores: availableParallelism(),
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
      },
    });
  } finally {
    await crew.stop();
  }
}

function crewFor(scenario: Scenario, capacity: number): number {
  return workersFor(demandOf(scenario, capacity).mostPerSecond);
}

function seedOf({ seed = DEFAULT_SEED }: VerifyOptions): number {
  return seed;
}

function refuse(why: string): number {
  talk(`laneway verify: ${why}`);
  return EXIT.usage;
}

function nameOf(targets: readonly Target[], at: number): string {
  if (targets.length === 1) return targets[0]!.origin;
  return at === 0 ? "lanes on" : "lanes off";
}

function introduce({ scenario, targets, out, paint }: Session): void {
  const seconds = Math.round(scenario.phases.at(-1)!.untilMs / 100) / 10;
  const phases = scenario.phases.map(({ name }) => name).join(", ");
  out.write(`${paint.bold("laneway verify")} ${targets.map(({ origin }) => origin).join(", then ")}\n`);
  out.write(`${scenario.name}: ${scenario.about}\n`);
  out.write(`${seconds} s${targets.length > 1 ? " each" : ""}: ${phases}\n\n`);
}

async function rest(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, REST_MS);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function runOne(
  { options, policy, scenario, signal, out }: Session,
  crew: LoadCrew,
  { target, name, capacity }: { readonly target: Target; readonly name: string; readonly capacity: number },
): Promise<RunReport> {
  const progress = new Progress(out, scenario);
  progress.begin(name);
  try {
    return await runScenario({
      name,
      scenario,
      target,
      capacity,
      seed: seedOf(options),
      crew,
      shares: (tallies) => sharesOf(scenario, tallies, capacity, guaranteesOf(policy)),
      signal,
      onTick: (elapsedMs, lanes) => progress.tick(elapsedMs, lanes),
    });
  } finally {
    progress.end();
  }
}

async function conclude({ options, out, paint }: Session, report: VerifyReport): Promise<number> {
  const folder = options.out ?? DEFAULT_FOLDER;
  const [page] = await writeReport(folder, report);
  for (const line of verdictLines(report, paint)) out.write(`${line}\n`);
  out.write(`Next: open ${page}\n`);
  if (options.json === true) data(JSON.stringify(report, undefined, 2));
  const [judged] = report.runs;
  if (judged.invalid.length > 0) return EXIT.invalid;
  return report.pass ? EXIT.held : EXIT.missed;
}

/** The first Ctrl-C ends the load and reports what there is; the second ends this process. */
function onSignals(stop: () => void): () => void {
  const names = ["SIGINT", "SIGTERM"] as const;
  let stopping = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(128 + (signal === "SIGINT" ? 2 : 15));
    stopping = true;
    stop();
  };
  for (const name of names) process.on(name, listener);
  return () => {
    for (const name of names) process.removeListener(name, listener);
  };
}

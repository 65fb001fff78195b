/**
 * One run of the demo: for each side a stand-in and a gateway, and two load generators that send both sides the same
 * calls at the same instants. All of them are processes of their own, and all have ended when `done` settles.
 */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { request } from "undici";
import type { ResourceSnapshot } from "../../core/snapshot.ts";
import { startChild } from "../../verify/child.ts";
import type { Child } from "../../verify/child.ts";
import { dueInstants } from "../../verify/load/arrival.ts";
import type { RunResult } from "../../verify/load/generator.ts";
import type { LoadMessage, LoadStart } from "../../verify/load/load-process.ts";
import type { StandInCommand, StandInMessage } from "../../verify/stand-in/stand-in-process.ts";
import type { GatewayReady, GatewayStart } from "./gateway-process.ts";
import {
  ACCOUNT_KEY,
  KEY_VARIABLE,
  policyText,
  RECORDING,
  RESOURCE,
  SIDES,
  UPSTREAM_VARIABLE,
} from "./policies.ts";
import type { SideName } from "./policies.ts";
import { chatWaits, newSide } from "./progress.ts";
import type { ChatWait, SideProgress } from "./progress.ts";
import {
  AT_ONCE,
  CALLERS,
  callerPlan,
  OUTPUT_TOKENS_PER_MINUTE,
  REQUESTS_PER_MINUTE,
  RUN_MS,
} from "./scenario.ts";
import type { Caller, Scenario } from "./scenario.ts";
import type { RunState } from "./screen.ts";
import { judge } from "./verdict.ts";
import type { SideResult, Verdict } from "./verdict.ts";

/** A run under way. */
export interface DemoRun {
  state(): RunState;
  /** Where each side's gateway shows its live page, once both are up. */
  readonly pages: Promise<Readonly<Record<SideName, string>>>;
  readonly done: Promise<Verdict>;
}

/** The batch is sent by a process of its own: 600 callers at once would make the chat user's own sending late. */
const GENERATORS: readonly (readonly Caller[])[] = [["chat", "background"], ["batch"]];
const POLL_MS = 250;
/** From all being ready to the first call, so that every generator has its plan by then. */
const LEAD_MS = 250;
/** Chat's last calls have at least so long to be answered; what the batch then still waits for stays undone. */
const LEAST_GRACE_MS = 4_000;

type StandInChild = Child<StandInCommand, StandInMessage>;

interface Side {
  readonly progress: SideProgress;
  readonly standIn: StandInChild;
  readonly url: string;
  readonly adminUrl: string;
}

/** Starts everything, with the two policies written into `folder`. An aborted `signal` ends it all; `done` rejects. */
export function startDemo(scenario: Scenario, folder: string, signal: AbortSignal): DemoRun {
  const off = newSide("off", scenario);
  const on = newSide("on", scenario);
  const chat = callerPlan(scenario, "chat", "");
  const chatDue = dueInstants(chat.arrival, chat.seed);
  let startedAt: number | undefined;
  const children: Child<never, never>[] = [];
  const start = <Down, Up>(name: string, module: string): Child<Down, Up> => {
    // A run that is being stopped must not start what nobody would stop again.
    signal.throwIfAborted();
    const child = startChild<Down, Up>(name, module, import.meta.url);
    children.push(child as unknown as Child<never, never>);
    return child;
  };

  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  aborted.catch(() => undefined);
  const pages = Promise.withResolvers<Readonly<Record<SideName, string>>>();
  pages.promise.catch(() => undefined);

  const all = async (): Promise<Verdict> => {
    const generators = GENERATORS.map((callers) =>
      start<LoadStart, LoadMessage>(
        `the load generator (${callers.join(", ")})`,
        "../../verify/load/load-process",
      ),
    );
    await mkdir(folder, { recursive: true });
    const sides = await Promise.all(
      [off, on].map((progress) => startSide(progress, scenario, folder, start)),
    );
    pages.resolve({ off: `${sides[0]!.adminUrl}/`, on: `${sides[1]!.adminUrl}/` });
    const startAtEpochMs = Date.now() + LEAD_MS;
    startedAt = performance.now() + LEAD_MS;
    const nowMs = (): number => performance.now() - startedAt!;
    const pollBoth = () => Promise.all(sides.map((side) => poll(side, nowMs)));
    const polls = setInterval(() => void pollBoth().catch(() => undefined), POLL_MS);
    try {
      const runs = generators.map((child, number) =>
        runLoad(child, GENERATORS[number]!, scenario, sides, startAtEpochMs),
      );
      const results = await Promise.race([
        Promise.all(runs),
        aborted,
        ...children.map((child) => child.failed),
      ]);
      await pollBoth();
      const waits = sides.map(({ progress }) => chatWaits(progress, chatDue, nowMs()));
      return verdictOf(scenario, sides, waits, results);
    } finally {
      clearInterval(polls);
    }
  };

  const done = Promise.race([all(), aborted]).finally(() =>
    Promise.all(children.map((child) => child.stop())),
  );
  const state = (): RunState => ({
    scenario,
    nowMs: startedAt === undefined ? -1 : performance.now() - startedAt,
    off,
    on,
    chatDue,
  });
  done.catch(pages.reject);
  return { state, pages: pages.promise, done };
}

async function startSide(
  progress: SideProgress,
  scenario: Scenario,
  folder: string,
  start: <Down, Up>(name: string, module: string) => Child<Down, Up>,
): Promise<Side> {
  const policyFile = join(folder, SIDES[progress.side]);
  const standIn: StandInChild = start(
    `the stand-in (lanes ${progress.side})`,
    "../../verify/stand-in/stand-in-process",
  );
  const gateway = start<GatewayStart, GatewayReady>(
    `the gateway (lanes ${progress.side})`,
    "./gateway-process",
  );
  const budgets = {
    requests: REQUESTS_PER_MINUTE,
    inputTokens: scenario.inputTokensPerMinute,
    outputTokens: OUTPUT_TOKENS_PER_MINUTE,
  };
  standIn.send({ type: "start", atOnce: AT_ONCE, runMs: RUN_MS, budgets });
  await writeFile(policyFile, policyText(progress.side, scenario));
  const recordFile = join(folder, RECORDING);
  // A recording is continued; this run's has nothing to do with the last one's.
  await rm(recordFile, { force: true });
  const upstream = await standIn.next((message) => (message.type === "ready" ? message.url : undefined));
  gateway.send({
    policyFile,
    variables: { [UPSTREAM_VARIABLE]: upstream, [KEY_VARIABLE]: ACCOUNT_KEY },
    recordFile: progress.side === "on" ? recordFile : undefined,
  });
  const { url, adminUrl } = await gateway.next((message) => message);
  return { progress, standIn, url, adminUrl };
}

/** Asks a side's gateway and stand-in how they are. */
async function poll(side: Side, nowMs: () => number): Promise<void> {
  const { progress, standIn } = side;
  const told = standIn.next((message) => {
    if (message.type !== "stats") return undefined;
    progress.tokens.see(message.counts.inputTokens, nowMs());
    return message;
  });
  standIn.send({ type: "stats" });
  const reply = await request(`${side.adminUrl}/api/snapshot`);
  const { resources } = (await reply.body.json()) as { resources: ResourceSnapshot[] };
  progress.snapshot = resources.find((resource) => resource.name === RESOURCE);
  progress.mostWaiting = Math.max(progress.mostWaiting, progress.snapshot?.waiting ?? 0);
  const { stats, counts } = await told;
  progress.stats = stats;
  progress.refused429 = counts.refused429;
}

/** One generator's part: its callers on both sides, in the order off, on for each caller. */
async function runLoad(
  child: Child<LoadStart, LoadMessage>,
  callers: readonly Caller[],
  scenario: Scenario,
  sides: readonly Side[],
  startAtEpochMs: number,
): Promise<RunResult> {
  const parts = callers.flatMap((caller) => sides.map((side) => ({ caller, side })));
  child.onMessage((message) => {
    if (message.type !== "samples") return;
    for (const { stream, sample } of message.samples) {
      const part = parts[stream]!;
      if (part.caller === "chat") part.side.progress.chat.set(sample.dueMs, sample);
    }
  });
  const endMs = Math.max(scenario.seconds * 1_000, scenario.untilMs + LEAST_GRACE_MS);
  const lastDueMs = callers.includes("batch") ? scenario.floodAtMs : scenario.untilMs;
  child.send({
    streams: parts.map(({ caller, side }) => callerPlan(scenario, caller, side.url)),
    startAtEpochMs,
    graceMs: endMs - lastDueMs,
  });
  return child.next((message) => (message.type === "result" ? message.result : undefined));
}

function verdictOf(
  scenario: Scenario,
  sides: readonly Side[],
  waits: readonly (readonly ChatWait[])[],
  results: readonly RunResult[],
): Verdict {
  const sideResult = (number: number): SideResult => {
    const { mostWaiting, stats, refused429, tokens } = sides[number]!.progress;
    const streams = CALLERS.map((caller) => {
      const generator = GENERATORS.findIndex((callers) => callers.includes(caller));
      const stream = GENERATORS[generator]!.indexOf(caller) * sides.length + number;
      return [caller, results[generator]!.streams[stream]!] as const;
    });
    return {
      streams: Object.fromEntries(streams) as SideResult["streams"],
      mostWaiting,
      mostAtOnce: stats?.mostAtOnce ?? 0,
      chatWaits: waits[number]!,
      refusedUpstream: refused429,
      budgetUsed: tokens.usedShare,
    };
  };
  const [chat = 0, batch = 0] = results.map((result) => result.lagMs.p99);
  return judge(scenario, { off: sideResult(0), on: sideResult(1) } satisfies Record<SideName, SideResult>, {
    chat,
    batch,
  });
}

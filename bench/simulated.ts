/** Do the promises hold in simulated time? The scenarios are those of the tests in `test/simulation`, and those of `ai`. */

import { BULK, aging } from "../test/simulation/aging.ts";
import type { BulkTasks } from "../test/simulation/aging.ts";
import { chatAndBatch } from "../test/simulation/chat-and-batch.ts";
import { FAIRNESS_SCENARIOS } from "../test/simulation/fairness-scenarios.ts";
import { fairness } from "../test/simulation/fairness.ts";
import { overload } from "../test/simulation/overload.ts";
import { READINGS, SETTINGS, returns } from "../test/simulation/returns.ts";
import type { Reading, Returned } from "../test/simulation/returns.ts";
import { RUNS, SEATS, spike } from "../test/simulation/spike.ts";
import type { Lengths, Spiked } from "../test/simulation/spike.ts";
import { batchBesideChat } from "./ai/batch-beside-chat.ts";
import { FIVE_LANES, LOWEST_ALONE, fiveMinutes } from "./ai/five-minutes.ts";
import type { Demand, Spent } from "./ai/five-minutes.ts";
import { none } from "./ai/none.ts";
import { over, under } from "./question.ts";
import type { Case, Question } from "./question.ts";

const SEED = 1;
const policy = "laneway";

const worst = (figures: readonly number[]): number => Math.max(...figures);
const least = (figures: readonly number[]): number => Math.min(...figures);

async function largestError(tasks: "equal" | "mixed"): Promise<number> {
  const errors: number[] = [];
  for (const scenario of FAIRNESS_SCENARIOS)
    if (scenario.tasks === tasks)
      errors.push((await fairness({ name: scenario.name, policy, seed: SEED })).error * 100);
  return worst(errors);
}

async function spikes(): Promise<Spiked[]> {
  const all: Spiked[] = [];
  for (const seats of Object.keys(SEATS))
    for (const runs of Object.keys(RUNS) as Lengths[])
      all.push(await spike({ policy, seats, runs, seed: SEED }));
  return all;
}

async function comings(): Promise<Returned[]> {
  const all: Returned[] = [];
  for (const setting of Object.keys(SETTINGS))
    for (const reading of Object.keys(READINGS) as Reading[])
      all.push(await returns({ policy, setting, reading, seed: SEED }));
  return all;
}

async function agings(): Promise<{ part: number; slower: number }> {
  const parts: number[] = [];
  const slower: number[] = [];
  for (const bulk of Object.keys(BULK) as BulkTasks[]) {
    const aged = await aging({ policy, bulk, budget: 0.05, seed: SEED });
    const without = await aging({ policy, bulk, budget: 0, seed: SEED });
    parts.push(aged.agedPart * 100);
    slower.push(aged.criticalP99 / without.criticalP99);
  }
  return { part: worst(parts), slower: worst(slower) };
}

/** Whether the upstream charges what a call may write, or what it writes: we are not told. */
async function budgets(demands: readonly Demand[]): Promise<Spent[]> {
  const all: Spent[] = [];
  for (const demand of demands)
    for (const outputCharge of ["max-tokens", "actual"] as const)
      for (const seed of [1, 2, 3]) all.push(await fiveMinutes({ ...demand, outputCharge, seed }));
  return all;
}

const usedBy = async (demand: Demand): Promise<number> =>
  least((await budgets([demand])).map(({ used }) => used * 100));

const MEASURES: Readonly<Record<string, () => Promise<number>>> = {
  "fairness, equal tasks": () => largestError("equal"),
  "fairness, mixed": () => largestError("mixed"),
  "spike, served": async () => least((await spikes()).map(({ served }) => served * 100)),
  "spike, p99": async () => worst((await spikes()).map(({ p99, unloadedP99 }) => p99 / unloadedP99)),
  "goodput at 2": async () => (await overload({ policy, times: 2, seed: SEED })).goodput * 100,
  "goodput at 5": async () => (await overload({ policy, times: 5, seed: SEED })).goodput * 100,
  "goodput at 10": async () => (await overload({ policy, times: 10, seed: SEED })).goodput * 100,
  "returns, admitted": async () => least((await comings()).map(({ admittedFirst }) => admittedFirst * 100)),
  "returns, late": async () => worst((await comings()).map(({ late }) => late)),
  "aging, part": async () => (await agings()).part,
  "aging, critical": async () => (await agings()).slower,
  "chat, p99": async () => (await chatAndBatch({ policy, seed: SEED })).p99,
  "chat, batch": async () => (await batchBesideChat(SEED)) * 100,
  "budgets, refused": async () =>
    worst((await budgets([FIVE_LANES, LOWEST_ALONE])).map(({ refused }) => refused)),
  "budgets, five lanes": () => usedBy(FIVE_LANES),
  "budgets, lowest lane": () => usedBy(LOWEST_ALONE),
};

export const question: Question = {
  asks: "Do the promises hold in simulated time?",
  unit: "",
  cases: Object.fromEntries(
    Object.entries(MEASURES).map(([name, measure]): [string, Case] => [name, { exact: true, measure }]),
  ),
  rows: (of) => [
    under(
      "fairness against max-min, equal tasks: largest error of all scenarios",
      of("fairness, equal tasks"),
      1,
      "%",
    ),
    under("fairness, mixed widths and durations: largest error", of("fairness, mixed"), 5, "%"),
    over("12× spike in the lowest lane: critical served", of("spike, served"), 99.9, "%"),
    under("12× spike: p99 response time of critical ÷ unloaded", of("spike, p99"), 1.2, "×"),
    ...[2, 5, 10].map((times) =>
      over(
        `goodput at ${times}× offered load, of capacity less idle floors`,
        of(`goodput at ${times}`),
        95,
        "%",
      ),
    ),
    over("obeying retry-after: admitted on the first return", of("returns, admitted"), 80, "%"),
    under("obeying retry-after: mean return ÷ the earliest possible", of("returns, late"), 1.5, "×"),
    under("seat-time of aged picks at 2.6× offered load", of("aging, part"), 5, "%"),
    under("p99 wait of critical with aging ÷ without", of("aging, critical"), 1.2, "×"),
    under("600 batch calls and chat with two seats of its own: p99 wait of chat", of("chat, p99"), 50, "ms"),
    over(
      "600 batch calls beside it: throughput of the batch, of what the seats left to it can do",
      of("chat, batch"),
      95,
      "%",
    ),
    none("five minutes of overload of a rate budget: refused by the upstream (429)", of("budgets, refused")),
    over(
      "five minutes of overload of a rate budget: used of it, all five lanes busy",
      of("budgets, five lanes"),
      95,
      "%",
    ),
    over(
      "five minutes of overload of a rate budget: used by the lowest lane alone, less what floors keep",
      of("budgets, lowest lane"),
      95,
      "%",
    ),
  ],
};

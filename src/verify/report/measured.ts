/** The end of the page: what failed calls said, and how all of it was measured. */

import { markup } from "../plot/markup.ts";
import type { Markup } from "../plot/markup.ts";
import { showMs } from "../plot/plot.ts";
import { grouped, instantText, plural, timeText } from "./words.ts";
import type { GeneratorResult, VerifyReport } from "./result.ts";

/** The first few reasons of failed calls; nothing when none failed. */
export function whatFailed({ runs }: VerifyReport): Markup {
  const reasons = runs.flatMap((run) =>
    run.lanes
      .filter(({ errors }) => errors.length > 0)
      .map(({ lane, errors }) => markup`<li>${run.name}, ${lane}: ${errors.join("; ")}</li>`),
  );
  if (reasons.length === 0) return markup``;
  return markup`<section aria-label="What calls failed of"><h2>What calls failed of</h2><ul class="reasons">${reasons}</ul></section>\n`;
}

/** What was asked of what, by whom, and how far it can be trusted. */
export function howMeasured(report: VerifyReport): Markup {
  const { machine, capacity } = report;
  const returns = report.runs[0].lanes.reduce((sum, lane) => sum + lane.returns, 0);
  const facts: readonly (readonly [string, string])[] = [
    ["Scenario", report.about === "" ? report.scenario : `${report.scenario}: ${report.about}`],
    ...report.runs.map(({ name, target }): [string, string] => [name === target ? "Target" : name, target]),
    ["Length", showMs(report.durationMs)],
    [
      "Phases",
      report.phases.map(({ name, fromMs, untilMs }) => `${name} ${showMs(untilMs - fromMs)}`).join(", "),
    ],
    ["Seed", String(report.seed)],
    ...(capacity === undefined
      ? []
      : [
          [
            "Capacity",
            `${plural(capacity.perSecond, "call")} a second, ${capacity.found ? "found out before the run" : "as it was given"}`,
          ] as const,
        ]),
    ...(returns === 0
      ? []
      : [
          [
            "Came back",
            `${plural(returns, "call")} made again after a refusal, not counted as offered`,
          ] as const,
        ]),
    ...report.runs.flatMap(({ name, remarks = [] }) =>
      remarks.map((remark): [string, string] => [`Note, ${name}`, remark]),
    ),
    ...report.runs.map(({ name, generator }): [string, string] => [
      `Generator, ${name}`,
      generatorText(generator),
    ]),
    [
      "Machine",
      `${plural(machine.cores, "core")}, Node ${machine.node.replace(/^v/, "")}, ${machine.platform}`,
    ],
    ["Started", instantText(report.startedAt)],
  ];
  return markup`<section aria-label="How it was measured"><h2>How it was measured</h2><p class="note">Calls are sent when they are due, whether or not earlier ones have been answered, and a call’s time counts from that instant: a service that stalls cannot hide it. A generator that is itself late by more than 5 ms (p99) makes the run invalid. All numbers are in report.json beside this page.</p><dl class="facts">${facts
    .filter(([, value]) => value !== "")
    .map(([name, value]) => markup`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>\n`;
}

/** `12,400 calls sent, 206 a second, by 1 worker; late by 0.4 ms (p99), 2 ms at most`. */
export function generatorText({ sent, sentPerSecond, workers, lagMs }: GeneratorResult): string {
  return `${plural(sent, "call")} sent, ${grouped(sentPerSecond)} a second, by ${plural(workers, "worker")}; late by ${timeText(lagMs, "p99")} (p99), ${timeText(lagMs, "max")} at most`;
}

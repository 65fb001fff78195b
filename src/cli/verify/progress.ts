/** What is seen of a load while it runs: a table drawn in place, or a line now and then where nothing can be drawn. */

import { showMs } from "../../verify/plot/plot.ts";
import type { LaneTick } from "../../verify/overload/messages.ts";
import type { Scenario } from "../../verify/scenario/scenario.ts";
import { LiveArea } from "../demo/live-area.ts";
import { painter, showsColour } from "../demo/paint.ts";
import type { Paint } from "../demo/paint.ts";
import { table } from "../output.ts";

/** Lanes of ticks over so long make the rates and the p99 of the table. */
const WINDOW_MS = 1_000;
const PLAIN_EVERY_MS = 5_000;
const BAR = 30;

interface Seen {
  readonly atMs: number;
  readonly lanes: readonly LaneTick[];
}

/** Shows one load after another on a stream. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #paint: Paint;
  readonly #scenario: Scenario;
  readonly #area: LiveArea | undefined;
  #name = "";
  #seen: Seen[] = [];
  #plainAt = 0;

  constructor(out: NodeJS.WriteStream, scenario: Scenario) {
    this.#out = out;
    this.#paint = painter(showsColour(out, process.env));
    this.#scenario = scenario;
    this.#area = out.isTTY && process.env["TERM"] !== "dumb" ? new LiveArea(out) : undefined;
  }

  /** Another load begins. */
  begin(name: string): void {
    this.#name = name;
    this.#seen = [];
    this.#plainAt = PLAIN_EVERY_MS;
  }

  tick(elapsedMs: number, lanes: readonly LaneTick[]): void {
    this.#seen.push({ atMs: elapsedMs, lanes });
    while (this.#seen.length > 2 && elapsedMs - this.#seen[0]!.atMs > WINDOW_MS) this.#seen.shift();
    if (this.#area !== undefined) {
      this.#area.draw(liveLines(this.#name, this.#scenario, this.#seen, this.#paint));
    } else if (elapsedMs >= this.#plainAt) {
      this.#plainAt += PLAIN_EVERY_MS;
      this.#out.write(`${plainLine(this.#scenario, this.#seen)}\n`);
    }
  }

  /** Removes what is drawn. */
  end(): void {
    this.#area?.end();
  }
}

/** The frame of a terminal: where in the phases it is, and each lane of the last second. */
export function liveLines(name: string, scenario: Scenario, seen: readonly Seen[], paint: Paint): string[] {
  const nowMs = seen.at(-1)?.atMs ?? 0;
  const endMs = scenario.phases.at(-1)!.untilMs;
  const done = Math.min(BAR, Math.max(0, Math.round((nowMs / endMs) * BAR)));
  const bar = `${"█".repeat(done)}${"░".repeat(BAR - done)}`;
  const rows = scenario.lanes.map((lane, at) => [lane.name, ...cells(seen, at)]);
  const [head = "", ...body] = table([
    ["", "asked/s", "served/s", "refused/s", "failed/s", "in flight", "p99"],
    ...rows,
  ]);
  return [`${paint.bold(name)}  ${bar}  ${phaseAt(scenario, nowMs)}`, paint.dim(head), ...body];
}

/** One line for where nothing can be drawn in place. */
export function plainLine(scenario: Scenario, seen: readonly Seen[]): string {
  const nowMs = seen.at(-1)?.atMs ?? 0;
  const lanes = scenario.lanes.map((lane, at) => {
    const [, served, , , , p99] = cells(seen, at);
    return `${lane.name} ${served}/s ${p99}`;
  });
  return `${String(Math.round(nowMs / 1_000)).padStart(4)} s  ${phaseAt(scenario, nowMs).padEnd(9)} ${lanes.join(" · ")}`;
}

function phaseAt({ phases }: Scenario, nowMs: number): string {
  return phases.find(({ untilMs }) => nowMs < untilMs)?.name ?? "last replies";
}

function cells(seen: readonly Seen[], lane: number): string[] {
  const first = seen[0];
  const last = seen.at(-1);
  if (first === undefined || last === undefined) return ["–", "–", "–", "–", "–", "–"];
  const seconds = (last.atMs - first.atMs) / 1_000;
  const now = last.lanes[lane]!;
  const rate = (count: "offered" | "served" | "refused" | "failed"): string =>
    seconds <= 0 ? "–" : String(Math.round((now[count] - first.lanes[lane]![count]) / seconds));
  const latencies = seen.flatMap(({ lanes }) => lanes[lane]!.latenciesMs).sort((one, other) => one - other);
  const p99 = latencies[Math.max(0, Math.ceil(latencies.length * 0.99) - 1)];
  return [
    rate("offered"),
    rate("served"),
    rate("refused"),
    rate("failed"),
    String(now.inFlight),
    p99 === undefined ? "–" : showMs(p99),
  ];
}

/** The live picture: lines made from the state of a run, and nothing else. */

import type { LaneSnapshot } from "../../core/snapshot.ts";
import { showMs } from "../../verify/plot/plot.ts";
import type { TimePlot } from "../../verify/plot/plot.ts";
import { terminalPlot } from "../../verify/plot/terminal.ts";
import type { Paint } from "./paint.ts";
import { chatWaits, waitQuantile } from "./progress.ts";
import type { ChatWait, SideProgress } from "./progress.ts";
import { AT_ONCE, CHAT_SEATS, CHAT_WAIT_OBJECTIVE_MS } from "./scenario.ts";
import type { Scenario } from "./scenario.ts";

/** A run at one moment. */
export interface RunState {
  readonly scenario: Scenario;
  /** Since the load began; negative while things are being started. */
  readonly nowMs: number;
  readonly off: SideProgress;
  readonly on: SideProgress;
  /** When chat's messages are due, the same for both sides. */
  readonly chatDue: Float64Array;
}

/** Room to draw in. */
export interface Room {
  readonly columns: number;
  readonly rows: number;
}

const BAR_COLUMNS = 18;
/** Lines of a frame beside the plot's own drawing, and how few rows of it are worth drawing. */
const TEXT_ROWS = 19;
const PLOT_ROWS = { least: 4, most: 10 } as const;

/** The whole frame: never wider than 80 columns, and the plot only where there is room for it. */
export function frame(state: RunState, room: Room, paint: Paint): string[] {
  const { scenario, off, on } = state;
  const lines = [
    headline(state, paint),
    "",
    sideTitle("LANES OFF", "one queue, first come, first served", off, paint.off, paint),
    columnNames(paint),
    ...offRows(state),
    tokensRow(off),
    "",
    sideTitle(
      "LANES ON",
      `a lane each; ${CHAT_SEATS} of the ${AT_ONCE} seats are kept for chat`,
      on,
      paint.on,
      paint,
    ),
    columnNames(paint),
    ...onRows(on),
    tokensRow(on),
  ];
  const plotRows = Math.min(PLOT_ROWS.most, room.rows - TEXT_ROWS);
  if (plotRows < PLOT_ROWS.least) return lines;
  const plot = waitPlot(
    scenario,
    chatWaits(off, state.chatDue, state.nowMs),
    chatWaits(on, state.chatDue, state.nowMs),
  );
  return [
    ...lines,
    "",
    ...drawPlot(plot, { columns: Math.min(80, room.columns - 1), rows: plotRows }, paint),
  ];
}

/** The plot of both chat-wait curves; what has not been measured yet is simply not there. */
export function waitPlot(
  scenario: Scenario,
  off: readonly ChatWait[],
  on: readonly ChatWait[],
  labels: { readonly off: string; readonly on: string } = { off: "lanes off", on: "lanes on" },
): TimePlot {
  const points = (waits: readonly ChatWait[]): { xMs: number; yMs: number }[] =>
    waits.map((wait) => ({ xMs: wait.dueMs, yMs: wait.waitMs }));
  return {
    title: `How long chat waits while ${scenario.batchCalls} batch calls flood the same upstream`,
    xLabel: "when the chat message was sent",
    yLabel: "chat wait",
    xMaxMs: scenario.seconds * 1_000,
    curves: [
      { label: labels.off, points: points(off) },
      { label: labels.on, points: points(on) },
    ],
    level: { yMs: CHAT_WAIT_OBJECTIVE_MS, label: `objective ${CHAT_WAIT_OBJECTIVE_MS} ms` },
    event: { xMs: scenario.floodAtMs, label: `${scenario.batchCalls} batch calls arrive` },
  };
}

/** The plot in the demo's colours. */
export function drawPlot(plot: TimePlot, room: Room, paint: Paint): string[] {
  const colour = (text: string, curve: number | undefined): string =>
    curve === undefined ? paint.dim(text) : curve === 0 ? paint.off(text) : paint.on(text);
  return terminalPlot(plot, { ...room, paint: colour });
}

/** The column names of the plain lines. */
export function plainHead(): readonly [string, string] {
  const names = "chat waits  queued    429s";
  return [
    `${" ".repeat(11)}${"lanes off".padEnd(names.length)}     lanes on`,
    `    time   ${names}     ${names}`,
  ];
}

/** One line for a log: what chat meets on both sides now. The message that has waited longest speaks for a queue. */
export function plainLine(state: RunState): string {
  const side = (progress: SideProgress): string => {
    const waits = chatWaits(progress, state.chatDue, state.nowMs);
    const longest = waits.find((wait) => wait.atLeast) ?? waits.at(-1);
    const counts = [progress.snapshot?.waiting ?? 0, progress.refused429];
    return [showWait(longest).padStart(10), ...counts.map((count) => String(count).padStart(8))].join("");
  };
  return `${seconds(state.nowMs).padStart(8)}   ${side(state.off)}     ${side(state.on)}`;
}

function headline(state: RunState, paint: Paint): string {
  const { scenario, nowMs } = state;
  const total = scenario.seconds * 1_000;
  const full = Math.round((BAR_COLUMNS * Math.min(Math.max(nowMs, 0), total)) / total);
  const bar = "█".repeat(full) + paint.dim("░".repeat(BAR_COLUMNS - full));
  const flood = (scenario.floodAtMs - nowMs) / 1_000;
  const what =
    nowMs < 0
      ? "starting"
      : flood > 0
        ? `${scenario.batchCalls} batch calls in ${flood.toFixed(1)} s`
        : `${scenario.batchCalls} batch calls came at ${seconds(scenario.floodAtMs)}`;
  const time = `${seconds(Math.max(0, nowMs))} of ${scenario.seconds} s`;
  return `${paint.bold("laneway demo")}  ${bar}  ${time.padEnd(14)} ${what}`;
}

function sideTitle(
  name: string,
  note: string,
  side: SideProgress,
  colour: (text: string) => string,
  paint: Paint,
): string {
  const busy = `${side.snapshot?.seatsInUse ?? 0} of ${side.snapshot?.limit ?? AT_ONCE} busy`;
  const space = 79 - name.length - note.length - busy.length - 2;
  return `${colour(paint.bold(name))}  ${note}${" ".repeat(Math.max(1, space))}${paint.dim(busy)}`;
}

const WIDTHS = [10, 15, 9, 9, 11, 11, 8, 5];

function row(cells: readonly string[]): string {
  const text = cells.map((cell, at) => (at < 2 ? cell.padEnd(WIDTHS[at]!) : cell.padStart(WIDTHS[at]!)));
  return ` ${text.join("")}`;
}

function columnNames(paint: Paint): string {
  return paint.dim(row(["lane", "who", "waiting", "running", "wait p50", "wait p99", "served", "shed"]));
}

function laneRow(lane: LaneSnapshot | undefined, name: string, who: string): string {
  if (lane === undefined) return row([name, who, "-", "-", "-", "-", "-", "-"]);
  const measured = lane.admitted > 0;
  return row([
    name,
    who,
    String(lane.waiting),
    String(lane.running),
    measured ? showMs(lane.waitMs.p50) : "-",
    measured ? showMs(lane.waitMs.p99) : "-",
    String(lane.finished),
    String(lane.rejected + lane.evicted + lane.timedOut),
  ]);
}

/** The single lane, and below it what one of its callers, chat, sees of it. */
function offRows(state: RunState): string[] {
  const { off, chatDue, nowMs } = state;
  const waits = chatWaits(off, chatDue, nowMs);
  const running = off.stats?.runningByUser["chat"] ?? 0;
  const sent = chatDue.filter((due) => due <= nowMs).length;
  const settled = [...off.chat.values()];
  const served = settled.filter((sample) => sample.outcome === "served").length;
  return [
    laneRow(off.snapshot?.lanes[0], "everyone", "all three"),
    row([
      "",
      "└ chat alone",
      String(Math.max(0, sent - settled.length - running)),
      String(running),
      showWait(waitQuantile(waits, 0.5)),
      showWait(waitQuantile(waits, 0.99)),
      String(served),
      String(settled.length - served),
    ]),
  ];
}

/** How the upstream's own bucket of input tokens stands, and how often it has said no. */
function tokensRow({ tokens, refused429 }: SideProgress): string {
  const full = Math.round(BAR_COLUMNS * tokens.leftShare);
  const bar = "█".repeat(full) + "░".repeat(BAR_COLUMNS - full);
  const left = `${Math.round(tokens.leftShare * 100)} % left`;
  const times = refused429 === 1 ? "once" : `${refused429} times`;
  return ` input tokens  ${bar}  ${left.padEnd(12)} upstream answered 429: ${times}`;
}

function onRows(on: SideProgress): string[] {
  const who: readonly (readonly [string, string])[] = [
    ["critical", "chat"],
    ["normal", "background"],
    ["batch", "batch"],
  ];
  return who.map(([name, caller]) =>
    laneRow(
      on.snapshot?.lanes.find((lane) => lane.name === name),
      name,
      caller,
    ),
  );
}

/** `≥` where the wait is of a message that nobody has answered yet. */
function showWait(wait: ChatWait | undefined): string {
  if (wait === undefined) return "-";
  return wait.atLeast ? `≥ ${showMs(wait.waitMs)}` : showMs(wait.waitMs);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

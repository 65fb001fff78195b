import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveArea } from "../../../src/cli/demo/live-area.ts";
import { painter, showsColour } from "../../../src/cli/demo/paint.ts";
import { newSide } from "../../../src/cli/demo/progress.ts";
import { report } from "../../../src/cli/demo/report.ts";
import { demoScenario } from "../../../src/cli/demo/scenario.ts";
import { frame, plainHead, plainLine, waitPlot } from "../../../src/cli/demo/screen.ts";
import type { RunState } from "../../../src/cli/demo/screen.ts";
import { judge } from "../../../src/cli/demo/verdict.ts";
import { laneSnapshot, resourceSnapshot, served, streamResult } from "./samples.ts";

const ROOM = { columns: 80, rows: 40 };
const PLAIN = painter(false);
const SCENARIO = demoScenario(30, 7);

/** Ten seconds into a run: with lanes off nobody has answered chat since the batch came. */
function tenSecondsIn(): RunState {
  const [off, on] = [newSide("off", SCENARIO), newSide("on", SCENARIO)];
  const chatDue = Float64Array.from({ length: 27 }, (_, index) => index * 1_000);
  for (const dueMs of [0, 1_000, 2_000]) off.chat.set(dueMs, served(dueMs, 0));
  for (const dueMs of chatDue.filter((due) => due < 10_000)) on.chat.set(dueMs, served(dueMs, 1.2));
  off.snapshot = resourceSnapshot([
    laneSnapshot("everyone", {
      waiting: 431,
      running: 8,
      admitted: 190,
      finished: 182,
      waitMs: { p50: 2_000, p95: 5_000, p99: 6_100 },
    }),
  ]);
  on.snapshot = resourceSnapshot([
    laneSnapshot("critical", { running: 1, admitted: 10, finished: 9, waitMs: { p50: 0, p95: 1, p99: 1.2 } }),
    laneSnapshot("normal", { waiting: 1, running: 1, admitted: 9, finished: 8, timedOut: 1 }),
    laneSnapshot("batch", { waiting: 455, running: 5, admitted: 145, finished: 140 }),
  ]);
  off.tokens.see(303_000, 10_000);
  off.refused429 = 12;
  on.tokens.see(150_000, 10_000);
  return { scenario: SCENARIO, nowMs: 10_000, off, on, chatDue };
}

test("a frame has a row for each lane with its figures, and fits 80 columns", () => {
  const lines = frame(tenSecondsIn(), ROOM, PLAIN);
  assert.ok(
    lines.every((line) => [...line].length < 80),
    lines.join("\n"),
  );
  const row = (name: string): string[] =>
    lines
      .find((line) => line.trim().startsWith(name))
      ?.trim()
      .split(/ {2,}/) ?? [];
  assert.deepEqual(row("everyone"), ["everyone", "all three", "431", "8", "2 s", "6.1 s", "182", "0"]);
  assert.deepEqual(row("critical"), ["critical", "chat", "0", "1", "<1 ms", "1 ms", "9", "0"]);
  assert.deepEqual(row("normal").slice(2, 4), ["1", "1"]);
  assert.equal(row("normal").at(-1), "1");
  assert.deepEqual(row("batch").slice(2, 4), ["455", "5"]);
});

test("both sides show what is left of the upstream's tokens and how often it refused", () => {
  const rows = frame(tenSecondsIn(), ROOM, PLAIN).filter((line) => line.includes("input tokens"));
  assert.match(rows[0] ?? "", /░{18} {2}0 % left +upstream answered 429: 12 times$/);
  assert.match(rows[1] ?? "", /█{9}░{9} {2}50 % left +upstream answered 429: 0 times$/);
});

test("the wait of a chat message that nobody has answered yet is shown as at least its age", () => {
  const line = frame(tenSecondsIn(), ROOM, PLAIN).find((text) => text.includes("chat alone"));
  assert.match(line ?? "", /8 +0 +≥ 1\.8 s +≥ 6\.8 s +3 +0$/);
});

test("the plot is left out where the terminal is too low for it", () => {
  const low = frame(tenSecondsIn(), { columns: 80, rows: 19 }, PLAIN);
  assert.ok(low.length <= 19, `${low.length} lines`);
  const usual = frame(tenSecondsIn(), { columns: 80, rows: 23 }, PLAIN);
  assert.equal(usual.length, 23);
});

test("before anything is known a frame says that things are starting", () => {
  const state = { ...tenSecondsIn(), off: newSide("off", SCENARIO), on: newSide("on", SCENARIO), nowMs: -1 };
  assert.match(frame(state, ROOM, PLAIN)[0] ?? "", /starting/);
});

test("a plain line tells both sides' queue, the refusals of the upstream and the longest that chat has waited now", () => {
  assert.match(plainLine(tenSecondsIn()), /^ +10\.0 s +≥ 6\.8 s +431 +12 +1 ms +456 +0$/);
  const [sides, columns] = plainHead();
  assert.equal(plainLine(tenSecondsIn()).length, columns.length);
  assert.equal(sides.indexOf("lanes on"), columns.lastIndexOf("chat waits"));
});

test("a live area draws over itself, cuts long lines and leaves the terminal as it was", () => {
  const written: string[] = [];
  const area = new LiveArea({ columns: 10, write: (text: string) => written.push(text) });
  area.draw(["one", "\u001B[1mtwo is too long\u001B[22m"]);
  area.draw(["three"]);
  area.end();
  area.end();
  assert.equal(written[0], "\u001B[?25lone\u001B[K\n\u001B[1mtwo is to\u001B[0m\u001B[K\n\u001B[J");
  assert.equal(written[1], "\u001B[2A\rthree\u001B[K\n\u001B[J");
  assert.equal(written[2], "\u001B[1A\u001B[2K\r\u001B[?25h");
  assert.equal(written.length, 3);
});

test("colour is for terminals that want it", () => {
  assert.equal(showsColour({ isTTY: true }, { TERM: "xterm" }), true);
  assert.equal(showsColour({ isTTY: true }, { TERM: "xterm", NO_COLOR: "1" }), false);
  assert.equal(showsColour({ isTTY: true }, { TERM: "dumb" }), false);
  assert.equal(showsColour({}, { TERM: "xterm" }), false);
});

test("the report fits 80 columns and has the verdict, both curves and what to try next", () => {
  const side = (chatWaitMs: number, refusedUpstream: number) => ({
    streams: {
      chat: streamResult("chat", 107, chatWaitMs),
      background: streamResult("background", 38, 16),
      batch: streamResult("batch", 600, 9_000),
    },
    mostWaiting: 592,
    mostAtOnce: 8,
    chatWaits: [{ dueMs: 4_000, waitMs: chatWaitMs, atLeast: chatWaitMs > 1_000 }],
    refusedUpstream,
    budgetUsed: refusedUpstream > 0 ? 0.991 : 0.82,
  });
  const verdict = judge(SCENARIO, { off: side(14_900, 52), on: side(0.3, 0) }, { chat: 2, batch: 90 });
  const plot = waitPlot(
    SCENARIO,
    [{ dueMs: 4_000, waitMs: 14_900, atLeast: false }],
    [{ dueMs: 4_000, waitMs: 0.3, atLeast: false }],
  );
  const lines = report(
    verdict,
    plot,
    {
      svg: "laneway-demo/chat-wait.svg",
      policyOn: "laneway-demo/lanes-on.yaml",
      recording: "laneway-demo/recording.jsonl",
    },
    PLAIN,
  );
  assert.ok(
    lines.every((line) => [...line].length <= 80),
    lines.join("\n"),
  );
  const text = lines.join("\n");
  assert.match(text, /^KEPT {2}Behind 592 queued calls chat waited <1 ms \(p99\); without lanes ≥ 15 s\./);
  assert.match(text, /The upstream refused 52 tries without budgets, 0 tries with them\./);
  assert.match(text, /chat wait, p99 +≥ 15 s +<1 ms +objective < 50 ms/);
  assert.match(text, /refused by the upstream \(429\) +52 +0$/m);
  assert.match(text, /share of the token budget used +99 % +82 % +25 % kept for chat$/m);
  assert.match(text, /batch calls served +600 of 600 +600 of 600/);
  assert.match(text, /lanes off.*lanes on/);
  assert.match(text, /npx laneway gateway --policy laneway-demo\/lanes-on\.yaml/);
});

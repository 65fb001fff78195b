import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { painter } from "../../../src/cli/demo/paint.ts";
import { frame, plainTables } from "../../../src/cli/top/frame.ts";
import type { Room, View } from "../../../src/cli/top/frame.ts";
import { FIRST, press, settled } from "../../../src/cli/top/keys.ts";
import type { Act, Key, Ui } from "../../../src/cli/top/keys.ts";
import { momentOf } from "../../../src/cli/top/model.ts";
import { AT, numbers, STATE, TICK } from "./sample.ts";

const MOMENT = momentOf(STATE, TICK);
const VIEW: View = { name: "127.0.0.1:8081", state: STATE, moment: MOMENT, lost: undefined, now: AT };
const ROOM: Room = { columns: 80, rows: 24 };

/** Without the time of day, which is that of the reader's place. */
function lines(view: View, ui: Ui, room: Room = ROOM): string[] {
  const found = frame(view, ui, room, painter(false));
  assert.ok(found.length <= room.rows && found.every((line) => line.length <= room.columns));
  return found.map((line) => line.replace(/\d\d:\d\d:\d\d/, "hh:mm:ss"));
}

/** The screen after these keys, and what the last of them asks for. */
function after(
  keys: readonly (string | Key)[],
  readOnly?: string,
): { ui: Ui; act: Act | undefined; quit?: true } {
  let ui = settled(FIRST, MOMENT);
  let act: Act | undefined;
  for (const key of keys) {
    const pressed = press(ui, typeof key === "string" ? { sequence: key } : key, MOMENT, readOnly);
    if (pressed.quit === true) return { ui, act, quit: true };
    ui = settled(pressed.ui, MOMENT);
    act = pressed.act;
  }
  return { ui, act };
}

const ENTER: Key = { name: "return", sequence: "\r" };
const ESCAPE: Key = { name: "escape", sequence: "\u001B" };
const BACK: Key = { name: "backspace", sequence: "\u007F" };

test("80 by 24 has the verdict, each resource with its lanes, what is overridden, and the keys", () => {
  assert.deepEqual(lines(VIEW, settled(FIRST, MOMENT)), [
    "laneway top  127.0.0.1:8081  live  hh:mm:ss  laneway.yaml",
    "critical on http waits 180 ms at p99, its objective is 50 ms: it holds 2 of 4",
    "seats due.",
    "",
    "http  64 of 64 seats in use; limit as the policy says",
    "  LANE                 RUN  MAX   WAIT  OLDEST     P50      P99 GOT/DUE %   SHED",
    "> critical               8   64      4  210 ms    3 ms  !180 ms     13/19      0",
    "  normal                20   32     12  300 ms   60 ms   140 ms     74/75      0",
    "  bulk paused           36    0  1235k    41 s   9.0 s     38 s     26/25   123k",
    "",
    "main-db  1 of 41 seats in use, by weight; limit 41 after 64: upstream answered …",
    "  LANE                 RUN  MAX   WAIT  OLDEST     P50      P99 GOT/DUE %   SHED",
    "  critical               1   41      0       -       -        -       2/2      0",
    "  bulk                   0   41      0       -       -        -       0/0      0",
    ...Array.from({ length: 7 }, () => ""),
    "override http, lane bulk: paused, 9 min left, export storm  (1f2e3d4c)",
    "",
    "q quit  ? help  / filter  s sort  p pause  d drain  l limit  e end  space freeze",
  ]);
});

test("a wide terminal has more columns, a narrow one those that tell most, a low one what is chosen", () => {
  const ui = settled(FIRST, MOMENT);
  const titles = (columns: number): string =>
    lines(VIEW, ui, { columns, rows: 24 })
      .find((line) => line.includes("LANE "))!
      .replaceAll(/ +/g, " ");
  assert.equal(
    titles(160),
    " LANE RUN SEATS RSV MAX WAIT OLDEST P50 P99 OBJECTIVE RUN P50 GOT/DUE % A MIN SHED FAILED CANCELLED",
  );
  assert.equal(titles(60), " LANE RUN WAIT P99 GOT/DUE % SHED");
  assert.equal(titles(40), " LANE RUN WAIT P99");
  const low = { columns: 80, rows: 9 };
  assert.ok(lines(VIEW, ui, low).some((line) => line.startsWith("> critical")));
  const last = after(["j", "j", "j", "j", "j", "j"]).ui;
  assert.deepEqual(last.chosen, { resource: "main-db", lane: "bulk" });
  assert.ok(lines(VIEW, last, low).some((line) => line.startsWith("> bulk")));
  assert.equal(lines(VIEW, ui, { columns: 10, rows: 3 }).length, 3);
});

test("a filter leaves lanes and resources that are called so, a sort puts the worst first, both say so", () => {
  const names = (ui: Ui): string[] =>
    lines(VIEW, ui).flatMap(
      (line) => /^(?:[> ] (?!LANE)(\w+)|([\w-]+) {2}\d+ of)/.exec(line)?.slice(1).find(Boolean) ?? [],
    );
  assert.deepEqual(names(after(["/", "B", "u", ENTER]).ui), ["http", "bulk", "main-db", "bulk"]);
  assert.deepEqual(names(after(["/", ..."main", ENTER]).ui), ["main-db", "critical", "bulk"]);
  assert.deepEqual(names(after(["s"]).ui).slice(0, 4), ["http", "bulk", "normal", "critical"]);
  const none = after(["/", ..."nob", ENTER]).ui;
  assert.ok(
    lines(VIEW, none).includes('no lane and no resource is called "nob"; / and Enter shows all again'),
  );
  assert.ok(lines(VIEW, after(["/", "x", BACK, "b", ENTER, "s", "s"]).ui).includes('only "b", by p99'));
  assert.equal(after(["/", "b", ENTER, ESCAPE]).ui.filter, "");
  assert.equal(after(["/", "b", ESCAPE]).ui.filter, "");
});

test("no key acts by itself: pause, drain, limit and end ask first, and Escape takes them back", () => {
  const pause = after(["p"]);
  assert.deepEqual(
    [pause.act, pause.ui.prompt?.question],
    [undefined, "pause critical on http (4 wait), for"],
  );
  const screen = lines(VIEW, pause.ui);
  assert.deepEqual(screen.slice(-2), [
    "pause critical on http (4 wait), for: 10m_",
    "Enter does it, Esc does not",
  ]);
  assert.equal(after(["p", ESCAPE, ENTER]).act, undefined);
  const request = { resource: "http", lane: "critical", durationMs: 600_000 };
  assert.deepEqual(after(["p", ENTER]).act, { kind: "override", request: { ...request, state: "paused" } });
  assert.deepEqual(after(["d", BACK, BACK, BACK, ..."1h", ENTER]).act, {
    kind: "override",
    request: { ...request, state: "draining", durationMs: 3_600_000 },
  });
  assert.match(after(["p", "x", ENTER]).ui.message!, /^expected a time from 1m to 24h, found "10mx"/);
  const ctrlU: Key = { name: "u", ctrl: true, sequence: "\u0015" };
  assert.deepEqual(after(["l", ctrlU, ..."12 5", ENTER]).act, {
    kind: "override",
    request: { resource: "http", limit: 12, durationMs: 300_000 },
  });
  assert.match(after(["l", ctrlU, ..."many", ENTER]).ui.message!, /^expected seats and a duration/);
  // What is paused by an override is opened by ending that.
  const end = { kind: "end", id: "1f2e3d4c", text: "http, lane bulk: paused" };
  assert.deepEqual(after(["j", "j", "p", ENTER]).act, end);
  assert.deepEqual(after(["j", "j", "e", ENTER]).act, end);
  assert.equal(after(["j", "j", "e", BACK, BACK, BACK, ENTER]).ui.message, "nothing was changed");
  assert.equal(after(["e"]).ui.message, "there is no override of critical on http");
});

test("without a token the keys that change something say what is missing", () => {
  for (const key of ["p", "d", "l", "e"]) {
    const { ui } = after([key], "read-only: put the admin token into LANEWAY_ADMIN_TOKEN");
    assert.deepEqual(
      [ui.prompt, ui.message],
      [undefined, "read-only: put the admin token into LANEWAY_ADMIN_TOKEN"],
    );
  }
});

test("q and Ctrl-C quit, also while something is typed the latter; ? helps; space freezes", () => {
  assert.equal(after(["q"]).quit, true);
  const ctrlC: Key = { name: "c", ctrl: true, sequence: "\u0003" };
  assert.equal(after(["/", ctrlC]).quit, true);
  assert.equal(after(["/", "q"]).ui.prompt?.text, "q");
  assert.ok(lines(VIEW, after(["?"]).ui).some((line) => line.includes("q        quit")));
  assert.equal(after(["?", "?"]).ui.help, false);
  const frozen = after([" "]).ui;
  assert.equal(frozen.frozen, MOMENT);
  assert.match(lines(VIEW, frozen)[0]!, /FROZEN/);
  assert.equal(after([" ", " "]).ui.frozen, undefined);
});

test("shadow mode, a refused edit and a feed that is lost are said on top", () => {
  const state = { ...STATE, enforced: false, refusedEdit: "laneway.yaml:7:5 error unknown key" };
  const lost = "http://127.0.0.1:8081/ has ended its feed; asking again each second";
  const top = lines({ ...VIEW, state, lost, now: AT + 7_000 }, FIRST).slice(0, 4);
  assert.deepEqual(top, [
    "laneway top  127.0.0.1:8081  LOST 7 s ago  hh:mm:ss  laneway.yaml",
    lost,
    "SHADOW MODE: everything is decided and counted, nothing is held back",
    "the last edit was refused: laneway.yaml:7:5 error unknown key",
  ]);
});

test("what comes from elsewhere commands no terminal", () => {
  const evil = "\u001B]0;owned\u0007\u001B[2J\u202E";
  const state = {
    ...STATE,
    resources: [{ ...STATE.resources[0]!, name: evil, lanes: [evil, evil, evil], limitReason: evil }],
    refusedEdit: evil,
    file: evil,
    overrides: [{ ...STATE.overrides[0]!, text: evil, note: evil }],
  };
  const moment = momentOf(state, {
    ...TICK,
    verdict: { level: "ok", text: evil },
    resources: TICK.resources.slice(0, 1),
  });
  const view = { ...VIEW, state, moment, lost: evil };
  for (const text of [...frame(view, settled(FIRST, moment), ROOM, painter(false)), ...plainTables(moment)])
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    assert.doesNotMatch(text, /[\u0000-\u001F\u007F-\u009F\u202E]/);
});

test("a missed objective has a mark beside its colour, and a tick of another shape than the state is left out", () => {
  const coloured = frame(VIEW, settled(FIRST, MOMENT), ROOM, painter(true));
  const line = coloured.find((one) => one.includes("critical "))!;
  assert.ok(
    coloured.some(
      (one) => one.startsWith("\u001B[31m") && stripVTControlCharacters(one).startsWith("> critical"),
    ),
    line,
  );
  const odd = momentOf(STATE, { ...TICK, resources: [{ limit: 1, seats: 0, lanes: [numbers({})] }] });
  assert.deepEqual(odd.resources, []);
});

/** The picture: lines made from what is known and what was typed, and nothing else. */

import type { State } from "../../admin/wire.ts";
import type { Paint } from "../demo/paint.ts";
import type { Ui } from "./keys.ts";
import { arranged } from "./model.ts";
import type { LaneRow, Moment, ResourceRows } from "./model.ts";
import { laneLine, layoutFor, missed, resourceLine, titles } from "./table.ts";
import { clean, fit, timeLeft } from "./words.ts";

/** All that a frame shows. */
export interface View {
  /** Where the feed comes from. */
  readonly name: string;
  readonly state: State | undefined;
  readonly moment: Moment | undefined;
  /** Undefined while it ticks; else what is wrong, in words. */
  readonly lost: string | undefined;
  /** Milliseconds of the calendar's clock. */
  readonly now: number;
}

/** Room to draw in. */
export interface Room {
  readonly columns: number;
  readonly rows: number;
}

const HELP = [
  "  up down k j   choose a lane            q        quit",
  "  /             show only lanes and      s        sort: policy, waiting, p99,",
  "                resources called so               shed, share that is lacking",
  "  space         freeze the picture       ?        this help",
  "",
  "  p   pause the lane: newcomers queue    l        limit of the resource",
  "  d   drain it: newcomers are refused    e        end the override",
  "",
  "  Every change ends by itself, in ten minutes unless you type another time.",
  "  Changes take the admin token, in LANEWAY_ADMIN_TOKEN.",
  "",
  "  GOT/DUE %  the part of the seats that the lane held in the last ten seconds,",
  "             and what it was due by what it wanted and what the policy says",
  "  P99        only one wait of a hundred was longer; ! when past its objective",
];

/** Never wider than the room, never higher. */
export function frame(view: View, ui: Ui, room: Room, paint: Paint): string[] {
  const { columns, rows } = room;
  const cut = (text: string): string => fit(text, columns).trimEnd();
  const head = [paint.bold(cut(headline(view, ui))), ...verdictLines(view, room, paint)];
  const foot = footLines(view, ui, room, paint);
  const left = Math.max(0, rows - head.length - foot.length);
  const body = ui.help ? HELP.map(cut) : bodyLines(view, ui, room, paint);
  const chosen = ui.help ? 0 : body.findIndex((line) => line.includes(CHOSEN_AT));
  // What is chosen stays in sight.
  const from = Math.max(0, Math.min(chosen - Math.floor(left / 2), body.length - left));
  const shown = body.slice(from, from + left).map((line) => line.replace(CHOSEN_AT, ""));
  while (shown.length < left) shown.push("");
  return [...head, ...shown, ...foot].slice(0, rows);
}

const CHOSEN = "> ";
/** Marks the chosen line before it is shown: styles may stand at its start. */
const CHOSEN_AT = "\u0000";

function headline({ name, state, moment, lost, now }: View, ui: Ui): string {
  const at = moment === undefined ? "" : new Date(moment.at).toTimeString().slice(0, 8);
  const file = state?.file == null ? "" : `  ${clean(state.file)}`;
  const how =
    lost !== undefined ? "LOST" : ui.frozen !== undefined ? "FROZEN" : moment === undefined ? "..." : "live";
  const ago =
    lost === undefined || moment === undefined
      ? ""
      : ` ${Math.max(0, Math.round((now - moment.at) / 1_000))} s ago`;
  return `laneway top  ${name}  ${how}${ago}  ${at}${file}`;
}

function verdictLines({ moment, lost, state }: View, { columns }: Room, paint: Paint): string[] {
  const lines: string[] = [];
  if (lost !== undefined) lines.push(paint.bad(fit(clean(lost).trim(), columns).trimEnd()));
  if (state?.enforced === false)
    lines.push(
      paint.off(
        fit("SHADOW MODE: everything is decided and counted, nothing is held back", columns).trimEnd(),
      ),
    );
  if (state?.refusedEdit != null)
    lines.push(paint.off(fit(`the last edit was refused: ${clean(state.refusedEdit)}`, columns).trimEnd()));
  if (moment !== undefined) {
    const { level, text } = moment.verdict;
    const style = level === "ok" ? paint.good : level === "missed" ? paint.bad : paint.off;
    lines.push(...wrapped(text, columns, 2).map(style));
  }
  return [...lines, ""];
}

function bodyLines({ moment }: View, ui: Ui, { columns }: Room, paint: Paint): string[] {
  if (moment === undefined) return ["waiting for the first tick"];
  const resources = arranged(moment.resources, ui);
  if (resources.length === 0)
    return [
      moment.resources.length === 0
        ? "no resource yet: add one to the policy"
        : `no lane and no resource is called "${ui.filter}"; / and Enter shows all again`,
    ];
  const layout = layoutFor(columns - CHOSEN.length);
  return resources.flatMap((resource) => [
    paint.bold(fit(resourceLine(resource), columns).trimEnd()),
    paint.dim(`  ${titles(layout)}`),
    ...resource.lanes.map((lane) => {
      const chosen = ui.chosen?.resource === resource.name && ui.chosen.lane === lane.name;
      const line = fit(laneLine(layout, lane), columns - CHOSEN.length);
      return `${chosen ? CHOSEN_AT : ""}${styled(`${chosen ? CHOSEN : "  "}${line}`.trimEnd(), lane, paint)}`;
    }),
    "",
  ]);
}

function styled(line: string, lane: LaneRow, paint: Paint): string {
  if (missed(lane)) return paint.bad(line);
  return lane.state === "open" ? line : paint.off(line);
}

const OVERRIDES_MOST = 3;
const KEYS = "q quit  ? help  / filter  s sort  p pause  d drain  l limit  e end  space freeze";

function footLines({ moment, now }: View, ui: Ui, { columns }: Room, paint: Paint): string[] {
  const overrides = moment?.overrides ?? [];
  const lines = overrides
    .slice(-OVERRIDES_MOST)
    .map(({ id, text, until, note }) =>
      paint.off(
        fit(
          `override ${text}, ${timeLeft(until, now)}${note === null ? "" : `, ${note}`}  (${id})`,
          columns,
        ).trimEnd(),
      ),
    );
  if (overrides.length > OVERRIDES_MOST)
    lines.unshift(paint.off(`${overrides.length} overrides; the last are:`));
  if (ui.prompt !== undefined) {
    const { question, text } = ui.prompt;
    return [
      ...lines,
      paint.on(fit(`${question}: ${text}_`, columns).trimEnd()),
      paint.dim(fit("Enter does it, Esc does not", columns).trimEnd()),
    ];
  }
  const how = [ui.filter === "" ? "" : `only "${ui.filter}"`, ui.sort === "policy" ? "" : `by ${ui.sort}`];
  const said = ui.message ?? how.filter(Boolean).join(", ");
  return [...lines, fit(said, columns).trimEnd(), paint.dim(fit(KEYS, columns).trimEnd())];
}

/** A sentence on so many lines at most. */
function wrapped(text: string, columns: number, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  const kept = lines.slice(0, most);
  if (lines.length > most) kept[most - 1] = `${kept[most - 1]!} \u2026`;
  return kept.map((one) => fit(one, columns).trimEnd());
}

/** Everything as plain text, for a pipe and a log. */
export function plainTables(moment: Moment): string[] {
  const layout = layoutFor(78);
  const table = (resource: ResourceRows): string[] => [
    "",
    resourceLine(resource),
    `  ${titles(layout)}`,
    ...resource.lanes.map((lane) => `  ${laneLine(layout, lane)}`.trimEnd()),
  ];
  return [moment.verdict.text, ...moment.resources.flatMap(table)];
}

/** What a key does: the next state of the screen and, for some, an act. No key acts without a second one. */

import type { OverrideRequest } from "../../policy/overrides.ts";
import { parseDuration } from "../../policy/units.ts";
import { arranged, overrideOf, SORTS } from "./model.ts";
import type { Moment, ResourceRows, Sort } from "./model.ts";

/** A lane of a resource. */
export interface Chosen {
  readonly resource: string;
  readonly lane: string;
}

/** A line that is being typed. */
export interface Prompt {
  readonly question: string;
  readonly text: string;
  /** What to do with it, or what is wrong with it, in words; undefined: it filters. */
  readonly act?: (text: string) => Act | string;
}

/** What is to be sent. */
export type Act =
  | { readonly kind: "override"; readonly request: OverrideRequest }
  | { readonly kind: "end"; readonly id: string; readonly text: string };

/** The screen, as far as keys change it. */
export interface Ui {
  readonly filter: string;
  readonly sort: Sort;
  readonly help: boolean;
  /** The moment that is shown instead of the last one. */
  readonly frozen: Moment | undefined;
  readonly chosen: Chosen | undefined;
  readonly prompt: Prompt | undefined;
  readonly message: string | undefined;
}

/** A key as `readline` names it. */
export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
}

/** What came of a key. */
export interface Pressed {
  readonly ui: Ui;
  readonly act?: Act;
  readonly quit?: true;
  readonly suspend?: true;
}

/** How the screen begins. */
export const FIRST: Ui = {
  filter: "",
  sort: "policy",
  help: false,
  frozen: undefined,
  chosen: undefined,
  prompt: undefined,
  message: undefined,
};

const TYPED_MOST = 60;

/** `readOnly` says why nothing may be changed from here; undefined when something may. */
export function press(ui: Ui, key: Key, moment: Moment | undefined, readOnly: string | undefined): Pressed {
  if (key.ctrl === true && key.name === "c") return { ui, quit: true };
  if (key.ctrl === true && key.name === "z") return { ui, suspend: true };
  if (ui.prompt !== undefined) return typed(ui, ui.prompt, key);
  const quiet = { ...ui, message: undefined };
  const shown = ui.frozen ?? moment;
  switch (key.sequence) {
    case "q":
      return { ui, quit: true };
    case "?":
      return { ui: { ...quiet, help: !ui.help } };
    case "/":
      return {
        ui: {
          ...quiet,
          help: false,
          prompt: { question: "only lanes and resources called", text: ui.filter },
        },
      };
    case "s":
      return { ui: { ...quiet, sort: SORTS[(SORTS.indexOf(ui.sort) + 1) % SORTS.length]! } };
    case " ":
      return { ui: { ...quiet, frozen: ui.frozen === undefined ? moment : undefined } };
    case "p":
    case "d":
    case "l":
    case "e":
      return { ui: asked(quiet, key.sequence, shown, readOnly) };
    default:
      break;
  }
  if (key.name === "escape") return { ui: { ...quiet, help: false, filter: ui.help ? ui.filter : "" } };
  const step =
    key.name === "down" || key.sequence === "j" ? 1 : key.name === "up" || key.sequence === "k" ? -1 : 0;
  return { ui: step === 0 || shown === undefined ? ui : { ...quiet, chosen: moved(ui, shown, step) } };
}

/** Keeps the choice on a lane that is shown. */
export function settled(ui: Ui, moment: Moment): Ui {
  const lanes = shownLanes(ui, ui.frozen ?? moment);
  const isThere = lanes.some((one) => isSame(one, ui.chosen));
  return isThere ? ui : { ...ui, chosen: lanes[0] };
}

function shownLanes(ui: Ui, moment: Moment): Chosen[] {
  return arranged(moment.resources, ui).flatMap(({ name, lanes }) =>
    lanes.map((lane) => ({ resource: name, lane: lane.name })),
  );
}

function isSame(a: Chosen, b: Chosen | undefined): boolean {
  return a.resource === b?.resource && a.lane === b.lane;
}

function moved(ui: Ui, moment: Moment, step: number): Chosen | undefined {
  const lanes = shownLanes(ui, moment);
  const at = lanes.findIndex((one) => isSame(one, ui.chosen));
  return lanes[Math.max(0, Math.min(lanes.length - 1, at + step))];
}

function typed(ui: Ui, prompt: Prompt, key: Key): Pressed {
  const with_ = (text: string): Pressed => ({ ui: { ...ui, prompt: { ...prompt, text } } });
  if (key.name === "escape") return { ui: { ...ui, prompt: undefined } };
  if (key.name === "backspace") return with_(prompt.text.slice(0, -1));
  if (key.ctrl === true && key.name === "u") return with_("");
  if (key.name === "return" || key.name === "enter") {
    const done = { ...ui, prompt: undefined };
    if (prompt.act === undefined) return { ui: { ...done, filter: prompt.text } };
    const act = prompt.act(prompt.text.trim());
    return typeof act === "string" ? { ui: { ...done, message: act } } : { ui: done, act };
  }
  const char = key.sequence ?? "";
  if (key.ctrl === true || key.meta === true || !/^[ -~\u00A1-\uFFFD]$/.test(char)) return { ui };
  return prompt.text.length < TYPED_MOST ? with_(prompt.text + char) : { ui };
}

function asked(
  ui: Ui,
  key: "p" | "d" | "l" | "e",
  moment: Moment | undefined,
  readOnly: string | undefined,
): Ui {
  if (readOnly !== undefined) return { ...ui, message: readOnly };
  const resource = moment?.resources.find(({ name }) => name === ui.chosen?.resource);
  if (moment === undefined || resource === undefined)
    return { ...ui, message: "choose a lane first: up, down" };
  const prompt =
    key === "l"
      ? limitPrompt(resource)
      : key === "e"
        ? endPrompt(moment, ui.chosen!)
        : statePrompt(key, moment, resource, ui.chosen!.lane);
  return typeof prompt === "string" ? { ...ui, message: prompt } : { ...ui, prompt };
}

function statePrompt(
  key: "p" | "d",
  moment: Moment,
  { name: resource, lanes }: ResourceRows,
  lane: string,
): Prompt {
  const { state = "open", waiting = 0 } = lanes.find(({ name }) => name === lane) ?? {};
  const wanted = key === "p" ? "paused" : "draining";
  const before = overrideOf(moment.overrides, resource, lane);
  if (state === wanted && before?.text.endsWith(`: ${wanted}`) === true)
    return ending(before.id, before.text);
  const next = state === wanted ? "open" : wanted;
  const verb = next === "open" ? "open" : key === "p" ? "pause" : "drain";
  const wait = waiting === 0 ? "nobody waits" : `${waiting} ${waiting === 1 ? "waits" : "wait"}`;
  return {
    question: `${verb} ${lane} on ${resource} (${wait}), for`,
    text: "10m",
    act: (text) => forTime(text, (durationMs) => ({ resource, lane, state: next, durationMs })),
  };
}

function limitPrompt({ name: resource, limit }: ResourceRows): Prompt {
  return {
    question: `limit of ${resource} (now ${limit}), seats and how long`,
    text: `${limit} 10m`,
    act: (text) => {
      const [seats = "", duration = "10m", ...rest] = text.split(/\s+/);
      if (!/^\d+$/.test(seats) || Number(seats) < 1 || rest.length > 0)
        return `expected seats and a duration, such as "4 10m", found "${text}"`;
      return forTime(duration, (durationMs) => ({ resource, limit: Number(seats), durationMs }));
    },
  };
}

function endPrompt({ overrides }: Moment, { resource, lane }: Chosen): Prompt | string {
  const found = overrideOf(overrides, resource, lane) ?? overrideOf(overrides, resource, undefined);
  return found === undefined
    ? `there is no override of ${lane} on ${resource}`
    : ending(found.id, found.text);
}

function ending(id: string, text: string): Prompt {
  return {
    question: `end the override ${text}; yes or no`,
    text: "yes",
    act: (said) => (/^y(es)?$/i.test(said) ? { kind: "end", id, text } : "nothing was changed"),
  };
}

function forTime(text: string, request: (durationMs: number) => OverrideRequest): Act | string {
  const durationMs = parseDuration(/^\d+$/.test(text) ? `${text}m` : text);
  if (durationMs === undefined || durationMs < 60_000 || durationMs > 86_400_000)
    return `expected a time from 1m to 24h, found "${text}"; nothing was changed`;
  return { kind: "override", request: request(durationMs) };
}

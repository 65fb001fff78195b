/** Keys for whoever has no hand free for a mouse: the ones that `top` and k9s have. */

import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { beginChange } from "./change.tsx";
import type { Kind } from "./changes.ts";
import { togglePause } from "./live.ts";
import { searchWanted } from "./requests.tsx";
import { addressOf, goTo, route, VIEWS } from "./route.ts";

/** Whether the list of keys is open. */
export const helping: Signal<boolean> = signal(false);
/** Single keys can be in the way of whoever speaks to the browser. */
export const keysOn: Signal<boolean> = signal(true);

/** What each key does, for the list. */
export const KEYS: readonly (readonly [string, string])[] = [
  ["1 2 3 4", "Lanes, Resources, Requests, Policy"],
  ["/", "find a request"],
  ["j k", "next and previous row"],
  ["Enter", "requests of the lane, or the way of the request"],
  ["p d r l", "on a lane: pause, drain, reservation, limit"],
  ["Space", "pause the updates, and go on"],
  ["?", "this list"],
  ["Esc", "close"],
];

const CHANGES: Readonly<Record<string, Kind>> = { p: "pause", d: "drain", r: "reservation", l: "limit" };

/** Listens from here on. */
export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return;
    // A dialog that has just closed may hold the focus until the next frame.
    const closing = target.closest("dialog:not([open])") !== null;
    if (!closing && target.closest("input, select, textarea, dialog") !== null) return;
    if (keysOn.value && act(key, target)) event.preventDefault();
  });
}

function act(key: string, target: HTMLElement): boolean {
  const view = VIEWS[Number(key) - 1];
  const change = CHANGES[key];
  if (view !== undefined) goTo(addressOf(view));
  else if (key === "/") find();
  else if (key === "?") helping.value = true;
  else if (key === "j" || key === "k") return step(target, key === "j" ? 1 : -1);
  else if (key === " " && target.closest("button, a, summary") === null) togglePause();
  else if (change !== undefined) return changeRow(target, change);
  else return false;
  return true;
}

function find(): void {
  searchWanted.value = true;
  if (route.value.view !== "requests") goTo(addressOf("requests"));
}

function step(target: HTMLElement, by: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row.contains(target));
  const next = at < 0 ? rows[by === 1 ? 0 : rows.length - 1] : rows[at + by];
  next?.querySelector<HTMLElement>("a, button")?.focus();
  return next !== undefined;
}

function changeRow(target: HTMLElement, kind: Kind): boolean {
  const { resource, lane } = target.closest<HTMLElement>("[data-lane]")?.dataset ?? {};
  if (resource === undefined || lane === undefined) return false;
  beginChange(kind === "limit" ? { resource } : { resource, lane }, kind);
  return true;
}

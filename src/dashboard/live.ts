/**
 * What the page knows: begun with what came inside the HTML, kept up by one stream of events. It keeps five minutes
 * and no more, catches up after a break, and closes the stream while nobody looks, for a browser opens only six to a host.
 * Where the page is served the same is begun for each page that is drawn there, and nothing follows.
 */

import { computed, signal } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import { isSignedIn, readState, Refused } from "./api.ts";
import { merged, readableUnder, withTick } from "./history.ts";
import type { BudgetState, Snapshot, State, Tick } from "../admin/wire.ts";

/** How the stream is. */
export type Connection = "opening" | "live" | "lost";

/** All that is shown; while the updates are paused, as it was then. */
export interface Shown {
  readonly state: State | null;
  readonly ticks: readonly Tick[];
  readonly budgets: readonly BudgetState[];
}

const STALE_MS = 3_500;
/** Where the stream ended for good, an error status say, the browser does not try again; we do. */
const RETRY_MS = 3_000;

/** What is known before anything is. */
export const NOTHING: Snapshot = { state: null, ticks: [], budgets: [] };
const data: Signal<Shown> = signal(NOTHING);
const frozen = signal<Shown | null>(null);

/** What to show. */
export const shown: ReadonlySignal<Shown> = computed(() => frozen.value ?? data.value);
/** Whether the updates are paused. */
export const paused: ReadonlySignal<boolean> = computed(() => frozen.value !== null);
export const connection: Signal<Connection> = signal("opening");
/** Whether this browser may act. */
export const signedIn: Signal<boolean> = signal(false);
/** Whether the server shows nothing to who has no session. */
export const locked: Signal<boolean> = signal(true);
/** The page's own clock, once a second. */
export const now: Signal<number> = signal(0);
const heardAt = signal(0);
/** Seconds since the last news; 0 while they come as they should. */
export const silentSeconds: ReadonlySignal<number> = computed(() => {
  const silent = now.value - heardAt.value;
  return heardAt.value === 0 || silent < STALE_MS ? 0 : Math.round(silent / 1_000);
});

/** Begins with what there is now. */
export function begin(snapshot: Snapshot): void {
  data.value = snapshot;
  locked.value = snapshot.state === null;
  now.value = Date.now();
  heardAt.value = snapshot.ticks.length === 0 ? 0 : now.value;
}

/** What came inside the HTML. */
export function inside(): Snapshot {
  const text = document.getElementById("laneway-data")?.textContent ?? "null";
  // An hour later nobody needs what the page began with.
  document.getElementById("laneway-data")?.remove();
  return (JSON.parse(text) as Snapshot | null) ?? NOTHING;
}

/** Pauses the updates, or goes on with what has come meanwhile. */
export function togglePause(): void {
  frozen.value = frozen.value === null ? data.value : null;
}

let events: EventSource | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;

/** Follows the server from here on. */
export function follow(): void {
  setInterval(() => {
    now.value = Date.now();
  }, 1_000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") close();
    else if (events === undefined) open({ catchUp: true });
  });
  if (!locked.value) open({ catchUp: data.value.ticks.length === 0 });
}

/** Asks whether there is a session: one ends with the process that began it. */
export async function refreshSession(): Promise<void> {
  signedIn.value = await isSignedIn().catch(() => false);
}

/** Begins anew after somebody has signed in. */
export async function unlock(): Promise<void> {
  signedIn.value = true;
  if (!locked.value) return;
  await catchUp();
  locked.value = false;
  open({ catchUp: false });
}

function close(): void {
  events?.close();
  events = undefined;
  clearTimeout(retry);
}

function open({ catchUp: behind }: { readonly catchUp: boolean }): void {
  close();
  let missed = behind;
  const source = new EventSource("api/events");
  events = source;
  source.addEventListener("open", () => {
    connection.value = "live";
    if (missed) void catchUp().catch(() => undefined);
    missed = true;
    void refreshSession();
  });
  source.addEventListener("state", ({ data: text }: MessageEvent<string>) =>
    take({ state: JSON.parse(text) as State }),
  );
  source.addEventListener("budgets", ({ data: text }: MessageEvent<string>) =>
    take({ budgets: JSON.parse(text) as BudgetState[] }),
  );
  source.addEventListener("tick", ({ data: text }: MessageEvent<string>) => {
    heardAt.value = now.value = Date.now();
    const tick = JSON.parse(text) as Tick | null;
    if (tick !== null && tick.at !== data.value.ticks.at(-1)?.at)
      take({ ticks: withTick(data.value.ticks, tick) });
  });
  source.addEventListener("error", () => {
    connection.value = "lost";
    if (source.readyState !== EventSource.CLOSED) return;
    close();
    retry = setTimeout(() => void again(), RETRY_MS);
  });
}

/** Too many pages are open, or the session is over: the first of the two still gets what there is, every few seconds. */
async function again(): Promise<void> {
  await catchUp().catch(() => undefined);
  if (!locked.value) open({ catchUp: false });
}

function take(news: Partial<Shown>): void {
  const next = { ...data.value, ...news };
  const ticks = readableUnder(next.ticks, data.value.state, next.state);
  data.value = { ...next, ticks };
  if (ticks !== next.ticks) frozen.value = null;
}

async function catchUp(): Promise<void> {
  try {
    const { state, ticks, budgets } = await readState();
    take({ state });
    take({ budgets, ticks: merged(data.value.ticks, ticks) });
  } catch (error) {
    if (error instanceof Refused && error.status === 401) locked.value = true;
    throw error;
  }
}

/** Where the page is: all of it in the hash, so that it can be mounted anywhere and every view has an address to share. */

import { computed, signal } from "@preact/signals";
import type { ReadonlySignal } from "@preact/signals";

/** The views, in the order of their keys. */
export const VIEWS = ["lanes", "resources", "requests", "policy"] as const;

/** One of them. */
export type View = (typeof VIEWS)[number];

/** What an address says. */
export interface Route {
  readonly view: View;
  readonly query: URLSearchParams;
}

/** The address has no place where the page is served: what is drawn there is the first view. */
const hash = signal("");

/** Goes where the address says, from here on. */
export function followAddress(): void {
  const read = (): void => {
    hash.value = location.hash;
  };
  addEventListener("hashchange", read);
  read();
}

/** Where the page is now. */
export const route: ReadonlySignal<Route> = computed(() => {
  const [name, query] = hash.value.replace(/^#\/?/, "").split("?", 2);
  return { view: VIEWS.find((view) => view === name) ?? "lanes", query: new URLSearchParams(query ?? "") };
});

/** Whether that is the first view as it is without an address: what the server has drawn. */
export function isFirstView(): boolean {
  const { view, query } = route.value;
  return view === VIEWS[0] && query.size === 0;
}

/** The address of a view. */
export function addressOf(view: View, query: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  return `#/${view}${given.length === 0 ? "" : `?${new URLSearchParams(given)}`}`;
}

/** Goes there. `replace`: without a step to go back to, for what is typed. */
export function goTo(address: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (!replace) location.hash = address;
  else {
    history.replaceState(null, "", address);
    hash.value = location.hash;
  }
}

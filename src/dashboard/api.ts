/** What the page asks of the server. All addresses are relative: it may be mounted at any path. */

import type { OverrideRequest } from "../policy/overrides.ts";
import type { Journey, ShownOverride, Snapshot } from "../admin/wire.ts";

/** A refusal, with what the server said. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One change that somebody made or tried to make. */
export interface AuditEntry {
  readonly at: number;
  readonly from: string;
  readonly action: string;
  readonly result: string;
}

/** Which journeys to look for. */
export interface JourneySearch {
  readonly text: string;
  readonly lane: string;
  readonly resource: string;
  readonly outcome: string;
}

const JOURNEYS_SHOWN = 100;

async function ask<T>(path: string, method = "GET", body?: unknown): Promise<T> {
  const response = await fetch(path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Refused(0, "the server does not answer; the page tries again by itself");
  });
  const value = (await response.json().catch(() => ({}))) as T & { readonly error?: string };
  if (response.ok) return value;
  throw new Refused(response.status, value.error ?? `the server answered ${response.status}`);
}

/** All that the page begins with. */
export function readState(): Promise<Snapshot> {
  return ask("api/state");
}

/** The newest journeys that match. */
export async function findJourneys(search: JourneySearch): Promise<readonly Journey[]> {
  const query = new URLSearchParams({ limit: String(JOURNEYS_SHOWN) });
  for (const [name, value] of Object.entries(search)) if (value !== "") query.set(name, value);
  return (await ask<{ journeys: readonly Journey[] }>(`api/journeys?${query}`)).journeys;
}

/** Newest first. */
export async function readAudit(): Promise<readonly AuditEntry[]> {
  return (await ask<{ entries: readonly AuditEntry[] }>("api/audit")).entries;
}

/** Whether this browser has a session. */
export async function isSignedIn(): Promise<boolean> {
  return (await ask<{ signedIn: boolean }>("api/session")).signedIn;
}

/** Begins a session; the cookie that holds it is not for scripts. */
export async function signIn(token: string): Promise<void> {
  await ask("api/session", "POST", { token });
}

/** Puts a change in force for a time. */
export function override(request: OverrideRequest): Promise<ShownOverride> {
  return ask("api/overrides", "POST", request);
}

/** Ends one before its time. */
export async function endOverride(id: string): Promise<void> {
  await ask(`api/overrides?id=${encodeURIComponent(id)}`, "DELETE");
}

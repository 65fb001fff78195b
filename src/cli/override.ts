/** `laneway override`: what an operator changes for a time, through the admin port of what runs. */

import type { ShownOverride, Snapshot } from "../admin/wire.ts";
import { AdminError, adminPortOf } from "./live/admin-port.ts";
import type { AdminPort, AdminPortOptions } from "./live/admin-port.ts";
import { data, talk } from "./output.ts";
import { clean, timeLeft } from "./top/words.ts";

/** What the command line may say. */
export interface OverrideCommandOptions extends AdminPortOptions {
  readonly lane?: string;
  readonly limit?: number;
  readonly reservation?: number | string;
  readonly state?: "open" | "paused" | "draining";
  /** Milliseconds. */
  readonly for?: number;
  readonly note?: string;
  readonly end?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

const DEFAULT_MS = 10 * 60_000;

/** Returns the exit code: 0 done, 1 refused or not reached, 2 usage. */
export async function overrideCommand(
  resource: string | undefined,
  options: OverrideCommandOptions,
): Promise<number> {
  const wrong = wrongIn(resource, options);
  if (wrong !== undefined) return usage(wrong);
  const port = await adminPortOf(options);
  if (typeof port === "string") return usage(port);
  try {
    if (options.list === true) await list(port, options.json === true);
    else if (options.end !== undefined) await end(port, options.end, options.json === true);
    else await make(port, resource!, options);
    return 0;
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    talk(`laneway override: ${clean(error.message, true)}`);
    return 1;
  }
}

function wrongIn(resource: string | undefined, options: OverrideCommandOptions): string | undefined {
  const { limit, reservation, state, lane, end: id } = options;
  const changes = [limit, reservation, state].filter((change) => change !== undefined).length;
  if (options.list === true || id !== undefined) {
    const alone = resource === undefined && changes === 0 && !(options.list === true && id !== undefined);
    return alone ? undefined : "--list and --end ID stand alone";
  }
  if (resource === undefined) return "expected the resource to change, or --list, or --end ID";
  if (changes !== 1) return "expected exactly one of --limit, --reservation and --state";
  if (limit !== undefined && lane !== undefined)
    return "--limit is the resource's, without --lane; a lane has --reservation and --state";
  if (limit === undefined && lane === undefined) return "expected --lane: whose reservation or state it is";
  return undefined;
}

async function make(port: AdminPort, resource: string, options: OverrideCommandOptions): Promise<void> {
  const { lane, limit, reservation, state, note, json } = options;
  const request = { resource, lane, limit, reservation, state, note, durationMs: options.for ?? DEFAULT_MS };
  const made = await port.ask<ShownOverride>("POST", "api/overrides", request);
  if (json === true) return data(JSON.stringify(made));
  data(`${clean(made.text)}, ${timeLeft(made.until, Date.now())}`);
  talk(`end it before: ${clean(made.command)}`);
}

async function end(port: AdminPort, id: string, json: boolean): Promise<void> {
  const ended = await port.ask<{ readonly ended: string }>(
    "DELETE",
    `api/overrides?id=${encodeURIComponent(id)}`,
  );
  data(json ? JSON.stringify(ended) : `override ${clean(id)} has ended: what the policy says is in force`);
}

async function list(port: AdminPort, json: boolean): Promise<void> {
  const { state } = await port.ask<Snapshot>("GET", "api/state");
  const overrides = state?.overrides ?? [];
  if (json) return data(JSON.stringify(overrides));
  if (overrides.length === 0) talk("no override is in force");
  for (const { id, text, until, note } of overrides) {
    const why = note === null ? "" : `  (${clean(note)})`;
    data(`${clean(id).padEnd(10)}${clean(text)}, ${timeLeft(until, Date.now())}${why}`);
  }
}

function usage(problem: string): number {
  talk(`laneway override: ${problem}`);
  return 2;
}

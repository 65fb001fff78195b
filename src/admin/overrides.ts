/** Changes for a time, as an operator sees and types them. */

import type { Override } from "../policy/overrides.ts";
import type { ShownOverride } from "./wire.ts";

/** The command that makes the same change. */
export function commandOf({
  resource,
  lane,
  limit,
  reservation,
  state,
  durationMs,
}: Omit<Override, "id" | "since" | "until">): string {
  const change =
    limit !== undefined
      ? `--limit ${limit}`
      : `--lane ${quoted(lane!)} ${reservation !== undefined ? `--reservation ${reservation}` : `--state ${state}`}`;
  return `laneway override ${quoted(resource)} ${change} --for ${Math.ceil(durationMs / 60_000)}m`;
}

export function shownOverride(override: Override): ShownOverride {
  return {
    id: override.id,
    text: textOf(override),
    until: override.until,
    note: override.note ?? null,
    command: `laneway override --end ${override.id}`,
  };
}

/** "db, lane bulk: paused". */
export function textOf({ resource, lane, limit, reservation, state }: Override): string {
  const change =
    limit !== undefined ? `limit ${limit}` : reservation !== undefined ? `reservation ${reservation}` : state;
  return `${resource}${lane === undefined ? "" : `, lane ${lane}`}: ${change}`;
}

function quoted(word: string): string {
  return /^[\w.@%+=:,/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

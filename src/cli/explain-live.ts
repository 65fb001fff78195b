/** `laneway explain --live`: where a request would stand now, asked of what runs. */

import type { ShownForecast } from "../admin/wire.ts";
import { AdminError, adminPortOf } from "./live/admin-port.ts";
import type { AdminPortOptions } from "./live/admin-port.ts";
import { clean, duration } from "./top/words.ts";

/**
 * What would become of a request with this lane and flow.
 *
 * @throws AdminError when nobody can say.
 */
export async function forecastFor(
  { resource, lane, flow }: { readonly resource: string; readonly lane: string; readonly flow: string },
  options: AdminPortOptions,
): Promise<ShownForecast> {
  const port = await adminPortOf(options);
  if (typeof port === "string") throw new AdminError(port);
  const query = new URLSearchParams({ resource, lane, flow });
  return await port.ask("GET", `api/forecast?${query.toString()}`);
}

const WHY: Readonly<Record<string, string>> = {
  "lane-full": "its lane's queue is full",
  "flow-share": "its lane's queue is full, and its flow holds most of it",
  "resource-full": "the resource's queue is full, and no lower lane waits",
  predicted: "it could not be done within its lane's time-out",
  draining: "draining: nothing new is taken",
  memory: "the process is short of memory",
};

/** "would wait about 340 ms: up to 3 of its lane go before it". */
export function forecastText({
  outcome,
  reason,
  lane,
  position,
  waitMs,
  queueTimeoutMs,
}: ShownForecast): string {
  if (outcome === "starts") return "would start at once";
  if (outcome === "refused") {
    const wait = waitMs === null ? "" : `; it would wait about ${duration(waitMs)}`;
    return `would be refused: ${WHY[reason ?? ""] ?? clean(reason ?? "no reason given")}${wait}`;
  }
  const before =
    position === 0
      ? "as the first of its lane"
      : `up to ${position} of its lane ${position === 1 ? "goes" : "go"} before it`;
  if (reason === "paused")
    return `would wait until lane ${clean(lane)} is opened again: it is paused; ${before}`;
  if (waitMs === null)
    return `would wait, ${before}; for how long nobody knows before something has ended there`;
  const tooLong = waitMs > queueTimeoutMs ? `; its lane gives it up after ${duration(queueTimeoutMs)}` : "";
  return `would wait about ${duration(waitMs)}, ${before}${tooLong}`;
}

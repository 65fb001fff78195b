/** A stand-in in a process of its own. */

import { serveParent } from "../child.ts";
import { startStandIn } from "./stand-in.ts";
import type { StandIn, StandInStats } from "./stand-in.ts";

/** What the parent says: once how to start, then whenever it wants to know how things stand. */
export type StandInCommand =
  | { readonly type: "start"; readonly atOnce: number; readonly runMs: number }
  | { readonly type: "stats" };

/** What the stand-in says. */
export type StandInMessage =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "stats"; readonly stats: StandInStats };

let standIn: StandIn | undefined;

serveParent<StandInCommand, StandInMessage>((message, send) => {
  if (message.type === "start") {
    void startStandIn({ atOnce: message.atOnce, runMs: message.runMs }).then((started) => {
      standIn = started;
      send({ type: "ready", url: started.url });
    });
  } else if (standIn !== undefined) {
    send({ type: "stats", stats: standIn.stats() });
  }
});

/** A stand-in in a process of its own. */

import { serveParent } from "../child.ts";
import { startStandIn } from "./stand-in.ts";
import type { StandIn, StandInBudgets, StandInStats } from "./stand-in.ts";
import type { BudgetCounts } from "./upstream-budgets.ts";

/** What the parent says: once how to start, then whenever it wants to know how things stand. */
export type StandInCommand =
  | {
      readonly type: "start";
      readonly atOnce: number;
      readonly runMs: number;
      readonly budgets?: Omit<StandInBudgets, "of">;
    }
  | { readonly type: "stats" };

/** What the stand-in says. */
export type StandInMessage =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "stats"; readonly stats: StandInStats; readonly counts: BudgetCounts };

let standIn: StandIn | undefined;

serveParent<StandInCommand, StandInMessage>((message, send) => {
  if (message.type === "start") {
    const { type: _type, ...options } = message;
    void startStandIn(options).then((started) => {
      standIn = started;
      send({ type: "ready", url: started.url });
    });
  } else if (standIn !== undefined) {
    send({ type: "stats", stats: standIn.stats(), counts: standIn.counts() });
  }
});

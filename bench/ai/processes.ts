/** The processes of the AI benchmark: a stand-in upstream, the gateway in front of it, and who loads them. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayReady, GatewayStart } from "../../src/cli/demo/gateway-process.ts";
import { startChild } from "../../src/verify/child.ts";
import type { Child } from "../../src/verify/child.ts";
import type { RunResult } from "../../src/verify/load/generator.ts";
import type { LoadMessage, LoadStart, StreamPlan } from "../../src/verify/load/load-process.ts";
import type { StandInCommand, StandInMessage } from "../../src/verify/stand-in/stand-in-process.ts";
import type { BudgetCounts } from "../../src/verify/stand-in/upstream-budgets.ts";

/** For generators to get their plan before the first call is due. */
const LEAD_MS = 500;

/** How a stand-in is started. */
export type StandInStart = Omit<Extract<StandInCommand, { type: "start" }>, "type">;

/** A stand-in in a process of its own. */
export interface StandInUp {
  readonly url: string;
  counts(): Promise<BudgetCounts>;
}

/** Everything that one comparison starts, and what ends it all. */
export class Processes {
  readonly #children: Child<never, never>[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "laneway-bench-"));
  #policies = 0;

  async standIn(options: StandInStart): Promise<StandInUp> {
    const child = this.#start<StandInCommand, StandInMessage>(
      "the stand-in",
      "../../src/verify/stand-in/stand-in-process",
    );
    child.send({ type: "start", ...options });
    const url = await child.next((message) => (message.type === "ready" ? message.url : undefined));
    return {
      url,
      counts: () => {
        const told = child.next((message) => (message.type === "stats" ? message.counts : undefined));
        child.send({ type: "stats" });
        return told;
      },
    };
  }

  /** A gateway with this policy; returns its origin. */
  async gateway(policy: string): Promise<string> {
    const policyFile = join(this.#folder, `${++this.#policies}.yaml`);
    writeFileSync(policyFile, policy);
    const child = this.#start<GatewayStart, GatewayReady>(
      "the gateway",
      "../../src/cli/demo/gateway-process",
    );
    child.send({ policyFile, variables: {} });
    return (await child.next((message) => message)).url;
  }

  /** One generator for each plan, all beginning at the same instant; `graceMs` from its last call on each one ends. */
  async load(
    plans: readonly { readonly streams: readonly StreamPlan[]; readonly graceMs: number }[],
  ): Promise<RunResult[]> {
    const children = plans.map(() =>
      this.#start<LoadStart, LoadMessage>("the load generator", "../../src/verify/load/load-process"),
    );
    const startAtEpochMs = Date.now() + LEAD_MS;
    return Promise.all(
      children.map((child, at) => {
        child.send({ ...plans[at]!, startAtEpochMs });
        return child.next((message) => (message.type === "result" ? message.result : undefined));
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start<Down, Up>(name: string, module: string): Child<Down, Up> {
    const child = startChild<Down, Up>(name, module, import.meta.url);
    this.#children.push(child as unknown as Child<never, never>);
    return child;
  }
}

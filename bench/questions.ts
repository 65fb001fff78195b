/** All questions there are. */

import type { BenchRow } from "./row.ts";

/** Asked one after another, each case in processes of its own. */
export const QUESTIONS: readonly string[] = [
  "uncontended",
  "backlog",
  "steps",
  "memory",
  "cancel",
  "critical-behind-million",
  "simulated",
  "replay",
  "verify",
];
/** Questions that start their own processes and give their rows at once. */
export const SERVICES: Readonly<
  Record<string, { readonly asks: string; readonly rows: () => Promise<BenchRow[]> }>
> = {
  ai: {
    asks: "Do AI calls keep their lanes and their budget through the gateway?",
    rows: async () => (await import("./ai/run.ts")).aiBench(),
  },
  dashboard: {
    asks: "Is the live page there at once, small, and cheap for the process that serves it?",
    rows: async () => (await import("./dashboard.ts")).dashboardBench(),
  },
  gateway: {
    asks: "What does the gateway cost?",
    rows: async () => (await import("./gateway/run.ts")).gatewayBench(),
  },
  http: {
    asks: "What do the HTTP adapters cost, and does a service behind them hold under overload?",
    rows: async () => (await import("./http/run.ts")).httpBench(),
  },
  metrics: {
    asks: "What do metrics cost, and how long does a reading take?",
    rows: async () => (await import("./metrics.ts")).metricsBench(),
  },
  network: {
    asks: "Do marks and the generated queue keep a full link fast for what is important, and what do marks cost?",
    rows: async () => (await import("./network.ts")).networkBench(),
  },
  postgres: {
    asks: "Do lanes keep a database pool fast for what is important, and what do they cost?",
    rows: async () => (await import("./postgres.ts")).postgresBench(),
  },
  process: {
    asks: "Does a job in a low lane leave the processor to the others, and what does its start cost?",
    rows: async () => (await import("./process.ts")).processBench(),
  },
  threads: {
    asks: "Do lanes keep a thread pool fast for what is important, and what do they cost?",
    rows: async () => (await import("./threads.ts")).threadsBench(),
  },
};

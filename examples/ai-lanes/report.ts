// example: no-run a part of main.ts
/** A table of the lanes each second, and what came of it all. */

import type { Laneway, ResourceSnapshot } from "laneway";

const EVERY_MS = 1_000;

/** Prints the table until the returned function is called. */
export function showLanes(laneway: Laneway): () => void {
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    console.log(tableOf(laneway.resource("claude").snapshot(), seconds).join("\n"));
  }, EVERY_MS);
  return () => clearInterval(timer);
}

function tableOf({ lanes, budgets }: ResourceSnapshot, seconds: number): string[] {
  const head = row(`${seconds} s`, ["waiting", "running", "p50 ms", "p95 ms", "p99 ms", "a minute", "done"]);
  const rows = lanes.map(({ name, waiting, running, waitMs, throughputPerMinute, finished }) => {
    const { p50, p95, p99 } = waitMs;
    return row(name, [waiting, running, p50, p95, p99, throughputPerMinute, finished].map(whole));
  });
  const left = budgets.map(
    ({ name, outputTokens }) => `${name.split("/")[1]} ${whole(outputTokens?.left ?? Infinity)}`,
  );
  return [head, ...rows, `output tokens left: ${left.join(", ") || "all"}`, ""];
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(9), ...cells.map((cell) => cell.padStart(8))].join(" ");
}

function whole(number: number): string {
  return `${Math.round(number)}`;
}

/** One thing that was promised. */
export interface Promised {
  readonly what: string;
  readonly kept: boolean;
}

/** Prints each promise with whether it was kept; true when all were. */
export function verdict(promises: readonly Promised[]): boolean {
  for (const { what, kept } of promises) console.log(`${kept ? "ok  " : "FAIL"} ${what}`);
  return promises.every(({ kept }) => kept);
}

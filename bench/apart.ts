/** Measures one case in a process of its own. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Case } from "./question.ts";

/**
 * A process for each figure: what one leaves behind in caches, heap and compiled code is not the next one's.
 * `bench` is the folder of the benchmarks: that of another commit, when two are compared.
 */
export async function measureApart(
  bench: string,
  name: string,
  one: string,
  { flags = [] }: Pick<Case, "flags">,
): Promise<number> {
  const child = spawn(process.execPath, [...flags, join(bench, "case.ts"), name, one], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0)
    throw new Error(`bench/${name}.ts, "${one}": its process ended with ${status ?? "a signal"}`);
  return JSON.parse(printed) as number;
}

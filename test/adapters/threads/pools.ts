/** Thread pools of the tests, and what is looked at from outside. */

import { readFileSync, readdirSync } from "node:fs";
import type { TestContext } from "node:test";
import { Piscina } from "piscina";
import { ThreadPool } from "../../../src/adapters/threads.ts";
import type { ThreadPoolOptions } from "../../../src/adapters/threads.ts";

const FILE = new URL("./work.ts", import.meta.url);

/** A pool whose Piscinas can be looked at. */
export interface Watched {
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly pool: ThreadPool<any, any>;
  readonly piscinas: readonly Piscina[];
}

/** A pool on real threads, ended with its test. */
export function poolOf(t: TestContext, options: Partial<ThreadPoolOptions> = {}): Watched {
  const piscinas: Piscina[] = [];
  class Seen extends Piscina {
    constructor(given?: ConstructorParameters<typeof Piscina>[0]) {
      super(given);
      piscinas.push(this);
    }
  }
  const pool = new ThreadPool({ Piscina: Seen, filename: FILE, ...options });
  t.after(() => pool.close({ timeoutMs: 0 }));
  return { pool, piscinas };
}

/** Cells that a task and its test tell each other something in. */
export function newCells(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Resolves when so many tasks with these cells run. */
export async function begun(cells: Int32Array, count = 1): Promise<void> {
  for (let seen = Atomics.load(cells, 0); seen < count; seen = Atomics.load(cells, 0))
    await Atomics.waitAsync(cells, 0, seen).value;
}

/** Lets the tasks with these cells end. */
export function tell(cells: Int32Array): void {
  Atomics.store(cells, 1, 1);
}

/** The nice of each of this process's threads of a name. */
export function nices(name: string): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    // The 19th field; the second is the name, which may contain spaces.
    return stat.slice(stat.indexOf("(") + 1, end) === name
      ? [Number(stat.slice(end + 2).split(" ")[16])]
      : [];
  });
}

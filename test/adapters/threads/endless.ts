/** A worker file that makes a pool of itself when it is loaded. */

import { Piscina } from "piscina";
import { ThreadPool } from "../../../src/adapters/threads.ts";

/** Has threads of its own. */
export const pool: ThreadPool = new ThreadPool({ Piscina, filename: import.meta.url, threads: 1 });

/** Does nothing. */
export default function nothing(): void {}

/** In a process of its own, whose threads for files nobody has needed yet: what nice its threads have. */

import { getPriority } from "node:os";
import { Piscina } from "piscina";
import { ThreadPool } from "../../../src/adapters/threads.ts";
import { nices } from "./pools.ts";

const pool = new ThreadPool({ Piscina, filename: new URL("./work.ts", import.meta.url), threads: 1 });
await pool.run(undefined, { name: "readFiles", lane: "bulk" });
console.log(JSON.stringify({ own: getPriority(0), files: nices("libuv-worker") }));
await pool.close();

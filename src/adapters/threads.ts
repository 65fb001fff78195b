/** `laneway/threads`: worker threads in lanes. */

export { ThreadPool } from "./threads/pool.ts";
export { ThreadError } from "./threads/thread-error.ts";
export type { LaneThreads, ThreadMemory, ThreadPoolOptions } from "./threads/options.ts";
export type { PiscinaClass } from "./threads/piscina.ts";
export type { ThreadTaskOptions } from "./threads/pool.ts";
export type { ThreadFailure } from "./threads/thread-error.ts";

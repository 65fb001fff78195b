/** What is used of Piscina: its public class, as a shape, so that any copy of it fits and none is loaded from here. */

/** A thread as Piscina shows it to a load balancer. */
export interface PiscinaThread {
  readonly id: number;
  readonly currentUsage: number;
}

/** A thread as Node knows it. */
export interface NodeThread {
  readonly threadId: number;
  terminate(): Promise<number>;
  once(event: "exit", listener: () => void): unknown;
}

/** One pool of Piscina's. */
export interface PiscinaPool {
  readonly threads: readonly NodeThread[];
  /** The options in force: the most threads may be raised while it runs. */
  readonly options: { maxThreads: number };
  run(task: unknown, options?: any): Promise<unknown>;
  destroy(): Promise<void>;
  on(event: "error" | "workerDestroy", listener: (error: unknown) => void): unknown;
}

/** The class `Piscina` of the package of that name, from version 5 on. */
export type PiscinaClass = new (options?: any) => PiscinaPool;

/** The key under which a task brings something for the load balancer; it is not sent to the thread. */
export const FOR_BALANCER: unique symbol = Symbol.for("Piscina.queueOptions") as never;

const TRANSFER: unique symbol = Symbol.for("Piscina.transferable") as never;
const VALUE: unique symbol = Symbol.for("Piscina.valueOf") as never;

interface Moved {
  readonly [TRANSFER]: object;
  readonly [VALUE]: unknown;
}

/** What `Piscina.move` has wrapped, taken apart: inside an order Piscina would not see it. */
export function unwrapMoved(
  task: unknown,
  transferList: readonly unknown[],
): { readonly task: unknown; readonly transferList: readonly unknown[] } {
  if (typeof task !== "object" || task === null || !(TRANSFER in task) || !(VALUE in task))
    return { task, transferList };
  const moved = task as Moved;
  return { task: moved[VALUE], transferList: [...transferList, moved[TRANSFER]].flat() };
}

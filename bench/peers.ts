/**
 * The libraries measured beside us, as far as the benchmarks use them. They are installed with the benchmarks only, so
 * they are loaded by name and typed here: the project's own type check does without them.
 */

interface LimitFunction {
  <T>(fn: () => Promise<T>): Promise<T>;
}

interface PriorityQueue {
  add<T>(fn: () => Promise<T>, options?: { priority?: number; signal?: AbortSignal }): Promise<T>;
}

interface PromiseQueue<Item> {
  push(item: Item): Promise<unknown>;
}

interface Semaphore {
  acquire(): Promise<unknown>;
  release(): void;
}

interface Bulkhead {
  execute<T>(fn: () => Promise<T>): Promise<T>;
}

/** p-limit, with so many at a time. */
export async function pLimit(concurrency: number): Promise<LimitFunction> {
  const { default: limit } = (await import(named("p-limit"))) as { default: (n: number) => LimitFunction };
  return limit(concurrency);
}

/** p-queue, with so many at a time. */
export async function pQueue(concurrency: number): Promise<PriorityQueue> {
  const { default: Queue } = (await import(named("p-queue"))) as {
    default: new (options: { concurrency: number }) => PriorityQueue;
  };
  return new Queue({ concurrency });
}

/** fastq's promise form: one worker function for all, each task its argument. */
export async function fastq<Item>(
  worker: (item: Item) => Promise<unknown>,
  concurrency: number,
): Promise<PromiseQueue<Item>> {
  const { default: queue } = (await import(named("fastq"))) as {
    default: { promise(worker: (item: Item) => Promise<unknown>, concurrency: number): PromiseQueue<Item> };
  };
  return queue.promise(worker, concurrency);
}

/** async-sema: a semaphore without any reporting. */
export async function asyncSema(permits: number): Promise<Semaphore> {
  const { Sema } = (await import(named("async-sema"))) as { Sema: new (permits: number) => Semaphore };
  return new Sema(permits);
}

/** cockatiel's bulkhead, with room for as many waiters as given. */
export async function cockatiel(limit: number, waiters: number): Promise<Bulkhead> {
  const { bulkhead } = (await import(named("cockatiel"))) as {
    bulkhead: (limit: number, queue: number) => Bulkhead;
  };
  return bulkhead(limit, waiters);
}

/** A name that the type check does not follow. */
function named(name: string): string {
  return name;
}

/** What is used of the driver: its public pool and client, as a shape, so that any copy of `pg` fits. */

import type { Pool, PoolClient, PoolConfig } from "pg";

/** How `connect` answers where it is given a callback. */
export type Connected = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (error?: unknown) => void,
) => void;

/** `pg.Pool` as it is overridden here: its counts are getters, which its own types do not say. */
export interface DriverPool extends Pick<Pool, "on" | "emit" | "totalCount" | "idleCount" | "ending"> {
  options: Pool["options"] & { Promise?: PromiseConstructor };
  get waitingCount(): number;
  connect(callback: Connected): void;
  end(callback?: () => void): Promise<void> | undefined;
  query(text: unknown, values: unknown, callback: unknown): unknown;
}

/** A class of pools: `pg.Pool`, of whichever copy of `pg`. */
export type PoolClass = new (config?: PoolConfig) => Pool;

/** `release` of a client as the property that it is: the driver makes a new one for each checkout. */
export interface Releasable {
  release: (error?: Error | boolean) => void;
}

/** What is thrown or handed to callbacks says which lane it happened in; its text stays the driver's. */
export function nameLane(error: unknown, lane: string): void {
  if (!(error instanceof Error) || "lane" in error || !Object.isExtensible(error)) return;
  Object.defineProperty(error, "lane", {
    value: lane,
    configurable: true,
    writable: true,
    enumerable: false,
  });
}

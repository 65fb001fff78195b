/**
 * What is used of the driver: its public pools and connections, as shapes, so that any copy of `mysql2` fits and none is
 * loaded from here.
 */

/** A pool of `mysql2`: what is known of it here. */
export interface CallbackPool {
  releaseConnection(connection: never): void;
  promise(): object;
  readonly config: object;
}

/** A pool of `mysql2/promise`: what is known of it here. */
export interface PromisePool {
  getConnection(): Promise<object>;
  readonly pool: CallbackPool;
}

/** A pool that `createPool` of `mysql2` or of `mysql2/promise` has made. */
export type AnyPool = CallbackPool | PromisePool;

/** A connection that is checked out. */
export interface DriverConnection {
  ping(callback: (error: unknown) => void): void;
  readonly stream?: { readonly bytesWritten?: number };
}

/** How `getConnection` answers. */
export type Connected = (error: Error | null, connection?: DriverConnection) => void;

/** The methods of a pool that lanes stand in front of. */
export interface DriverCalls {
  getConnection: (callback: Connected) => void;
  releaseConnection: (connection: DriverConnection) => void;
  query: (...given: unknown[]) => unknown;
  execute: (...given: unknown[]) => unknown;
  end: (callback?: (error?: Error | null) => void) => void;
  promise: (...given: unknown[]) => PromisePool;
}

/** The pool that both forms have inside. */
export interface DriverPool extends DriverCalls {
  readonly config: {
    readonly connectionLimit: number;
    readonly queueLimit: number;
    readonly waitForConnections: boolean;
  };
  emit(event: "enqueue"): boolean;
}

/** What is handed to callbacks says which lane it happened in; its text stays the driver's. */
export function nameLane(error: unknown, lane: string): void {
  if (!(error instanceof Error) || "lane" in error || !Object.isExtensible(error)) return;
  Object.defineProperty(error, "lane", {
    value: lane,
    configurable: true,
    writable: true,
    enumerable: false,
  });
}

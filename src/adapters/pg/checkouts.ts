/** Clients that are checked out: each holds a seat from the moment it was given one until its connection is free again. */

import type { PoolClient } from "pg";
import type { Permit } from "../../core/permit.ts";
import { nameLane } from "./driver.ts";
import type { DriverPool } from "./driver.ts";
import { holds } from "./nested.ts";
import type { Held } from "./nested.ts";
import { stackLines } from "./site.ts";
import type { Site } from "./site.ts";

/**
 * How long the seat of a connection that is being closed is kept, in milliseconds. The server counts a connection until
 * it has ended, so the next one should not be opened before; but one that a dead network never ends must not keep a seat.
 */
const CLOSING_MS = 1_000;

/** What becomes of the seat when its connection is free. */
export type Free = (permit: Permit, outcome: { readonly failed: boolean }) => void;

type Release = (error?: Error | boolean) => void;

export class Checkouts {
  readonly #pool: DriverPool;
  readonly #warningMs: number;
  /** Seats of connections that are being closed. */
  readonly #closing = new Map<object, () => void>();

  constructor(pool: DriverPool, warningMs: number) {
    this.#pool = pool;
    this.#warningMs = warningMs;
    pool.on("connect", guard);
    pool.on("remove", (client: PoolClient) => this.#closing.get(client)?.());
  }

  /**
   * The client is its caller's from here on, until `client.release`. `held` is undefined where the pool itself will
   * release it. `free` is called once its connection can be used again or is gone.
   */
  begin(client: PoolClient, permit: Permit, held: Held | undefined, free: Free): void {
    const release: Release = client.release.bind(client);
    const warning = held === undefined ? undefined : this.#warnOf(permit, held.site);
    if (held !== undefined) holds(held, permit, client);
    client.release = (error?: Error | boolean) => {
      nameLane(error, permit.lane);
      const before = this.#pool.totalCount;
      // One that is lost already is removed before this returns.
      let isGone = false;
      const waiting = this.#closing.get(client);
      this.#closing.set(client, () => (isGone = true));
      try {
        // Throws when the client was released already: there is nothing left to give back.
        release(error);
      } finally {
        if (waiting === undefined) this.#closing.delete(client);
        else this.#closing.set(client, waiting);
      }
      clearTimeout(warning);
      if (held !== undefined) holds(held);
      const outcome = { failed: error instanceof Error };
      if (isGone || this.#pool.totalCount >= before) free(permit, outcome);
      else this.#close(client, () => free(permit, outcome));
    };
  }

  /** The seat is free when the connection is gone. */
  #close(client: PoolClient, free: () => void): void {
    const gone = (): void => {
      clearTimeout(timer);
      this.#closing.delete(client);
      free();
    };
    const timer = setTimeout(gone, CLOSING_MS).unref();
    this.#closing.set(client, gone);
  }

  #warnOf(permit: Permit, site: Site): NodeJS.Timeout | undefined {
    if (this.#warningMs === 0) return undefined;
    const warn = (): void => {
      const message =
        `a client of lane "${permit.lane}" was not released for ${this.#warningMs} ms: call client.release() when done, ` +
        `also after an error. It was checked out here:\n${stackLines(site)}`;
      process.emitWarning(message, { type: "LanewayCheckoutWarning" });
    };
    return setTimeout(warn, this.#warningMs).unref();
  }
}

/**
 * A connection that breaks in the very moment it was made would tell nobody: its caller, who awaits it, has not come to
 * listen. The next query on it fails all the same.
 */
function guard(client: PoolClient): void {
  client.on("error", ignore);
  setImmediate(() => client.removeListener("error", ignore));
}

function ignore(): void {}

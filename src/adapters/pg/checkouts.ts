/** Clients that are checked out: each holds a seat from the moment it was given one until its connection is free again. */

import { holds } from "../../calls/nested-checkouts.ts";
import type { PoolClient } from "pg";
import type { Permit } from "../../core/permit.ts";
import { cancel, isCancellable } from "./cancel.ts";
import { nameLane } from "./driver.ts";
import type { DriverPool, Releasable } from "./driver.ts";

import type { Held } from "./nested.ts";
import { Outs } from "./outs.ts";
import type { Out } from "./outs.ts";

/**
 * How long the seat of a connection that is being closed is kept, in milliseconds. The server counts a connection until
 * it has ended, so the next one should not be opened before; but one that a dead network never ends must not keep a seat.
 */
const CLOSING_MS = 1_000;

/** What became of a client's use. */
interface Outcome {
  readonly failed: boolean;
}

/** What becomes of the seat when its connection is free. */
export type Free = (permit: Permit, outcome: Outcome) => void;

type Release = Releasable["release"];

interface Checkout extends Out {
  free: Free;
  /** The driver's own `release` of this use. */
  driverRelease: Release;
  /** `release` for uses of which nobody but the driver's own `query` knows. */
  readonly release: Release;
  /** Set when its query was given up: resolves when the server has been asked to stop it. */
  stopped: Promise<void> | undefined;
}

const DONE: Outcome = Object.freeze({ failed: false });
const FAILED: Outcome = Object.freeze({ failed: true });

export class Checkouts {
  readonly #pool: DriverPool;
  /** Every connection: an entry comes and goes with it. */
  readonly #clients = new Map<PoolClient, Checkout>();
  readonly #outs: Outs<Checkout>;
  /** Seats of connections that are being closed. */
  readonly #closing = new Map<PoolClient, () => void>();
  /** The client whose `release` runs now, and whether it was removed meanwhile. */
  #releasing: PoolClient | undefined = undefined;
  #isGone = false;

  constructor(pool: DriverPool, warningMs: number) {
    this.#pool = pool;
    this.#outs = new Outs({ [Symbol.iterator]: () => this.#clients.values() }, warningMs, giveUp);
    pool.on("connect", guard);
    pool.on("remove", (client: PoolClient) => {
      this.#clients.delete(client);
      if (this.#clients.size === 0) this.#outs.none();
      if (client === this.#releasing) this.#isGone = true;
      this.#closing.get(client)?.();
    });
  }

  /**
   * The client is its caller's from here on, until `client.release`. `held` is undefined where the pool itself will
   * release it. `free` is called once its connection can be used again or is gone.
   */
  begin(client: PoolClient, permit: Permit, held: Held | undefined, free: Free): void {
    const checkout = this.#clients.get(client) ?? this.#know(client);
    const out: Releasable = client;
    const driverRelease = out.release;
    checkout.permit = permit;
    checkout.held = held;
    checkout.free = free;
    checkout.driverRelease = driverRelease;
    this.#outs.given(checkout);
    if (held === undefined) client.release = checkout.release;
    else {
      holds(held, permit, client);
      // Its own for each use: a second call, after somebody else was given the client, must not release that one.
      client.release = (error) => this.#end(checkout, driverRelease, error);
    }
  }

  #know(client: PoolClient): Checkout {
    const out: Releasable = client;
    const driverRelease = out.release;
    const checkout: Checkout = {
      client,
      permit: undefined,
      held: undefined,
      free: () => {},
      driverRelease,
      release: (error) => this.#end(checkout, checkout.driverRelease, error),
      stopped: undefined,
      looks: 0,
      since: 0,
    };
    this.#clients.set(client, checkout);
    return checkout;
  }

  #end(checkout: Checkout, release: Release, error: Error | boolean | undefined): void {
    // Before the driver may give the client to the next.
    const { client, permit, held, free } = checkout;
    if (error !== undefined && permit !== undefined) nameLane(error, permit.lane);
    const before = this.#pool.totalCount;
    // Listeners of the pool run meanwhile, and may release others.
    const outer = this.#releasing;
    const outerIsGone = this.#isGone;
    let isGone: boolean;
    this.#releasing = client;
    this.#isGone = false;
    try {
      // Throws when the client was released already: there is nothing left to give back.
      release.call(client, error);
    } finally {
      isGone = this.#isGone;
      this.#releasing = outer;
      this.#isGone = outerIsGone;
    }
    if (checkout.permit === permit) checkout.permit = undefined;
    if (held !== undefined) holds(held);
    const outcome = error instanceof Error ? FAILED : DONE;
    const isClosing = !isGone && this.#pool.totalCount < before;
    if (isClosing || checkout.stopped !== undefined) this.#close(checkout, permit!, isClosing, outcome);
    else free(permit!, outcome);
  }

  /** The seat is free when the connection is gone, and the server was asked to stop a query that was given up. */
  #close({ client, free, stopped }: Checkout, permit: Permit, isClosing: boolean, outcome: Outcome): void {
    let left = Number(isClosing) + Number(stopped !== undefined);
    const step = (): void => {
      if (--left === 0) over();
    };
    const over = (): void => {
      left = 0;
      clearTimeout(timer);
      this.#closing.delete(client);
      free(permit, outcome);
    };
    const timer = setTimeout(over, CLOSING_MS).unref();
    if (isClosing) this.#closing.set(client, step);
    void stopped?.then(step);
  }
}

/**
 * The time of a query is up. Its caller is answered at once, as the driver answers whoever has a query on a connection
 * that breaks; the connection is closed, for a request to stop what runs on it could hit whoever came next.
 */
function giveUp(checkout: Checkout, error: Error): void {
  const { client } = checkout;
  checkout.stopped = isCancellable(client) ? cancel(client) : Promise.resolve();
  client.emit("error", error);
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

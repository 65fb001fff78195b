/** The lanes in front of one pool: who is given its next connection, and what becomes of the seat. */

import { holds } from "../../calls/nested-checkouts.ts";
import type { TaskOptions } from "../../core/options.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import { currentLane } from "../../node/context.ts";
import { Checkouts } from "./checkouts.ts";
import type { Free } from "./checkouts.ts";
import { laneSettings } from "./config.ts";
import type { LanedPoolConfig } from "./config.ts";
import { nameLane } from "./driver.ts";
import type { Connected, DriverPool, Releasable } from "./driver.ts";
import { nested } from "./nested.ts";
import type { Held } from "./nested.ts";
import { Preemption, preemptible } from "./preempt.ts";
import type { GivenQuery, Out } from "./preempt.ts";
import { siteOf } from "./site.ts";

/** Which lane and flow a task named. */
type Named = Pick<TaskOptions, "lane" | "flow">;

/** What a call named, set while the call is made: `connect` reads it before anything else runs. */
export interface How {
  readonly task: Named;
  readonly preemptible: boolean;
}

/** `Connected`, with the permit that the client is held by. */
type Opened = (...given: [...Parameters<Connected>, permit?: Permit]) => void;

/** `connect` as the function by which the stack knows it. */
interface Callee {
  readonly connect: (callback?: Connected) => unknown;
}

const OWN: readonly string[] = ["resource", "lane", "checkoutWarningMs", "preemptions"];

// Callers tell this error by its text.
const TIMED_OUT = "timeout exceeded when trying to connect";
const ENDED = "Cannot use a pool after calling end on the pool";

export class PoolLanes {
  readonly #pool: DriverPool;
  /** The driver's own methods, without the lanes. */
  readonly #driver: Pick<DriverPool, "connect" | "end" | "query">;
  readonly resource: Resource;
  readonly #checkouts: Checkouts;
  readonly #preemption: Preemption;
  #how: How;
  /** Puts the reservations in force; undefined when they are, or when there are none. */
  #reserve: (() => void) | undefined;
  /** Set while the driver's own `query` calls `connect`: it releases the client itself. */
  #querying = false;
  #waiting = 0;
  /** Those who waited and have no client yet. */
  #unserved = 0;
  /** `end` was called while some waited: it goes on when they were served. */
  #closing: (() => void) | undefined = undefined;
  /** As many connections as the resource has seats, also after a change of its limit. */
  readonly #follows: boolean;

  constructor(
    pool: DriverPool,
    driver: Pick<DriverPool, "connect" | "end" | "query">,
    config: LanedPoolConfig,
  ) {
    this.#pool = pool;
    this.#driver = driver;
    for (const name of OWN) Reflect.deleteProperty(pool.options, name);
    const { resource, reserve, lane, checkoutWarningMs, preemptions } = laneSettings(
      config,
      pool.options.max,
    );
    this.resource = resource;
    this.#follows = config.resource === undefined || config.max === undefined;
    if (this.#follows) pool.options.max = resource.snapshot().limit;
    this.#reserve = reserve;
    this.#how = { task: lane === undefined ? {} : { lane }, preemptible: false };
    this.#checkouts = new Checkouts(pool, checkoutWarningMs);
    this.#preemption = new Preemption(resource, preemptions);
  }

  /** Checkouts that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  connect(callback?: Connected): unknown {
    const how = this.#how.task;
    if (this.#querying) return this.#checkOut(how, undefined, callback!);
    const held = nested.begin(this.resource, siteOf((this as Callee).connect));
    if (callback !== undefined) {
      const inside: Opened = (error, client, done) => nested.run(held, () => callback(error, client, done));
      return this.#checkOut(how, held, inside);
    }
    const Promised = this.#pool.options.Promise ?? Promise;
    const connected = new Promised((resolve, reject) => {
      this.#checkOut(how, held, (error, client) => (client === undefined ? reject(error) : resolve(client)));
    });
    nested.enter(held);
    return connected;
  }

  query(text: unknown, values: unknown, callback: unknown): unknown {
    const { task, preemptible: wanted } = this.#how;
    const query = preemptible(text, values, callback, wanted);
    if (query !== undefined) return this.#queryAgain(query, task);
    const before = this.#querying;
    this.#querying = true;
    try {
      return this.#driver.query(text, values, callback);
    } finally {
      this.#querying = before;
    }
  }

  end(callback?: () => void): Promise<void> | undefined {
    if (this.#unserved === 0 || this.#closing !== undefined || this.#pool.ending)
      return this.#driver.end(callback);
    const ended = new Promise<void>((resolve, reject) => {
      this.#closing = () => this.#driver.end()!.then(resolve, reject);
    });
    if (callback === undefined) return ended;
    ended.then(
      () => process.nextTick(callback),
      () => process.nextTick(callback),
    );
    return undefined;
  }

  /** The driver's own `query` calls `connect` before it returns. */
  as<T>(how: How, call: () => T): T {
    const before = this.#how;
    this.#how = how;
    try {
      return call();
    } finally {
      this.#how = before;
    }
  }

  /** A query that may be stopped and sent again: its permit is needed, which the driver's own way does not hand on. */
  #queryAgain({ query, callback }: GivenQuery, how: Named): Promise<unknown> | undefined {
    const opened = (begin: (callback: Opened) => void): Promise<Out> =>
      new Promise((resolve, reject) => {
        begin((error, client, _done, permit) =>
          client === undefined ? reject(error) : resolve({ client, permit: permit! }),
        );
      });
    const result = this.#preemption.run(query, {
      first: (free) => opened((answer) => this.#checkOut(how, undefined, answer, free)),
      again: (permit, free) => opened((answer) => this.#open(permit, undefined, answer, free)),
    });
    if (callback === undefined) return result;
    result.then(
      (rows) => process.nextTick(callback, undefined, rows),
      (error) => process.nextTick(callback, error),
    );
    return undefined;
  }

  #checkOut(how: Named, held: Held | undefined, callback: Opened, free: Free = giveBack): void {
    // The driver's own answer to whoever comes after the end.
    if (this.#pool.ending) return this.#driver.connect(callback);
    if (this.#closing !== undefined) return refuse(new Error(ENDED), held, callback);
    if (this.#reserve !== undefined && (how.lane ?? currentLane()) !== undefined) {
      this.#reserve();
      this.#reserve = undefined;
    }
    try {
      const permit = this.resource.tryAcquire(how);
      if (permit !== undefined) return this.#open(permit, held, callback, free);
    } catch (error) {
      return refuse(error as Error, held, callback);
    }
    this.#wait(how, held, callback, free);
  }

  /** The driver's time-out for a connection counts from here, whether it is spent in the lane or on the way. */
  #wait(how: Named, held: Held | undefined, callback: Opened, free: Free): void {
    const timeoutMs = this.#pool.options.connectionTimeoutMillis ?? 0;
    const leaving = timeoutMs > 0 ? new AbortController() : undefined;
    let answered = false;
    const answer: Opened = (error, client, done, permit) => {
      clearTimeout(timer);
      if (answered) return client?.release();
      answered = true;
      if (client === undefined && held !== undefined) holds(held);
      this.#unserved--;
      this.#served();
      callback(error, client, done, permit);
    };
    const giveUp = (): void => {
      answer(new Error(TIMED_OUT), undefined, () => {});
      leaving?.abort();
    };
    const timer = timeoutMs > 0 ? setTimeout(giveUp, timeoutMs).unref() : undefined;
    const need = this.#preemption.makeRoom(how.lane ?? currentLane());
    this.#waiting++;
    this.#unserved++;
    const task = leaving === undefined ? how : { ...how, signal: leaving.signal };
    nested.acquire(this.resource, task, held?.site).then(
      (permit) => {
        this.#waiting--;
        this.#preemption.met(need);
        if (answered) permit.release();
        else this.#open(permit, held, answer, free);
      },
      (error: Error) => {
        this.#waiting--;
        this.#preemption.met(need);
        // Out of this promise, which would catch what the callback throws.
        process.nextTick(answer, error, undefined, () => {});
      },
    );
  }

  #served(): void {
    if (this.#unserved > 0 || this.#closing === undefined) return;
    const close = this.#closing;
    this.#closing = undefined;
    close();
  }

  #open(permit: Permit, held: Held | undefined, callback: Opened, free: Free): void {
    // A limit that was raised while the pool follows it.
    if (this.#follows && this.#pool.idleCount === 0 && this.#pool.totalCount >= this.#pool.options.max)
      this.#pool.options.max = this.#pool.totalCount + 1;
    this.#driver.connect((error, client, done) => {
      if (client === undefined) {
        nameLane(error, permit.lane);
        if (held !== undefined) holds(held);
        permit.release({ failed: true });
        return callback(error, undefined, done);
      }
      this.#checkouts.begin(client, permit, held, free);
      const out: Releasable = client;
      callback(undefined, client, out.release as (failure?: unknown) => void, permit);
    });
  }
}

function refuse(error: Error, held: Held | undefined, callback: Opened): void {
  if (held !== undefined) holds(held);
  callback(error, undefined, () => {});
}

function giveBack(permit: Permit, outcome: { readonly failed: boolean }): void {
  permit.release(outcome);
}

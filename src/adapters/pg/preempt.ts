/**
 * Queries that may be stopped for a higher lane. A stopped query goes back to its own place in the queue and is sent
 * again; after so many times it is left to finish.
 *
 * A CancelRequest names the server's process, not the query, so one that comes late would hit the next query on the same
 * connection. Two rules exclude that:
 *
 *   stopped by us          its connection is used again only when the request is over and one more query of our own has
 *                          come back on it: a signal that was still on its way would have hit that one
 *   ended before we could  its connection is closed
 */

import type { PoolClient, QueryConfig } from "pg";
import { invalid } from "../../core/errors.ts";
import type { Permit } from "../../core/permit.ts";
import type { Resource } from "../../core/resource.ts";
import { cancel, isCancellable } from "./cancel.ts";
import type { Free } from "./checkouts.ts";

/** One try of a query that may be stopped. */
interface Try {
  readonly lane: string;
  readonly client: PoolClient;
  /** The request to stop it, once there is one; resolves when no signal of it is on its way any more. */
  stopping: Promise<void> | undefined;
  ended: boolean;
}

/** Somebody who waits. */
export interface Need {
  readonly lane: string | undefined;
}

/** A client that is out, and what it is held by. */
export interface Out {
  readonly client: PoolClient;
  readonly permit: Permit;
}

/** Where a preemptible query gets its clients. `free` is called when the connection is free again. */
export interface Seats {
  /** Waits for its turn, as any other. */
  first(free: Free): Promise<Out>;
  /** Its turn has come again. */
  again(permit: Permit, free: Free): Promise<Out>;
}

const QUERY_CANCELED = "57014";
/** A request can overtake the query that it should stop: while that runs on, it is asked again. */
const AGAIN_AFTER_MS = 20;
const MOST_REQUESTS = 5;

const COMMENT = /\/\*[^]*?\*\/|--[^\n]*/g;
/** What would begin or end a transaction, whatever the statement before it did. */
const NOT_ALONE =
  /(?:^|;)\s*(?:begin|start\s+transaction|commit|end|rollback|abort|savepoint|release|prepare|call|do)\b/i;

export class Preemption {
  readonly #resource: Resource;
  readonly #most: number;
  readonly #running = new Set<Try>();
  /** Waits that no query was stopped for yet. */
  readonly #unmet = new Set<Need>();

  constructor(resource: Resource, most: number) {
    this.#resource = resource;
    this.#most = most;
  }

  /** Runs a query that may be stopped, as often as it takes. */
  async run(query: object, seats: Seats): Promise<unknown> {
    let turn: Promise<Permit> | undefined;
    for (let stops = 0; ; stops++) {
      let again = false;
      const next = Promise.withResolvers<Permit>();
      const free: Free = (permit, outcome) => {
        if (again) next.resolve(permit.requeue({ reason: "preempted" }));
        else permit.release(outcome);
      };
      const { client, permit } = await (turn === undefined
        ? seats.first(free)
        : seats.again(await turn, free));
      // Until it is the pool's again, a connection that breaks is told here and to nobody else.
      client.on("error", ignore);
      const attempt: Try = { lane: permit.lane, client, stopping: undefined, ended: false };
      const outcome = outcomeOf(client, query);
      if (stops < this.#most && isCancellable(client)) this.#started(attempt);
      const { result, error } = await outcome;
      attempt.ended = true;
      this.#running.delete(attempt);
      await attempt.stopping;
      again = attempt.stopping !== undefined && codeOf(error) === QUERY_CANCELED;
      const usable = again ? await answers(client) : attempt.stopping === undefined;
      client.release(usable ? (again ? undefined : error) : (error ?? true));
      client.removeListener("error", ignore);
      if (again) turn = next.promise;
      else if (error === undefined) return result;
      else throw error;
    }
  }

  /** Somebody of this lane has to wait: stops a query for it, now or as soon as there is one. Ends with `met`. */
  makeRoom(lane: string | undefined): Need {
    const need = { lane };
    if (!this.#stopFor(lane)) this.#unmet.add(need);
    return need;
  }

  /** The wait is over. */
  met(need: Need): void {
    this.#unmet.delete(need);
  }

  /** One more query that may be stopped: somebody may wait for that. */
  #started(attempt: Try): void {
    this.#running.add(attempt);
    for (const need of this.#unmet) if (this.#stopFor(need.lane)) return void this.#unmet.delete(need);
  }

  /** Stops the youngest query of the lowest lane below this one; false when there is none, or none would help. */
  #stopFor(lane: string | undefined): boolean {
    if (this.#running.size === 0) return false;
    const { lanes } = this.#resource.snapshot();
    const ranks = new Map(lanes.map(({ name }, rank) => [name, rank]));
    const rank = ranks.get(lane ?? "") ?? ranks.get("normal") ?? lanes.length - 1;
    const own = lanes[rank]!;
    // More seats than it may hold would not help it.
    if (own.seats >= own.ceiling) return false;
    let victim: Try | undefined;
    let worst = rank;
    for (const attempt of this.#running) {
      const its = ranks.get(attempt.lane) ?? lanes.length;
      // Later in the set is younger.
      if (attempt.stopping !== undefined || its <= rank || its < worst) continue;
      victim = attempt;
      worst = its;
    }
    if (victim !== undefined) victim.stopping = stop(victim);
    return victim !== undefined;
  }
}

async function stop(attempt: Try): Promise<void> {
  for (let requests = 0; requests < MOST_REQUESTS && !attempt.ended; requests++) {
    if (requests > 0) await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    if (!attempt.ended) await cancel(attempt.client);
  }
}

function ignore(): void {}

type Outcome = { readonly result?: unknown; readonly error?: Error };

/** As the driver's own `pool.query` does: a connection that breaks ends its query too. */
function outcomeOf(client: PoolClient, query: object): Promise<Outcome> {
  return new Promise((resolve) => {
    const onError = (error: Error): void => resolve({ error });
    client.once("error", onError);
    const over = (outcome: Outcome): void => {
      client.removeListener("error", onError);
      resolve(outcome);
    };
    client.query(query as QueryConfig).then(
      (result) => over({ result }),
      (error: Error) => over({ error }),
    );
  });
}

/** Whether one more query comes back: then nothing that was sent before can hit the next. */
async function answers(client: PoolClient): Promise<boolean> {
  const { readyForQuery } = client as { readonly readyForQuery?: boolean };
  if (readyForQuery === false)
    await new Promise<void>((resolve) => {
      client.once("drain", resolve);
      client.once("end", resolve);
    });
  return (await outcomeOf(client, { text: "select 1" })).error === undefined;
}

function codeOf(error: Error | undefined): unknown {
  return error !== undefined && "code" in error ? error.code : undefined;
}

/** A query as it was given to `pool.query`, taken apart. */
export interface GivenQuery {
  readonly query: object;
  readonly callback: ((error: Error | undefined, result?: unknown) => void) | undefined;
}

/**
 * The query, where it says or `wanted` says that it may be stopped; undefined for all others.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a statement that begins or ends a transaction.
 */
export function preemptible(
  first: unknown,
  second: unknown,
  third: unknown,
  wanted: boolean,
): GivenQuery | undefined {
  if (!wanted && typeof first === "string") return undefined;
  const isObject = typeof first === "object" && first !== null;
  const own = isObject && "preemptible" in first ? first.preemptible : undefined;
  if ((own ?? wanted) !== true) return undefined;
  const config: Readonly<Record<string, unknown>> = isObject ? { ...first } : { text: first };
  const { preemptible: _, ...query } = config;
  // A cursor or a stream is read at its reader's pace: it cannot be begun again.
  if (typeof query["text"] !== "string" || hasSubmit(first)) return undefined;
  if (NOT_ALONE.test(query["text"].replaceAll(COMMENT, " ")))
    throw invalid("preemptible query", "a statement of its own, outside of transactions", query["text"]);
  const callback = [second, third].find((value) => typeof value === "function");
  const values = Array.isArray(second) ? { values: second as unknown[] } : {};
  return { query: { ...query, ...values }, callback: callback as GivenQuery["callback"] };
}

function hasSubmit(query: unknown): boolean {
  return (
    typeof query === "object" && query !== null && "submit" in query && typeof query.submit === "function"
  );
}

/** What the tests drive every ORM by, so that all of them are asked the same. */

import type { Pool } from "pg";
import type { LanedPoolConfig } from "../../../src/adapters/pg.ts";

/** A class of pools, laned or the driver's own. */
export type AnyPool = new (config: LanedPoolConfig) => Pool;

/** An ORM, and how it is put on a pool. */
export interface Orm {
  readonly name: string;
  /** The packages that it needs, from the private package of these tests. */
  readonly needs: readonly string[];
  /**
   * Whether a query beside its own transaction is refused also where no `runInLane` and no request surrounds it: not where
   * the ORM asks for its client too far away.
   */
  readonly seesNestedAlone: boolean;
  open(Pool: AnyPool, config: LanedPoolConfig): Promise<OpenOrm>;
}

/** An ORM that is connected. What returns a `PromiseLike` is as the ORM gives it, before anybody has awaited it. */
export interface OpenOrm {
  readonly pool: Pool;
  /** A query with a parameter; `itemIn` reads its answer. */
  itemOf(id: number): PromiseLike<unknown>;
  sleep(seconds: number): PromiseLike<unknown>;
  /** Adds orders in one transaction; `before` runs ahead of its end, and what it throws rolls all back. */
  addAll(ids: readonly number[], before: () => Promise<unknown>): Promise<unknown>;
  /** The same query as a named prepared statement, where the ORM has them. */
  itemPrepared?(id: number): PromiseLike<unknown>;
  close(): Promise<void>;
}

/** What all of them read and write. */
export const ORDERS = "create table if not exists orders (id int primary key, item text not null)";

/** The text of a new order. */
export const itemFor = (id: number): string => `item ${id}`;

/** The text of the order in what a query has answered: a row or rows. */
export function itemIn(answer: unknown): string | undefined {
  const row = Array.isArray(answer) ? (answer[0] as unknown) : answer;
  return (row as { readonly item?: string } | null | undefined)?.item;
}

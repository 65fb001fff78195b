/** Knex takes a pool as `connectionPool`, or from a dialect of its own; its queries begin when they are awaited. */

import type { Pool, PoolClient } from "pg";
import { itemFor } from "./orm.ts";
import type { OpenOrm, Orm } from "./orm.ts";

/** What is used of Knex here: this file is checked without it too. */
interface Query extends PromiseLike<{ readonly item: string } | undefined> {
  where(condition: object): Query;
  first(): Query;
  insert(rows: readonly object[]): PromiseLike<unknown>;
}
type Tables = (table: string) => Query;
interface Knex extends Tables {
  raw(sql: string, values: readonly unknown[]): PromiseLike<unknown>;
  transaction<T>(work: (inside: Tables) => Promise<T>): Promise<T>;
  destroy(): Promise<void>;
}
type Make = (options: object) => Knex;
/** A dialect, as far as it gets its connections. */
interface Dialect {
  checkVersion(client: PoolClient): Promise<string>;
}
/** A refused checkout is what a test looks for. */
const QUIET = { warn() {} };
type DialectClass = new (config: object) => Dialect;

async function load(): Promise<Make> {
  const name = "knex";
  return ((await import(name)) as { readonly default: Make }).default;
}

function opened(knex: Knex, pool: Pool): OpenOrm {
  return {
    pool,
    itemOf: (id) => knex("orders").where({ id }).first(),
    sleep: (seconds) => knex.raw("select pg_sleep(?)", [seconds]),
    addAll: (ids, before) =>
      knex.transaction(async (inside) => {
        await inside("orders").insert(ids.map((id) => ({ id, item: itemFor(id) })));
        await before();
      }),
    async close() {
      await knex.destroy();
      if (!pool.ending) await pool.end();
    },
  };
}

export const knexWithPool: Orm = {
  name: "Knex with a pool",
  needs: ["knex"],
  seesNestedAlone: true,
  async open(Pool, config) {
    const knex = await load();
    const pool = new Pool(config);
    return opened(knex({ client: "pg", connectionPool: pool, log: QUIET }), pool);
  },
};

/** For versions before 3.3. */
export const knexWithDialect: Orm = {
  name: "Knex with a dialect",
  needs: ["knex"],
  seesNestedAlone: true,
  async open(Pool, config) {
    const knex = await load();
    const name = "knex/lib/dialects/postgres/index.js";
    const { default: Postgres } = (await import(name)) as { readonly default: DialectClass };
    const pool = new Pool(config);
    class Laned extends Postgres {
      version: string | undefined = undefined;
      initializePool(): void {}
      async acquireConnection(): Promise<PoolClient> {
        const client = await pool.connect();
        this.version ??= await this.checkVersion(client);
        return client;
      }
      async releaseConnection(client: PoolClient & { readonly __knex__disposed?: Error }): Promise<void> {
        client.release(client.__knex__disposed);
      }
      async destroy(): Promise<void> {
        await pool.end();
      }
    }
    return opened(knex({ client: Laned, connection: {}, log: QUIET }), pool);
  },
};

/** Kysely's dialect takes a pool; a query begins with `execute()`. */

import type { Pool } from "pg";
import { itemFor } from "./orm.ts";
import type { Orm } from "./orm.ts";

/** What is used of Kysely here: this file is checked without it too. */
interface Query {
  where(column: string, operator: string, value: unknown): Query;
  executeTakeFirst(): Promise<{ readonly item: string } | undefined>;
}
interface Inside {
  insertInto(table: string): { values(rows: readonly object[]): { execute(): Promise<unknown> } };
}
interface Database extends Inside {
  selectFrom(table: string): { select(column: string): Query };
  transaction(): { execute<T>(work: (inside: Inside) => Promise<T>): Promise<T> };
  destroy(): Promise<void>;
}
interface Module {
  readonly Kysely: new (options: { readonly dialect: object }) => Database;
  readonly PostgresDialect: new (options: { readonly pool: Pool }) => object;
  readonly sql: (
    parts: TemplateStringsArray,
    ...values: unknown[]
  ) => { execute(database: Database): Promise<unknown> };
}

export const kyselyOrm: Orm = {
  name: "Kysely",
  needs: ["kysely"],
  seesNestedAlone: false,
  async open(Pool, config) {
    const name = "kysely";
    const { Kysely, PostgresDialect, sql } = (await import(name)) as Module;
    const pool = new Pool(config);
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    return {
      pool,
      itemOf: (id) => db.selectFrom("orders").select("item").where("id", "=", id).executeTakeFirst(),
      sleep: (seconds) => sql`select pg_sleep(${seconds})`.execute(db),
      addAll: (ids, before) =>
        db.transaction().execute(async (inside) => {
          const rows = ids.map((id) => ({ id, item: itemFor(id) }));
          await inside.insertInto("orders").values(rows).execute();
          await before();
        }),
      close: () => db.destroy(),
    };
  },
};

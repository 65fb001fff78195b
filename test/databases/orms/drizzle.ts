/** Drizzle takes a pool; its queries begin when they are awaited. */

import type { Pool } from "pg";
import { itemFor } from "./orm.ts";
import type { Orm } from "./orm.ts";

/** What is used of Drizzle here: this file is checked without it too. */
interface Query extends PromiseLike<readonly { readonly item: string }[]> {
  where(condition: unknown): Query;
  prepare(name: string): { execute(values: object): Promise<readonly { readonly item: string }[]> };
}
interface Inside {
  insert(table: unknown): { values(rows: readonly object[]): PromiseLike<unknown> };
}
interface Drizzle extends Inside {
  select(): { from(table: unknown): Query };
  execute(query: unknown): PromiseLike<unknown>;
  transaction<T>(work: (inside: Inside) => Promise<T>): Promise<T>;
}
type Column = { primaryKey(): Column; notNull(): Column };
interface Modules {
  readonly drizzle: (options: { readonly client: Pool }) => Drizzle;
  readonly pgTable: (name: string, columns: Readonly<Record<string, Column>>) => Record<string, unknown>;
  readonly integer: () => Column;
  readonly text: () => Column;
  readonly eq: (left: unknown, right: unknown) => unknown;
  readonly sql: ((parts: TemplateStringsArray, ...values: unknown[]) => unknown) & {
    placeholder(name: string): unknown;
  };
}

export const drizzleOrm: Orm = {
  name: "Drizzle",
  needs: ["drizzle-orm"],
  seesNestedAlone: true,
  async open(Pool, config) {
    const names = ["drizzle-orm/node-postgres", "drizzle-orm/pg-core", "drizzle-orm"];
    const found = await Promise.all(names.map((name) => import(name)));
    const { drizzle, pgTable, integer, text, eq, sql } = Object.assign({}, ...found) as Modules;
    const orders = pgTable("orders", { id: integer().primaryKey(), item: text().notNull() });
    const pool = new Pool(config);
    const db = drizzle({ client: pool });
    const byId = (id: unknown): Query => db.select().from(orders).where(eq(orders["id"], id));
    const prepared = byId(sql.placeholder("id")).prepare("item_of");
    return {
      pool,
      itemOf: (id) => byId(id),
      sleep: (seconds) => db.execute(sql`select pg_sleep(${seconds})`),
      addAll: (ids, before) =>
        db.transaction(async (inside) => {
          await inside.insert(orders).values(ids.map((id) => ({ id, item: itemFor(id) })));
          await before();
        }),
      itemPrepared: (id) => prepared.execute({ id }),
      close: () => pool.end(),
    };
  },
};

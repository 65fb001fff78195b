/** TypeORM makes its pool itself, of the class that it finds in `driver`; its options come from `extra`. */

import pg from "pg";
import type { Pool } from "pg";
import { itemFor } from "./orm.ts";
import type { Orm } from "./orm.ts";

/** What is used of TypeORM here: this file is checked without it too. */
interface Order {
  readonly id: number;
  readonly item: string;
}
interface Inside {
  insert(entity: unknown, rows: readonly Order[]): Promise<unknown>;
  findOneBy(entity: unknown, where: Partial<Order>): Promise<Order | null>;
}
interface Source {
  readonly manager: Inside;
  readonly driver: { readonly master: Pool };
  initialize(): Promise<Source>;
  query(sql: string, values: readonly unknown[]): Promise<unknown>;
  transaction<T>(work: (inside: Inside) => Promise<T>): Promise<T>;
  destroy(): Promise<void>;
}
interface Module {
  readonly DataSource: new (options: object) => Source;
  readonly EntitySchema: new (options: object) => object;
}

export const typeOrm: Orm = {
  name: "TypeORM",
  needs: ["typeorm"],
  seesNestedAlone: false,
  async open(Pool, config) {
    const name = "typeorm";
    const { DataSource, EntitySchema } = (await import(name)) as Module;
    const order = new EntitySchema({
      name: "orders",
      columns: { id: { type: "int", primary: true }, item: { type: "text" } },
    });
    const source = new DataSource({
      type: "postgres",
      driver: { ...pg, Pool },
      extra: config,
      entities: [order],
    });
    await source.initialize();
    return {
      pool: source.driver.master,
      itemOf: (id) => source.manager.findOneBy(order, { id }),
      sleep: (seconds) => source.query("select pg_sleep($1)", [seconds]),
      addAll: (ids, before) =>
        source.transaction(async (inside) => {
          await inside.insert(
            order,
            ids.map((id) => ({ id, item: itemFor(id) })),
          );
          await before();
        }),
      close: () => source.destroy(),
    };
  },
};

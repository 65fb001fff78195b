/** Prisma's adapter takes a pool of its own `pg`; its client is generated from a schema, and its queries are lazy. */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Pool } from "pg";
import { itemFor } from "./orm.ts";
import type { Orm } from "./orm.ts";

/** What is used of Prisma here: this file is checked without it too. */
interface Orders {
  findUnique(query: object): PromiseLike<{ readonly item: string } | null>;
  createMany(rows: { readonly data: readonly object[] }): PromiseLike<unknown>;
}
interface Prisma {
  readonly order: Orders;
  $queryRaw(parts: TemplateStringsArray, ...values: unknown[]): PromiseLike<unknown>;
  $executeRaw(parts: TemplateStringsArray, ...values: unknown[]): PromiseLike<unknown>;
  $transaction<T>(work: (inside: { readonly order: Orders }) => Promise<T>, options?: object): Promise<T>;
  $disconnect(): Promise<void>;
}
interface Adapter {
  readonly PrismaPg: new (pool: Pool, options?: object) => object;
}

const SCHEMA = `generator client {
  provider = "prisma-client"
  output   = "./client"
}
datasource db {
  provider = "postgresql"
}
model Order {
  id   Int @id
  item String
  @@map("orders")
}
`;

/** The module of the generated client. */
let client: string | undefined;

export const prismaOrm: Orm = {
  name: "Prisma",
  needs: ["prisma/build/index.js", "@prisma/client", "@prisma/adapter-pg"],
  seesNestedAlone: false,
  async open(Pool, config) {
    const name = "@prisma/adapter-pg";
    const { PrismaPg } = (await import(name)) as Adapter;
    const { PrismaClient } = (await import(generated())) as {
      readonly PrismaClient: new (options: object) => Prisma;
    };
    const pool = new Pool(config);
    const named = { statementNameGenerator: ({ sql }: { sql: string }) => `of ${sql.length}` };
    const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: true }) });
    const preparing = new PrismaClient({ adapter: new PrismaPg(pool, named) });
    return {
      pool,
      itemOf: (id) => prisma.order.findUnique({ where: { id } }),
      sleep: (seconds) => prisma.$executeRaw`select pg_sleep(${seconds})`,
      addAll: (ids, before) =>
        prisma.$transaction(async (inside) => {
          await inside.order.createMany({ data: ids.map((id) => ({ id, item: itemFor(id) })) });
          await before();
        }),
      itemPrepared: (id) => preparing.order.findUnique({ where: { id } }),
      async close() {
        await preparing.$disconnect();
        await prisma.$disconnect();
        if (!pool.ending) await pool.end();
      },
    };
  },
};

/** Generates the client of a schema. Prisma's own engine, which it would download, is only for migrations. */
export function generatePrisma(schema: URL): void {
  const main = createRequire(import.meta.url).resolve("prisma/build/index.js");
  const env = {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: "1",
    CHECKPOINT_DISABLE: "1",
  };
  const args = [main, "generate", "--schema", fileURLToPath(schema)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`prisma generate failed:\n${stdout}${stderr}`);
}

/** The client of these tests, generated once. */
function generated(): string {
  if (client !== undefined) return client;
  const folder = new URL("../.tsbuild/prisma/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const schema = new URL("schema.prisma", folder);
  writeFileSync(schema, SCHEMA);
  generatePrisma(schema);
  client = new URL("client/client.ts", folder).href;
  return client;
}

/** A Nest application of either version on either platform, for the tests. */

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { TestContext } from "node:test";

/** A decorator, which is called as a function here. */
export type Decorator = (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => void;
/** What is used of Nest here: the tests are checked without it too. */
export interface Common {
  Module(metadata: object): Decorator;
  Controller(path?: string): Decorator;
  All(path: string): Decorator;
  Get(path: string): Decorator;
  Req(): (target: object, key: string, index: number) => void;
  Res(): (target: object, key: string, index: number) => void;
}
interface Application {
  listen(port: number, host: string): Promise<unknown>;
  getUrl(): Promise<string>;
  close(): Promise<void>;
}
interface Core {
  readonly NestFactory: { create(module: unknown, ...rest: unknown[]): Promise<Application> };
}
/** A version of Nest on one of its platforms. */
export interface Platform {
  readonly name: string;
  readonly module: string;
  readonly adapter: string;
  /** Where this version of Nest is installed. */
  readonly folder: string;
}

/** Version 11 is CommonJS, version 12 ESM. */
export const FOLDERS: Readonly<Record<string, string>> = { "11": "test/frameworks", "12": "test/nest-12" };

/** A version on Express. */
export function onExpress(version: string): Platform {
  const [name, module] = [`Nest ${version} on Express`, "@nestjs/platform-express"];
  return { name, module, adapter: "ExpressAdapter", folder: FOLDERS[version]! };
}

/** A version on Fastify. */
export function onFastify(version: string): Platform {
  const [name, module] = [`Nest ${version} on Fastify`, "@nestjs/platform-fastify"];
  return { name, module, adapter: "FastifyAdapter", folder: FOLDERS[version]! };
}

/** Loads a module from where that version is installed. */
export async function load<Module>({ folder }: Platform, name: string): Promise<Module> {
  const from = createRequire(new URL(`../../${folder}/package.json`, import.meta.url));
  return (await import(pathToFileURL(from.resolve(name)).href)) as Module;
}

/** Whether the platform is Fastify. */
export function isFastify({ adapter }: Platform): boolean {
  return adapter === "FastifyAdapter";
}

/** Decorates as TypeScript would: the tests run without compiling, and decorators are no JavaScript yet. */
export function decorate(
  owner: { readonly prototype: object },
  key: string,
  ...decorators: Decorator[]
): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner.prototype, key)!;
  for (const decorator of decorators.reverse()) decorator(owner.prototype, key, descriptor);
}

/** Listens on a free port until the test ends; resolves with the URL. */
export async function create(
  t: TestContext,
  platform: Platform,
  controllers: readonly object[],
  imports: readonly object[],
): Promise<string> {
  await load(platform, "reflect-metadata");
  const common = await load<Common>(platform, "@nestjs/common");
  const { NestFactory } = await load<Core>(platform, "@nestjs/core");
  const adapters = await load<Record<string, new (options?: object) => object>>(platform, platform.module);
  // A module of Nest is a class, whatever is in it.
  // oxlint-disable-next-line typescript/no-extraneous-class
  class AppModule {}
  common.Module({ imports, controllers })(AppModule);
  const adapter = new adapters[platform.adapter]!(
    isFastify(platform) ? { forceCloseConnections: true } : undefined,
  );
  const app = await NestFactory.create(AppModule, adapter, {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  t.after(() => app.close());
  await app.listen(0, "127.0.0.1");
  return app.getUrl();
}

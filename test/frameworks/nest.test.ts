import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import type { TestContext } from "node:test";
import { Lane, LanewayModule } from "../../src/adapters/nest.ts";
import type { LanewayModuleOptions } from "../../src/adapters/nest.ts";
import type { Laneway } from "../../src/policy/laneway.ts";
import { fetchText, lanewayOf } from "../conformance/client.ts";
import type { App, Framework } from "../conformance/framework.ts";
import { conforms } from "../conformance/suite.ts";
import { needsPackage } from "../needs.ts";

/** What is used of Nest here: this file is checked without it too. */
type Decorator = (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => void;
interface Common {
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
interface Platform {
  readonly name: string;
  readonly module: string;
  readonly adapter: string;
  /** Where this version of Nest is installed. */
  readonly folder: string;
}
interface Request {
  readonly url: string;
  readonly headers: Record<string, string | undefined>;
}
/** Express' and Fastify's, as far as they agree. */
interface Response {
  status(code: number): Response;
  send(body: unknown): Response;
}

/** Version 11 is CommonJS, version 12 ESM. */
const FOLDERS: Readonly<Record<string, string>> = { "11": "test/frameworks", "12": "test/nest-12" };

function onExpress(version: string): Platform {
  const [name, module] = [`Nest ${version} on Express`, "@nestjs/platform-express"];
  return { name, module, adapter: "ExpressAdapter", folder: FOLDERS[version]! };
}

function onFastify(version: string): Platform {
  const [name, module] = [`Nest ${version} on Fastify`, "@nestjs/platform-fastify"];
  return { name, module, adapter: "FastifyAdapter", folder: FOLDERS[version]! };
}

async function load<Module>({ folder }: Platform, name: string): Promise<Module> {
  const from = createRequire(new URL(`../../${folder}/package.json`, import.meta.url));
  return (await import(pathToFileURL(from.resolve(name)).href)) as Module;
}

function isFastify({ adapter }: Platform): boolean {
  return adapter === "FastifyAdapter";
}

/** Decorates as TypeScript would: the tests run without compiling, and decorators are no JavaScript yet. */
function decorate(owner: { readonly prototype: object }, key: string, ...decorators: Decorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner.prototype, key)!;
  for (const decorator of decorators.reverse()) decorator(owner.prototype, key, descriptor);
}

async function create(
  t: TestContext,
  platform: Platform,
  controllers: readonly object[],
  imports: readonly object[],
): Promise<string> {
  await load(platform, "reflect-metadata");
  const common = await load<Common>(platform, "@nestjs/common");
  const { NestFactory } = await load<Core>(platform, "@nestjs/core");
  const adapters = await load<Record<string, new (options?: object) => object>>(platform, platform.module);
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

async function controllerOf(platform: Platform, app: App): Promise<object> {
  await load(platform, "reflect-metadata");
  const common = await load<Common>(platform, "@nestjs/common");
  class AppController {
    ownRoute(req: Request, res: Response): Promise<unknown> {
      return this.all(req, res);
    }
    async all(req: Request, res: Response): Promise<unknown> {
      const answer = await app(req.url);
      if (!("stream" in answer)) return res.status(answer.status ?? 200).send(answer.text);
      const stream = Readable.fromWeb(answer.stream as never);
      return "raw" in res ? res.send(stream) : stream.pipe(res as unknown as NodeJS.WritableStream);
    }
  }
  for (const key of ["ownRoute", "all"]) {
    common.Req()(AppController.prototype, key, 0);
    common.Res()(AppController.prototype, key, 1);
  }
  decorate(AppController, "ownRoute", Lane("bulk"), common.Get("own-route"));
  decorate(AppController, "all", common.All(isFastify(platform) ? "*" : "*path"));
  common.Controller()(AppController);
  return AppController;
}

function framework(platform: Platform): Framework {
  return {
    name: platform.name,
    needs: ["@nestjs/core", platform.module],
    folder: platform.folder,
    routeLane: true,
    async start(t, laneway, { skipPath, flowHeader, ownRefusal, ...options }, app) {
      const given: LanewayModuleOptions<Request, Response> = {
        laneway,
        ...options,
        ...(skipPath === undefined ? {} : { skip: ({ url }) => url === skipPath }),
        ...(flowHeader === undefined ? {} : { flow: ({ headers }) => headers[flowHeader] }),
        ...(ownRefusal === undefined
          ? {}
          : { onShed: (_refusal, _req, res) => void res.status(418).send(ownRefusal) }),
      };
      return create(t, platform, [await controllerOf(platform, app)], [LanewayModule.forRoot(given)]);
    },
    async twice(t, laneway) {
      const controller = await controllerOf(platform, () => ({ text: "" }));
      const imports = [LanewayModule.forRoot({ laneway }), LanewayModule.forRoot({ laneway })];
      return create(t, platform, [controller], imports);
    },
  };
}

for (const version of Object.keys(FOLDERS)) {
  conforms(framework(onExpress(version)));
  conforms(framework(onFastify(version)));
}

const SMALL = "resources: { http: { limit: 1 } }";

/** A controller with a lane of its own, of which one method has another. */
async function marked(platform: Platform, controllerLane: string): Promise<object> {
  await load(platform, "reflect-metadata");
  const common = await load<Common>(platform, "@nestjs/common");
  class Reports {
    daily(): string {
      return "daily";
    }
    alarm(): string {
      return "alarm";
    }
  }
  decorate(Reports, "daily", common.Get("daily"));
  decorate(Reports, "alarm", Lane("critical"), common.Get("alarm"));
  Lane(controllerLane)(Reports);
  common.Controller("reports")(Reports);
  return Reports;
}

for (const version of Object.keys(FOLDERS)) {
  test(`Nest ${version}: a method's lane comes before its controller's; forRootAsync takes what is injected`, async (t) => {
    if (!needsPackage(t, FOLDERS[version]!, "@nestjs/core")) return;
    const laneway = await lanewayOf(SMALL);
    const imported = LanewayModule.forRootAsync({
      imports: [
        { module: class Given {}, providers: [{ provide: "OURS", useValue: laneway }], exports: ["OURS"] },
      ],
      inject: ["OURS"],
      useFactory: async (ours: Laneway) => ({ laneway: ours }),
    });
    const url = await create(t, onExpress(version), [await marked(onExpress(version), "low")], [imported]);
    const daily = await fetchText(`${url}/reports/daily`);
    const alarm = await fetchText(`${url}/reports/alarm`);
    assert.deepEqual([daily.body, daily.headers["laneway-lane"]], ["daily", "low"]);
    assert.deepEqual([alarm.body, alarm.headers["laneway-lane"]], ["alarm", "critical"]);
  });

  test(`Nest ${version}: an unknown lane of a controller is refused at the start, with its name`, async (t) => {
    if (!needsPackage(t, FOLDERS[version]!, "@nestjs/core")) return;
    const laneway = await lanewayOf(SMALL);
    await marked(onExpress(version), "urgent");
    assert.throws(
      () => LanewayModule.forRoot({ laneway }),
      /@Lane on Reports: expected one of critical, high, normal, low, bulk, found "urgent"/,
    );
  });
}

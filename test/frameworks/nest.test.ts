import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { Lane, LanewayModule } from "../../src/adapters/nest.ts";
import type { LanewayModuleOptions } from "../../src/adapters/nest.ts";
import type { Laneway } from "../../src/policy/laneway.ts";
import { fetchText, lanewayOf } from "../conformance/client.ts";
import type { App, Framework } from "../conformance/framework.ts";
import { conforms } from "../conformance/suite.ts";
import { needsPackage } from "../needs.ts";
import { FOLDERS, create, decorate, isFastify, load, onExpress, onFastify } from "./nest-app.ts";
import type { Common, Platform } from "./nest-app.ts";

interface Request {
  readonly url: string;
  readonly headers: Record<string, string | undefined>;
}
/** Express' and Fastify's, as far as they agree. */
interface Response {
  status(code: number): Response;
  send(body: unknown): Response;
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

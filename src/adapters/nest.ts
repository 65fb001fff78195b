/** `laneway/nest`: lanes in front of a NestJS application, on Express or on Fastify. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { invalid } from "../core/errors.ts";
import type { LanewayError } from "../core/errors.ts";
import type { Laneway } from "../policy/laneway.ts";
import { Gate } from "../requests/gate.ts";
import type { LaneOptions } from "../requests/options.ts";
import { LanewayGuard } from "./nest/guard.ts";
import { checkGivenLanes } from "./nest/lane.ts";
import { surroundAll } from "./nest/surround.ts";
import type { MiddlewareConsumerLike } from "./nest/surround.ts";

export { admissionOf } from "../requests/admission.ts";
export type { Admission } from "../requests/admission.ts";
export { Lane } from "./nest/lane.ts";

/** Options of `LanewayModule.forRoot`; all but `laneway` have safe defaults. `Req` and `Res` are those of the platform. */
export interface LanewayModuleOptions<
  Req extends object = IncomingMessage,
  Res extends object = ServerResponse,
> extends LaneOptions<Req, (refusal: LanewayError, req: Req, res: Res) => unknown> {
  readonly laneway: Laneway;
}

/** Options of `LanewayModule.forRootAsync`. */
export interface LanewayModuleAsyncOptions {
  /** Modules that provide what is injected. */
  readonly imports?: readonly unknown[];
  /** What `useFactory` is called with. */
  readonly inject?: readonly unknown[];
  readonly useFactory: (...injected: never[]) => LanewayModuleOptions | Promise<LanewayModuleOptions>;
}

/** A module as Nest takes it in `imports`. */
export interface LanewayDynamicModule {
  readonly module: typeof LanewayModule;
  readonly global: boolean;
  // Nest's own lists, which are writable and of its own types.
  readonly imports: never[];
  readonly providers: never[];
}

const OPTIONS = "LANEWAY_OPTIONS";
const GATE = "LANEWAY_GATE";

/**
 * Guards every route of the application: a request goes on to the guards of modules that are imported after this one, to
 * those of its controller, and to the handler, when its turn comes in its lane. Guards of the root module and of modules
 * imported before run before it, and so may decide the lane; so does the body parser. `@Lane("critical")` on a controller
 * or a method names the lane; without it the policy's rules do.
 *
 * @example
 * @Module({ imports: [LanewayModule.forRoot({ laneway: await Laneway.fromFile("laneway.yaml") })] })
 * class AppModule {}
 */
export class LanewayModule {
  /** @throws LanewayError `LANEWAY_INVALID` for a wrong option, and for an unknown lane of a controller or a method. */
  static forRoot<Req extends object = IncomingMessage, Res extends object = ServerResponse>(
    options: LanewayModuleOptions<Req, Res>,
  ): LanewayDynamicModule {
    // Wrong options show here, in the user's own stack, rather than while Nest starts.
    gateOf(options as unknown as LanewayModuleOptions);
    return moduleWith([{ provide: OPTIONS, useValue: options }], []);
  }

  /** The same, with options that are made from what is injected. */
  static forRootAsync(options: LanewayModuleAsyncOptions): LanewayDynamicModule {
    const { imports = [], inject = [], useFactory } = options;
    return moduleWith([{ provide: OPTIONS, useFactory, inject }], imports);
  }

  /** Nest calls it at the start: the handlers of all routes are to run in the async context of their request's lane. */
  configure(consumer: MiddlewareConsumerLike): void {
    surroundAll(consumer);
  }
}

function moduleWith(providers: readonly object[], imports: readonly unknown[]): LanewayDynamicModule {
  const own = [
    ...providers,
    { provide: GATE, useFactory: gateOf, inject: [OPTIONS] },
    { provide: "APP_GUARD", useFactory: (gate: NestGate) => new LanewayGuard(gate), inject: [GATE] },
  ];
  return { module: LanewayModule, global: true, imports: [...imports] as never[], providers: own as never[] };
}

type NestGate = Gate<object, NonNullable<LanewayModuleOptions["onShed"]>>;

function gateOf(options: LanewayModuleOptions): NestGate {
  if (typeof options !== "object" || options === null)
    throw invalid("LanewayModule", "options with a laneway", options);
  const gate = new Gate("LanewayModule", options.laneway, options);
  checkGivenLanes((place, lane) => gate.checkLane(place, lane));
  return gate as unknown as NestGate;
}

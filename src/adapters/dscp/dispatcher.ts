/** Calls going out through undici, marked by the lane of the code that makes them. */

import { connect as netConnect } from "node:net";
import type { Agent, buildConnector, Dispatcher } from "undici";
import { invalid } from "../../core/errors.ts";
import { currentLane } from "../../node/context.ts";
import { CAN_MARK } from "./connection.ts";
import { FollowedMarks } from "./follow.ts";
import type { Marked } from "./follow.ts";

/** What is needed of the module `undici`: the program's own copy of it. */
export interface UndiciModule {
  readonly Agent: typeof Agent;
  readonly Dispatcher: typeof Dispatcher;
  readonly buildConnector: typeof buildConnector;
}

/** Options of undici's `Agent`, whose `connect` must be options, not a function. */
export type MarkedDispatcherOptions = Omit<Agent.Options, "connect"> & {
  readonly connect?: buildConnector.BuildOptions;
};

/** undici's own, when the options give none. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A dispatcher of undici whose connections are marked by lane, encrypted ones too. A call takes the lane of its async
 * context. Lanes with different marks share no connection, so that what is sent for one never carries the mark of
 * another; the first packet of a connection, which opens it, is never marked.
 *
 * @throws LanewayError `LANEWAY_INVALID` for a module that is not undici's, a `connect` that is a function, and marks that
 * would harm on this host's queues.
 * @example
 * import * as undici from "undici";
 * undici.setGlobalDispatcher(markedDispatcher(laneway, undici));
 */
export function markedDispatcher(
  laneway: Marked,
  undici: UndiciModule,
  options: MarkedDispatcherOptions = {},
): Dispatcher {
  if (typeof undici?.Dispatcher !== "function" || typeof undici.buildConnector !== "function")
    throw invalid("markedDispatcher: undici", `the module: import * as undici from "undici"`, undici);
  const { connect, ...rest } = options;
  if (typeof connect === "function")
    throw invalid("markedDispatcher: connect", "options for a connection", "a function");
  const marks = new FollowedMarks(laneway);
  const { allowH2, connectTimeout: timeout, maxCachedSessions } = rest;
  const given = Object.entries({ allowH2, timeout, maxCachedSessions }).filter(
    ([, value]) => value !== undefined,
  );
  const settings = { ...Object.fromEntries(given), ...connect };
  return dispatcherOf(
    undici.Dispatcher,
    marks,
    (tos) => new undici.Agent({ ...rest, connect: markedConnector(undici, settings, tos) }),
  );
}

/**
 * The class is made from the program's own copy of undici, so that the program's own `request` and `fetch` take it. It
 * holds one agent for each mark.
 */
function dispatcherOf(
  Base: typeof Dispatcher,
  marks: FollowedMarks,
  agentFor: (tos: number) => Agent,
): Dispatcher {
  const agents = new Map<number, Agent>();
  const all = (end: (agent: Agent) => Promise<void>): Promise<void[]> =>
    Promise.all([...agents.values()].map(end));
  class MarkedDispatcher extends Base {
    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      const { tos } = marks.of(currentLane());
      let agent = agents.get(tos);
      if (agent === undefined) agents.set(tos, (agent = agentFor(tos)));
      return agent.dispatch(options, handler);
    }

    override close(): Promise<void>;
    override close(callback: () => void): void;
    override async close(callback?: () => void): Promise<void> {
      await all((agent) => agent.close());
      callback?.();
    }

    override destroy(): Promise<void>;
    override destroy(error: Error | null): Promise<void>;
    override destroy(callback: () => void): void;
    override destroy(error: Error | null, callback: () => void): void;
    override async destroy(error?: Error | null | (() => void), callback?: () => void): Promise<void> {
      const told = typeof error === "function" ? error : callback;
      await all((agent) => agent.destroy(typeof error === "function" ? null : (error ?? null)));
      told?.();
    }
  }
  return new MarkedDispatcher();
}

/** undici's connector with a mark. A TLS socket takes none: the one below it is marked before TLS begins on it. */
export function markedConnector(
  { buildConnector: build }: Pick<UndiciModule, "buildConnector">,
  settings: buildConnector.BuildOptions,
  tos: number,
): buildConnector.connector {
  if (tos === 0 || !CAN_MARK) return build(settings);
  const connect = build({ ...settings, typeOfService: tos });
  return (options, callback) => {
    if (options.protocol !== "https:") return connect(options, callback);
    const { timeout, ...own } = settings;
    const raw = netConnect({
      ...(own as object),
      host: options.hostname,
      port: Number(options.port) || 443,
      ...(options.localAddress == null ? {} : { localAddress: options.localAddress }),
      typeOfService: tos,
    });
    const fail = (error: Error): void => callback(error, null);
    raw.setTimeout(timeout ?? CONNECT_TIMEOUT_MS, () => {
      const code = "UND_ERR_CONNECT_TIMEOUT";
      raw.destroy(
        Object.assign(new Error(`no connection to ${options.host ?? options.hostname} in time`), { code }),
      );
    });
    raw.once("error", fail).once("connect", () => {
      raw.off("error", fail).setTimeout(0);
      connect({ ...options, httpSocket: raw }, callback);
    });
  };
}

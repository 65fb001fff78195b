/**
 * Opens the async context of every request before Nest's guards see it. A guard cannot: what it sets is gone when Nest
 * goes on, and an interceptor, which could, makes Nest send every reply through an observable, at several times the cost
 * of all the rest. So what is opened here is empty, and the guard fills it in.
 */

import { asyncContext } from "../../node/context.ts";
import { Opened } from "../../requests/around.ts";

/** What is used of the adapter between Nest and its platform. */
interface PlatformAdapter {
  getType(): string;
  getInstance(): {
    addHook(
      name: "preHandler",
      hook: (request: { raw: object }, reply: unknown, done: () => void) => void,
    ): unknown;
  };
  use(middleware: (request: object, response: unknown, next: () => void) => void): unknown;
}

/** What Nest hands to a module's `configure`. */
export interface MiddlewareConsumerLike {
  apply(...middleware: never[]): unknown;
}

/** On the request itself: weak references cost more than it does. */
const OPENED = Symbol("laneway.opened");

interface Surrounded {
  [OPENED]?: Opened;
}

/** The context that was opened for a request of Node's. */
export function openedFor(request: object): Opened | undefined {
  return (request as Surrounded)[OPENED];
}

/**
 * Surrounds what follows the body parsers. Not by `consumer.apply`: Nest would match each path once more, and remember
 * each request in a weak set.
 */
export function surroundAll(consumer: MiddlewareConsumerLike): void {
  const adapter = (consumer as { readonly getHttpAdapter?: () => PlatformAdapter }).getHttpAdapter?.();
  if (adapter === undefined) return;
  if (adapter.getType() === "fastify")
    adapter.getInstance().addHook("preHandler", ({ raw }, _reply, done) => surround(raw, done));
  else adapter.use((request, _response, next) => surround(request, next));
}

/** Runs `next` in a context of the request's own; with several modules, in that of the first. */
function surround(request: Surrounded, next: () => void): void {
  if (request[OPENED] !== undefined) return next();
  const opened = new Opened(asyncContext.get());
  request[OPENED] = opened;
  asyncContext.run(opened, next);
}

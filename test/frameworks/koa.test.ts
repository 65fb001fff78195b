import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { koaLanes } from "../../src/adapters/koa.ts";
import { listen } from "../conformance/client.ts";
import type { App, Framework } from "../conformance/framework.ts";
import { conforms } from "../conformance/suite.ts";

/** What is used of Koa here: it brings no types of its own, and this file is checked without it too. */
interface Context {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly path: string;
  readonly url: string;
  respond?: boolean;
  status: number;
  body: unknown;
}
type Middleware = (context: Context, next: () => Promise<unknown>) => unknown;
interface Koa {
  use(middleware: Middleware): Koa;
  callback(): RequestListener;
  on(event: "error", listener: (error: unknown) => void): Koa;
}
type Module = { readonly default: new () => Koa };

function answered(app: App): Middleware {
  return async (context) => {
    const answer = await app(context.url);
    if ("stream" in answer) {
      context.body = Readable.fromWeb(answer.stream as never);
      return;
    }
    context.status = answer.status ?? 200;
    context.body = answer.text;
  };
}

async function create(): Promise<Koa> {
  const name = "koa";
  const { default: Application } = (await import(name)) as Module;
  // Koa prints what goes wrong, a client that leaves its stream as well.
  return new Application().on("error", () => {});
}

const koa: Framework = {
  name: "Koa",
  needs: ["koa"],
  routeLane: true,
  async start(t, laneway, { skipPath, flowHeader, ownRefusal, ...options }, app) {
    const server = await create();
    const onRoute = koaLanes<Context>(laneway, { lane: "bulk" });
    const onAll = koaLanes<Context>(laneway, {
      ...options,
      ...(skipPath === undefined ? {} : { skip: ({ path }) => path === skipPath }),
      ...(flowHeader === undefined ? {} : { flow: ({ req }) => req.headers[flowHeader] as string }),
      ...(ownRefusal === undefined
        ? {}
        : {
            onShed(_refusal, context) {
              context.status = 418;
              context.body = ownRefusal;
            },
          }),
    });
    server.use((context, next) =>
      context.path === "/own-route" ? onRoute(context, next) : onAll(context, next),
    );
    return listen(t, createServer(server.use(answered(app)).callback()));
  },
  async twice(t, laneway) {
    const lanes = koaLanes<Context>(laneway);
    const server = (await create()).use(lanes).use(lanes);
    return listen(t, createServer(server.use(answered(() => ({ text: "" }))).callback()));
  },
};

conforms(koa);

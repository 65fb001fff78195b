import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { expressLanes } from "../../src/adapters/express.ts";
import type { ExpressLanesOptions } from "../../src/adapters/express.ts";
import { listen } from "../conformance/client.ts";
import type { App, Framework, ServeOptions } from "../conformance/framework.ts";
import { conforms } from "../conformance/suite.ts";

/** What is used of Express here: it brings no types of its own, and this file is checked without it too. */
interface Request extends IncomingMessage {
  readonly path: string;
  readonly originalUrl: string;
}
interface Response extends ServerResponse {
  status(code: number): Response;
  send(text: string): Response;
}
type Handler = (req: Request, res: Response, next: (error?: unknown) => void) => unknown;
interface Express extends RequestListener {
  use(...handlers: (Handler | FaultHandler | RequestListener | string)[]): Express;
  get(path: string, ...handlers: Handler[]): Express;
}
type FaultHandler = (error: unknown, req: Request, res: Response, next: () => void) => unknown;
type Module = { readonly default: () => Express };

function optionsOf({
  skipPath,
  flowHeader,
  ownRefusal,
  ...options
}: ServeOptions): ExpressLanesOptions<Request, Response> {
  return {
    ...options,
    ...(skipPath === undefined ? {} : { skip: (req) => req.path === skipPath }),
    ...(flowHeader === undefined ? {} : { flow: (req) => req.headers[flowHeader] as string }),
    ...(ownRefusal === undefined
      ? {}
      : { onShed: (_refusal, _req, res) => res.status(418).send(ownRefusal) }),
  };
}

function answered(app: App): Handler {
  return async (req, res, next) => {
    try {
      const answer = await app(req.originalUrl);
      if ("stream" in answer) return Readable.fromWeb(answer.stream as never).pipe(res);
      return res.status(answer.status ?? 200).send(answer.text);
    } catch (error) {
      // Express 4 does not look at the promise of a handler.
      return next(error);
    }
  };
}

const fault: FaultHandler = (_error, _req, res, _next) => res.status(500).send("failed");

function framework(name: string, module: string): Framework {
  return {
    name,
    needs: [module],
    routeLane: true,
    async start(t, laneway, options, app) {
      const express = ((await import(module)) as Module).default;
      const server = express();
      server.get("/own-route", expressLanes<Request, Response>(laneway, { lane: "bulk" }), answered(app));
      const mounted = express().use(expressLanes(laneway, optionsOf(options)), answered(app), fault);
      return listen(t, createServer(server.use("/", mounted)));
    },
    async twice(t, laneway) {
      const express = ((await import(module)) as Module).default;
      const lanes = expressLanes(laneway);
      return listen(
        t,
        createServer(
          express().use(
            lanes,
            lanes,
            answered(() => ({ text: "" })),
            fault,
          ),
        ),
      );
    },
  };
}

conforms(framework("Express 5", "express"));
conforms(framework("Express 4", "express-4"));

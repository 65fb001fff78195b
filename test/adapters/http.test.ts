import { createServer } from "node:http";
import { Readable } from "node:stream";
import type { IncomingMessage, ServerResponse } from "node:http";
import { httpLanes } from "../../src/adapters/http.ts";
import { listen } from "../conformance/client.ts";
import type { App, Framework } from "../conformance/framework.ts";
import { conforms } from "../conformance/suite.ts";

/** Answers as a program on bare `node:http` does. */
function answered(app: App): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    try {
      const answer = await app(req.url!);
      if ("stream" in answer) return void Readable.fromWeb(answer.stream as never).pipe(res);
      res.writeHead(answer.status ?? 200, { "content-type": "text/plain" }).end(answer.text);
    } catch {
      res.writeHead(500).end();
    }
  };
}

const bare: Framework = {
  name: "node:http",
  needs: [],
  routeLane: false,
  async start(t, laneway, { skipPath, flowHeader, ownRefusal, ...options }, app) {
    return listen(
      t,
      createServer(
        httpLanes(laneway, answered(app), {
          ...options,
          ...(skipPath === undefined ? {} : { skip: (req) => req.url === skipPath }),
          ...(flowHeader === undefined ? {} : { flow: (req) => req.headers[flowHeader] as string }),
          ...(ownRefusal === undefined
            ? {}
            : { onShed: (_refusal, _req, res) => res.writeHead(418).end(ownRefusal) }),
        }),
      ),
    );
  },
  async twice(t, laneway) {
    const lanes = httpLanes(
      laneway,
      answered(() => ({ text: "" })),
    );
    return listen(t, createServer(httpLanes(laneway, lanes)));
  },
};

conforms(bare);

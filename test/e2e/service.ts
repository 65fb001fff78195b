/**
 * One service of a chain, in a process of its own: lanes in front, the next service or a database behind. Speaks to the
 * test by messages: told its policy and the URL of the next, it tells its own URL, and then whatever it starts.
 */

import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { lanedFetch } from "../../src/adapters/fetch.ts";
import { admissionOf, httpLanes } from "../../src/adapters/http.ts";
import { isLanewayError } from "../../src/core/errors.ts";
import { asyncContext } from "../../src/node/context.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";

/** What the test tells a service at its start. */
export interface Setup {
  readonly policy: string;
  /** Undefined: the last one, with the database. */
  readonly next: string | undefined;
}

/** What a service tells the test. */
export type Told =
  | { readonly url: string }
  | { readonly started: string }
  | { readonly query: string }
  | { readonly refused: string };

/** What one service saw of a request, and those behind it. */
export interface Trace {
  readonly lane: string;
  readonly rule: string;
  readonly leftMs: number;
  readonly behind: Trace | undefined;
}

const say = (told: Told): void => void process.send!(told);

process.once("message", async ({ policy, next }: Setup) => {
  const laneway = new Laneway(await parsePolicy(policy));
  const behind = next === undefined ? query(laneway) : call(laneway, next);
  const handler = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    say({ started: req.url! });
    const { lane, rule, deadline, signal } = admissionOf(req)!;
    const leftMs = deadline - performance.now();
    try {
      if (req.url === "/spend" && next !== undefined) await once(signal, "abort");
      const trace: Trace = { lane, rule, leftMs, behind: await behind(req.url!) };
      res.end(JSON.stringify(trace));
    } catch (error) {
      say({ refused: isLanewayError(error) ? `${error.code} ${error.reason}` : String(error) });
      if (!res.headersSent) res.writeHead(504).end();
    }
  };
  const server = createServer(httpLanes(laneway, (req, res) => void handler(req, res)));
  server.listen(0, "127.0.0.1", () =>
    say({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
  );
});
process.once("disconnect", () => process.exit());

/** The next service: nothing here says which lane the call is of. */
function call(laneway: Laneway, next: string): (path: string) => Promise<Trace> {
  const fetchNext = lanedFetch(laneway.resource("next"));
  return async (path) => {
    const reply = await fetchNext(`${next}${path}`);
    if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`);
    return (await reply.json()) as Trace;
  };
}

/** The database: it takes its lane from the context of the request, through timers and queues. */
function query(laneway: Laneway): (path: string) => Promise<undefined> {
  const db = laneway.resource("main-db");
  return async () => {
    await turn();
    await db.run(({ lane }) => say({ query: `${lane} ${asyncContext.get()?.lane}` }));
    return undefined;
  };
}

/** A Node service with lanes in front of a handler that throws, stalls, cuts its reply or answers early; its clients leave. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { httpLanes } from "../../src/adapters/http.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { seeded } from "../../src/testing/random.ts";
import type { Random } from "../../src/testing/random.ts";
import { ask } from "./bad-clients.ts";
import type { Seen } from "./bad-clients.ts";
import { MARK } from "./bad-upstream.ts";
import { isAtRest, judgeCounters, offeredTo, sumOf } from "./counters.ts";
import { randomPolicy } from "./gateway-policy.ts";
import type { Part, Round } from "./part.ts";
import { block, holdsWithin } from "./process-watch.ts";

const REQUESTS = 150;
const AT_ONCE = 40;
const AT_REST_MS = 10_000;
const BODY = "x".repeat(2_000);

type Handler = (res: ServerResponse, req: IncomingMessage, random: Random) => unknown;

/** What a handler does, right or wrong: the seat is free when the reply is over, or the connection. */
const HANDLERS: readonly Handler[] = [
  (res) => res.end(BODY),
  (res, req) => req.pipe(res),
  (res, req) => req.resume().on("end", () => res.end("read")),
  (res, _req, random) => setTimeout(() => res.end(BODY), random.whole(0, 80)),
  (res, _req, random) => trickle(res, random.whole(1, 5), random.pick([1, 10, 60])),
  (res) => res.write(BODY, () => res.destroy()),
  (res) => res.destroy(),
  (_res, req) => req.destroy(),
  // These read on: behind a body that nobody reads Node does not see a connection close.
  (res, req) => req.resume() && res.writeHead(200, { "content-length": "100" }).write("only this much"),
  (res, req) => req.resume() && res.socket?.end(),
  // Never an answer: the lane's time-out gives one, or, in shadow mode, the client leaves.
  (_res, req) => req.resume(),
  (res, _req, random) => {
    block(random.whole(0, 60));
    res.end("late");
  },
];

/** Each round is one server. */
export const service: Part = {
  name: "service",
  what: "a Node service with lanes, a bad handler and bad clients",
  unit: "requests",
  share: 1,
  async round(round: Round) {
    const text = randomPolicy(round.random, "http://127.0.0.1:1");
    const laneway = new Laneway(await parsePolicy(text, { file: "laneway.yaml", env: {} }));
    let arrived = 0;
    const handle = (req: IncomingMessage, res: ServerResponse): void => {
      const random = seeded(round.seed * REQUESTS + arrived++);
      const [name, value] = MARK.trim().split(": ");
      res.setHeader(name!, value!);
      random.pick(HANDLERS)(res, req, random);
    };
    const server = createServer({ requestTimeout: 0 }, httpLanes(laneway, handle, { resource: "http" }));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await serve(round, server, laneway);
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    laneway.close();
    round.work = REQUESTS;
  },
};

async function serve(round: Round, server: Server, laneway: Laneway): Promise<void> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const leavers = round.random.pick([0, 0.5, 0.9]);
  const seen: Seen[] = [];
  let left = REQUESTS;
  const client = async (): Promise<void> => {
    while (left-- > 0) seen.push(await ask(url, seeded(round.seed * REQUESTS + left), leavers));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const resource = laneway.resource("http");
  await holdsWithin(AT_REST_MS, () => isAtRest(resource.snapshot()));
  judgeCounters(round, resource);
  const offered = sumOf(resource.snapshot(), offeredTo);
  const stayed = seen.filter(({ isWhole }) => isWhole).length;
  const asked = seen.filter(({ isWhole, isAsked }) => !isWhole && isAsked).length;
  round.expect(
    offered >= stayed && offered <= stayed + asked,
    `${stayed} clients stayed and ${asked} left after they had asked, but ${offered} were counted`,
  );
  round.count("clients that left", seen.length - stayed);
  round.count("whole replies", seen.filter(({ status }) => status !== undefined).length);
  const drained = await round.settles("a drain", laneway.drain({ timeoutMs: 1_000 }));
  round.expect(drained.status === "fulfilled" && drained.value, "a service at rest does not drain");
}

function trickle(res: ServerResponse, pieces: number, stepMs: number): void {
  if (res.destroyed) return;
  if (pieces === 0) return void res.end();
  res.write(BODY);
  setTimeout(() => trickle(res, pieces - 1, stepMs), stepMs);
}

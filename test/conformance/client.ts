/** Requests over real sockets, each on a connection of its own, and a policy to send them to. */

import { once } from "node:events";
import { request } from "node:http";
import type {
  ClientRequest,
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  Server,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import type { TestContext } from "node:test";
import type { Clock } from "../../src/core/clock.ts";
import type { LaneSnapshot, ResourceSnapshot } from "../../src/core/snapshot.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";

/** One reply, read to its end. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How to send a request. */
export interface Send {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** Sends a request; resolves with the head of its reply. */
export async function open(
  url: string,
  { method = "GET", headers = {} }: Send = {},
): Promise<IncomingMessage> {
  const sent = begin(url, { method, headers });
  const [reply] = (await once(sent, "response")) as [IncomingMessage];
  return reply;
}

/** Sends a request and leaves its reply to come; whoever gives it up destroys it. */
export function begin(url: string, { method = "GET", headers = {} }: Send = {}): ClientRequest {
  const sent = request(url, { method, headers, agent: false });
  sent.end();
  return sent;
}

/** Sends a request and reads its whole reply. */
export async function fetchText(url: string, send: Send = {}): Promise<Reply> {
  const reply = await open(url, send);
  let body = "";
  for await (const chunk of reply.setEncoding("utf8")) body += chunk as string;
  return { status: reply.statusCode!, headers: reply.headers, body };
}

/** The reply as JSON. */
export function json(reply: Reply): Record<string, unknown> {
  return JSON.parse(reply.body) as Record<string, unknown>;
}

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

/** A policy in force; `text` is its YAML without the version. */
export async function lanewayOf(text: string, clock?: Clock): Promise<Laneway> {
  return new Laneway(await parsePolicy(`version: 1\n${text}`, { file: "laneway.yaml" }), {
    ...(clock === undefined ? {} : { clock }),
  });
}

/** A resource at this moment. */
export function snapshotOf(laneway: Laneway, name = "http"): ResourceSnapshot {
  return laneway.resource(name).snapshot();
}

/** A lane of a resource at this moment. */
export function laneOf(laneway: Laneway, lane: string, name = "http"): LaneSnapshot {
  const found = snapshotOf(laneway, name).lanes.find((each) => each.name === lane);
  if (found === undefined) throw new Error(`no lane ${lane}`);
  return found;
}

/** Listens on a free port until the test ends. */
export async function listen(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  // Upgraded ones too, of which the server itself knows no more.
  server.on("connection", (socket: Socket) =>
    sockets.add(socket.once("close", () => sockets.delete(socket))),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

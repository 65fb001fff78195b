/**
 * Runs in a network of its own: servers and clients that mark what they send, one after the other. Prints one line of
 * JSON for each: its name, and the ports by which its packets are known.
 */

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tls from "node:tls";
import * as undici from "undici";
import {
  listenOnBoth,
  markedConnect,
  markedDispatcher,
  markOf,
  markReplies,
} from "../../../src/adapters/dscp.ts";
import { httpLanes } from "../../../src/adapters/http.ts";
import { startGateway } from "../../../src/gateway/index.ts";
import { runInLane } from "../../../src/node/context.ts";
import { Laneway } from "../../../src/policy/laneway.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";

const RULES = "critical high normal low bulk".split(" ").map((lane) => `{ path: /${lane}, lane: ${lane} }`);

async function lanewayWith(rest: string): Promise<Laneway> {
  return new Laneway(await parsePolicy(`classify: [${RULES.join(", ")}]\n${rest}`));
}

const laneway = await lanewayWith("network: { profile: safe }\nresources: { http: { limit: 10 } }");
const rfc = await lanewayWith("network: { profile: rfc4594 }\nresources: { http: { limit: 10 } }");
const off = await lanewayWith("resources: { http: { limit: 10 } }");
const folder = mkdtempSync(join(tmpdir(), "laneway-wire-"));
process.once("exit", () => rmSync(folder, { recursive: true }));
execFileSync(
  "openssl",
  [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-keyout",
    "key.pem",
    "-out",
    "cert.pem",
  ],
  { cwd: folder, stdio: "ignore" },
);
const secure = { key: readFileSync(join(folder, "key.pem")), cert: readFileSync(join(folder, "cert.pem")) };
const warnings: string[] = [];
process.on("warning", ({ message }) => warnings.push(message));

function say(name: string, more: object): void {
  console.log(JSON.stringify({ name, ...more }));
}

/** Nobody else is in here; and a client that is given a port by chance gets none of these. */
let taken = 20_000;

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function listening(server: Server, host: string, ipv6Only = false): Promise<number> {
  server.listen({ host, port: ++taken, ipv6Only });
  await once(server, "listening");
  return portOf(server);
}

const hello = (_req: object, res: http.ServerResponse): void => void res.end("hello");

/** A GET on a kept connection. */
async function get(agent: http.Agent, url: string): Promise<void> {
  const module = url.startsWith("https:") ? https : http;
  const request = module.get(url, { agent, rejectUnauthorized: false } as https.RequestOptions);
  const [reply] = (await once(request, "response")) as [http.IncomingMessage];
  reply.resume();
  await once(reply, "end");
}

/** One kept connection, a reply in each lane: what is between them must not keep the mark before it. */
async function replies(
  name: string,
  of: Laneway,
  server: Server,
  host: string,
  scheme = "http",
): Promise<void> {
  const port = portOf(server);
  const options = { keepAlive: true, maxSockets: 1 };
  const agent = scheme === "https" ? new https.Agent(options) : new http.Agent(options);
  for (const lane of ["critical", "bulk", "high", "normal", "low"])
    await get(agent, `${scheme}://${host}:${port}/${lane}`);
  agent.destroy();
  server.close();
  say(name, { port, policy: of === laneway ? "safe" : "rfc4594" });
}

function marked(of: Laneway, server: Server): Server {
  markReplies(server, of);
  return server;
}

async function plainServers(): Promise<void> {
  const plain = (of: Laneway): Server => marked(of, http.createServer(httpLanes(of, hello)));
  const v4 = plain(laneway);
  await listening(v4, "127.0.0.1");
  await replies("replies, IPv4", laneway, v4, "127.0.0.1");
  const v6 = plain(laneway);
  await listening(v6, "::1");
  await replies("replies, IPv6", laneway, v6, "[::1]");
  const other = plain(rfc);
  await listening(other, "127.0.0.1");
  await replies("replies, rfc4594", rfc, other, "127.0.0.1");
  const dual6 = plain(laneway);
  await listening(dual6, "::");
  await replies("dual-stack, IPv6", laneway, dual6, "[::1]");
  const dual = plain(laneway);
  await listening(dual, "::");
  await replies("dual-stack, IPv4", laneway, dual, "127.0.0.1");
  const silent = plain(off);
  await listening(silent, "127.0.0.1");
  await replies("no network in the policy", off, silent, "127.0.0.1");
  for (const [name, host] of [
    ["IPv4", "127.0.0.1"],
    ["IPv6", "[::1]"],
  ] as const) {
    const both = plain(laneway);
    await listenOnBoth(both, ++taken);
    await replies(`on both, ${name}`, laneway, both, host);
  }
}

async function secureServers(): Promise<void> {
  const server = marked(laneway, https.createServer(secure, httpLanes(laneway, hello)));
  await listening(server, "127.0.0.1");
  await replies("replies, TLS", laneway, server, "localhost", "https");
  const both = marked(laneway, https.createServer(secure, httpLanes(laneway, hello)));
  await listenOnBoth(both, ++taken);
  await replies("replies, TLS on both", laneway, both, "127.0.0.1", "https");
}

/** Several replies at once on one session: while the critical one is under way, no other one gives the mark. */
async function sessions(): Promise<void> {
  for (const name of ["HTTP/2", "HTTP/2 over TLS"]) {
    const held = new Map<string, http2.Http2ServerResponse>();
    const handler = httpLanes(laneway, (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => {
      if (!req.url.endsWith("?held")) return void res.end("hello");
      held.set(req.url, res);
      res.write("begun");
    });
    const server =
      name === "HTTP/2" ? http2.createServer(handler) : http2.createSecureServer(secure, handler);
    const port = await listening(marked(laneway, server), "127.0.0.1");
    const session = http2.connect(`${name === "HTTP/2" ? "http" : "https"}://localhost:${port}`, {
      rejectUnauthorized: false,
      lookup: (_host, _options, found) => found(null, [{ address: "127.0.0.1", family: 4 }]),
    } as http2.SecureClientSessionOptions);
    const begun = async (path: string): Promise<http2.ClientHttp2Stream> => {
      const stream = session.request({ ":path": path });
      await once(stream, "data");
      return stream.resume();
    };
    const bulk = await begun("/bulk?held");
    const critical = await begun("/critical?held");
    await once(await begun("/low"), "close");
    for (const [path, stream] of [
      ["/critical?held", critical],
      ["/bulk?held", bulk],
    ] as const) {
      held.get(path)!.end("and over");
      await once(stream, "close");
    }
    session.close();
    server.close();
    say(name, { port });
  }
}

async function clients(): Promise<void> {
  const seen = createServer((socket: Socket) => socket.on("error", () => socket.destroy()).resume());
  for (const host of ["127.0.0.1", "::1"]) {
    const port = await listening(seen, host);
    const socket = markedConnect(laneway, { host, port, lane: "bulk" });
    socket.end("hello");
    await once(socket.resume(), "close");
    seen.close();
    await once(seen, "close");
    say(`markedConnect, ${host}`, { port });
  }
  const server = http.createServer(hello);
  const secured = https.createServer(secure, hello);
  const ports = [await listening(server, "127.0.0.1"), await listening(secured, "127.0.0.1")];
  const byLane = new http.Agent({
    keepAlive: true,
    typeOfService: markOf(laneway, "high")!.typeOfService,
  } as http.AgentOptions);
  await get(byLane, `http://127.0.0.1:${ports[0]}/`);
  byLane.destroy();
  say("http.Agent", { port: ports[0] });
  server.close();
  const again = http.createServer(hello);
  const port = await listening(again, "127.0.0.1");
  const dispatcher = markedDispatcher(laneway, undici, { connect: { rejectUnauthorized: false } });
  const call = async (url: string): Promise<void> => {
    await (await undici.request(url, { dispatcher })).body.text();
  };
  for (const lane of ["bulk", "critical", "bulk"])
    await runInLane(lane, async () => await call(`http://127.0.0.1:${port}/`));
  await call(`http://127.0.0.1:${port}/`);
  say("undici", { port });
  for (const lane of ["bulk", "critical"])
    await runInLane(lane, async () => await call(`https://127.0.0.1:${ports[1]}/`));
  say("undici over TLS", { port: ports[1] });
  await dispatcher.close();
  again.close();
  secured.close();
  const last = https.createServer(secure, hello);
  const lastPort = await listening(last, "127.0.0.1");
  const raw = markedConnect(laneway, { host: "127.0.0.1", port: lastPort, lane: "low" });
  const over = tls.connect({ socket: raw, rejectUnauthorized: false });
  over.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  await once(over.resume(), "close");
  last.close();
  say("tls.connect", { port: lastPort });
}

async function gateway(): Promise<void> {
  const upstream = http.createServer(hello);
  const port = await listening(upstream, "127.0.0.1");
  const text = `network: { profile: safe }\ngateway: { listen: "127.0.0.1:${++taken}", admin: false }\nresources: { http: { limit: 10, upstream: "http://127.0.0.1:${port}" } }`;
  const running = await startGateway({ laneway: await lanewayWith(text) });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (const lane of ["critical", "bulk", "normal"]) await get(agent, `${running.url}/${lane}`);
  agent.destroy();
  await running.close();
  upstream.close();
  say("gateway", { port: Number(new URL(running.url).port), upstream: port });
}

await plainServers();
await secureServers();
await sessions();
await clients();
await gateway();
say("warnings", { warnings });
// The packet that says that all others have been seen.
await new Promise((resolve) => connect(9, "127.0.0.1").once("error", resolve));
process.exit(0);

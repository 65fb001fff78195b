import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { connect } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import * as undici from "undici";
import {
  listenOnBoth,
  markedConnect,
  markedDispatcher,
  markOf,
  markReplies,
} from "../../../src/adapters/dscp.ts";
import { httpLanes } from "../../../src/adapters/http.ts";
import type { HttpLanesOptions } from "../../../src/adapters/http.ts";
import { runInLane } from "../../../src/node/context.ts";
import { Laneway } from "../../../src/policy/laneway.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";

const SRC = new URL("../../../src/", import.meta.url).href;
const RULES = "[{ path: /critical, lane: critical }, { path: /bulk, lane: bulk }]";

async function policyWith(rest: string) {
  return parsePolicy(`classify: ${RULES}\n${rest}`);
}

async function lanewayWith(
  rest = "network: { profile: safe }\nresources: { http: { limit: 10 } }",
): Promise<Laneway> {
  return new Laneway(await policyWith(rest));
}

/** A server that listens on IPv4, and the mark that each reply left its connection with. */
async function served(
  t: TestContext,
  laneway: Laneway,
  handler: (req: http.IncomingMessage, res: http.ServerResponse) => unknown = (_req, res) => res.end("hello"),
  options: HttpLanesOptions = {},
): Promise<{ server: http.Server; port: number; marks: number[]; socket: () => Socket }> {
  const server = http.createServer(httpLanes(laneway, handler, options));
  let last: Socket | undefined;
  server.on("connection", (socket) => (last = socket));
  const marks: number[] = [];
  server.prependListener("request", (_req, res) =>
    res.once("finish", () => marks.push(last!.getTypeOfService())),
  );
  markReplies(server, laneway);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return { server, port: (server.address() as AddressInfo).port, marks, socket: () => last! };
}

/** Sends bytes, and resolves with all that came until the server had answered this often. */
async function exchange(port: number, bytes: string, replies: number): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  let text = "";
  socket.setEncoding("latin1").on("data", (more: string) => (text += more));
  while (
    (text.match(/HTTP\/1\.1 [2-5]/g) ?? []).length < replies ||
    (!text.endsWith("0\r\n\r\n") && !/\r\n\r\n[^]*$/.test(text))
  )
    await once(socket, "data");
  socket.destroy();
  return text;
}

const asking = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;

async function get(agent: http.Agent, port: number, path: string): Promise<number | undefined> {
  const [reply] = (await once(http.get({ agent, port, path, host: "127.0.0.1" }), "response")) as [
    http.IncomingMessage,
  ];
  reply.resume();
  await once(reply, "end");
  return reply.statusCode;
}

function kept(t: TestContext): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return agent;
}

describe("markReplies", () => {
  it("marks a kept connection anew for each reply, and unmarks it for what has no lane", async (t) => {
    const laneway = await lanewayWith();
    const { port, marks } = await served(t, laneway, undefined, { skip: (req) => req.url === "/health" });
    const agent = kept(t);
    for (const path of ["/bulk", "/health", "/critical", "/other", "/bulk"]) await get(agent, port, path);
    assert.deepEqual(marks, [0x04, 0, 0xa0, 0, 0x04]);
  });

  it("gives a refusal the mark of the lane that refused", async (t) => {
    const laneway = await lanewayWith(
      "network: { profile: safe }\nresources: { http: { limit: 1, lanes: { bulk: { queue: { max: 0 } } } } }",
    );
    const begun = Promise.withResolvers<http.ServerResponse>();
    const { port, server } = await served(t, laneway, (req, res) => {
      if (req.url === "/critical") begun.resolve(res);
      else res.end();
    });
    let refused: Socket | undefined;
    const first = get(kept(t), port, "/critical");
    const res = await begun.promise;
    server.on("connection", (socket: Socket) => (refused = socket));
    assert.equal(await get(kept(t), port, "/bulk"), 503);
    assert.equal(refused?.getTypeOfService(), 0x04);
    res.end();
    await first;
  });

  it("marks replies that wait behind others when it is their turn", async (t) => {
    const { port, marks } = await served(t, await lanewayWith());
    await exchange(port, asking("/bulk") + asking("/critical") + asking("/bulk"), 3);
    assert.deepEqual(marks, [0x04, 0xa0, 0x04]);
    // In shadow mode handlers run before it is their reply's turn.
    const shadow = await lanewayWith(
      "enforce: false\nnetwork: { profile: safe }\nresources: { http: { limit: 10 } }",
    );
    const seen: number[] = [];
    let first: http.ServerResponse | undefined;
    const { port: other, socket } = await served(t, shadow, (req, res) => {
      if (req.url === "/bulk") return void (first = res);
      res.end("second");
      assert.equal(res.socket, null);
      first!.end("first", () => seen.push(socket().getTypeOfService()));
      seen.push(socket().getTypeOfService());
    });
    await exchange(other, asking("/bulk") + asking("/critical"), 2);
    assert.equal(seen[0], 0x04);
    assert.equal(socket().getTypeOfService(), 0xa0);
  });

  it("leaves a request that expects a continue to whoever asked for it, before or after", async (t) => {
    for (const order of ["before", "after", "nobody"] as const) {
      const laneway = await lanewayWith();
      const handler = httpLanes(laneway, (req, res) => void req.resume().on("end", () => res.end("taken")));
      const server = http.createServer(handler);
      const sockets: Socket[] = [];
      const asked = (req: http.IncomingMessage, res: http.ServerResponse): void => {
        res.writeContinue();
        handler(req, res);
      };
      server.on("connection", (socket) => sockets.push(socket));
      if (order === "before") server.on("checkContinue", asked);
      markReplies(server, laneway);
      if (order === "after") server.on("checkContinue", asked);
      assert.equal(server.listenerCount("checkContinue"), order === "nobody" ? 0 : 2);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const request = http.request({
        port,
        path: "/bulk",
        method: "POST",
        headers: { expect: "100-continue" },
      });
      request.flushHeaders();
      await once(request, "continue");
      request.end("body");
      const [reply] = (await once(request, "response")) as [http.IncomingMessage];
      reply.resume();
      await once(reply, "end");
      assert.equal(sockets[0]?.getTypeOfService(), 0x04, order);
      server.closeAllConnections();
    }
  });

  it("follows the policy: marks begin, change and end with it", async (t) => {
    const laneway = await lanewayWith("resources: { http: { limit: 10 } }");
    const { port, marks } = await served(t, laneway);
    const agent = kept(t);
    await get(agent, port, "/bulk");
    for (const profile of ["safe", "rfc4594"]) {
      const network = `network: { profile: ${profile}, checkQueue: false }`;
      laneway.update(await policyWith(`${network}\nresources: { http: { limit: 10 } }`));
      await get(agent, port, "/critical");
    }
    laneway.update(await policyWith("resources: { http: { limit: 10 } }"));
    await get(agent, port, "/critical");
    assert.deepEqual(marks, [0, 0xa0, 0xb8, 0]);
  });

  it("serves what has no packets, a socket in a file, without a mark and without a word", async (t) => {
    const laneway = await lanewayWith();
    const server = http.createServer(httpLanes(laneway, (_req, res) => res.end()));
    markReplies(server, laneway);
    const socketPath = join(tmpdir(), `laneway-dscp-${process.pid}`);
    server.listen(socketPath);
    await once(server, "listening");
    t.after(() => server.close());
    const [reply] = (await once(http.get({ socketPath, path: "/bulk" }), "response")) as [
      http.IncomingMessage,
    ];
    assert.equal(reply.statusCode, 200);
    reply.resume();
    await once(reply, "end");
    server.closeAllConnections();
  });

  it("leaves a reply alone whose client has closed its HTTP/2 stream", async (t) => {
    const laneway = await lanewayWith();
    const over = Promise.withResolvers<http2.Http2ServerResponse>();
    const handler = httpLanes(laneway, (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => {
      if (req.url === "/bulk") return void res.end("whole");
      res.once("close", () => over.resolve(res));
      session.destroy();
    });
    const server = http2.createServer(handler);
    markReplies(server, laneway);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const session = http2.connect(url);
    session.request({ ":path": "/critical" }).on("error", () => {});
    const left = await over.promise;
    assert.doesNotThrow(() => left.writeHead(200));
    const next = http2.connect(url);
    const reply = next.request({ ":path": "/bulk" });
    const [data] = (await once(reply, "data")) as [Buffer];
    assert.equal(String(data), "whole");
    next.destroy();
  });

  it("is told of misuse at once", async () => {
    const laneway = await lanewayWith();
    const server = http.createServer();
    markReplies(server, laneway);
    assert.throws(() => markReplies(server, laneway), /expected a server without marks.*call it once/);
    assert.throws(
      () => markReplies({} as Server, laneway),
      /markReplies: server: expected a server of node:http/,
    );
    assert.throws(
      () => markReplies(http.createServer(), {} as Laneway),
      /markReplies: laneway: expected a Laneway/,
    );
    assert.throws(
      () => markOf(laneway, "fast"),
      /markOf: lane: expected one of the lanes critical, .*found "fast"/,
    );
    assert.throws(() => markedConnect(laneway, { port: 1, lane: "fast" }), /expected one of the lanes/);
    assert.throws(
      () => markedDispatcher(laneway, {} as typeof undici),
      /markedDispatcher: undici: expected the module/,
    );
  });

  it("warns once on a Node that cannot mark, and serves all the same", () => {
    const program = `
      import { Socket } from "node:net";
      delete Socket.prototype.setTypeOfService;
      const { markReplies, markedConnect } = await import("${SRC}adapters/dscp.ts");
      const { Laneway } = await import("${SRC}policy/laneway.ts");
      const { parsePolicy } = await import("${SRC}policy/policy.ts");
      const { createServer, get } = await import("node:http");
      const { httpLanes } = await import("${SRC}adapters/http.ts");
      const laneway = new Laneway(await parsePolicy("network: { profile: safe }"));
      const serve = () => {
        const server = createServer(httpLanes(laneway, (req, res) => res.end("hello"), { lane: "bulk" }));
        markReplies(server, laneway);
        server.listen(0, () => get({ port: server.address().port }, (res) => (console.log(res.statusCode), process.exitCode = 0, res.resume(), server.close(), server.closeIdleConnections())));
      };
      serve();
      serve();
    `;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--input-type=module", "--eval", program],
      {
        encoding: "utf8",
      },
    );
    assert.deepEqual([status, stdout], [0, "200\n200\n"], stderr);
    assert.equal(
      stderr.match(/\[LANEWAY_MARKS_NODE\] LanewayMarkWarning: Node .* cannot mark packets/g)?.length,
      1,
    );
  });
});

describe("listenOnBoth", () => {
  it("serves IPv4 and IPv6 on one port, each with its marks, and closes both", async () => {
    const laneway = await lanewayWith();
    const server = http.createServer(httpLanes(laneway, (_req, res) => res.end()));
    const marks: number[] = [];
    server.on("connection", (socket) => socket.once("close", () => 0));
    server.on("request", (req, res) => res.once("finish", () => marks.push(req.socket.getTypeOfService())));
    markReplies(server, laneway);
    const port = await listenOnBoth(server, 0);
    for (const host of ["127.0.0.1", "[::1]"]) await (await fetch(`http://${host}:${port}/bulk`)).text();
    assert.deepEqual(marks, [0x04, 0x04]);
    await assert.rejects(listenOnBoth(server, port), /expected a server that does not listen yet/);
    const closed = new Promise<Error | undefined>((resolve) => server.close(resolve));
    server.closeIdleConnections();
    assert.equal(await closed, undefined);
    for (const host of ["127.0.0.1", "::1"]) {
      const socket = connect(port, host);
      const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
      assert.equal(error.code, "ECONNREFUSED", host);
    }
  });

  it("fails as listen does when the port of either is taken, and holds neither then", async (t) => {
    for (const host of ["0.0.0.0", "::"]) {
      const other = http.createServer();
      other.listen({ port: 0, host, ipv6Only: host === "::" });
      await once(other, "listening");
      t.after(() => other.close());
      const { port } = other.address() as AddressInfo;
      const server = http.createServer();
      await assert.rejects(listenOnBoth(server, port), { code: "EADDRINUSE" });
      const free = http.createServer();
      free.listen({ port, host: host === "::" ? "0.0.0.0" : "::", ipv6Only: host !== "::" });
      await once(free, "listening");
      free.close();
    }
  });
});

describe("markedDispatcher", () => {
  it("gives calls that are under way their replies when it is closed, and fails them when it is destroyed", async (t) => {
    const laneway = await lanewayWith();
    const arrived: (() => void)[] = [];
    const replies: http.ServerResponse[] = [];
    const server = http.createServer((req, res) => {
      if (req.url === "/again") return void res.end();
      replies.push(res);
      arrived.shift()?.();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (const end of ["close", "destroy"] as const) {
      const dispatcher = markedDispatcher(laneway, undici);
      const here = new Promise<void>((resolve) => arrived.push(resolve));
      const call = runInLane("bulk", async () => (await undici.request(url, { dispatcher })).body.text());
      const outcome = call.catch((error: Error) => error.name);
      await here;
      let over = false;
      const ended = dispatcher[end]().then(() => (over = true));
      if (end === "close") {
        await undici.request(`${url}again`).then(({ body }) => body.text());
        assert.equal(over, false);
        replies[0]!.end("whole");
      }
      await ended;
      assert.equal(await outcome, end === "close" ? "whole" : "ClientDestroyedError");
    }
    server.closeAllConnections();
  });

  it("fails a call over TLS whose server is not there, and one whose connection takes too long", async (t) => {
    const laneway = await lanewayWith();
    const lookup = (): void => {
      // It never finds the address.
    };
    const call = (host: string, options = {}): Promise<unknown> => {
      const dispatcher = markedDispatcher(laneway, undici, { connect: options });
      t.after(() => dispatcher.destroy());
      return runInLane("bulk", async () => await undici.request(`https://${host}:1/`, { dispatcher }));
    };
    await assert.rejects(call("127.0.0.1"), { code: "ECONNREFUSED" });
    await assert.rejects(call("nowhere.test", { timeout: 20, lookup }), { code: "UND_ERR_CONNECT_TIMEOUT" });
  });
});

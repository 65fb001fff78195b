import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import type { ClientHttp2Session, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { admissionOf, httpLanes, upgradeLanes } from "../../src/adapters/http.ts";
import { currentLane } from "../../src/node/context.ts";
import type { Laneway } from "../../src/policy/laneway.ts";
import { TestClock } from "../../src/testing/clock.ts";
import {
  begin,
  fetchText,
  json,
  laneOf,
  lanewayOf,
  listen,
  snapshotOf,
  until,
} from "../conformance/client.ts";
import { leaveAtRandom } from "../conformance/fixture.ts";

const ONE_SEAT = "resources: { http: { limit: 1 } }";

test("10,000 clients that leave at random moments: no seat lost, no handler runs after its client left", async (t) => {
  const laneway = await lanewayOf(ONE_SEAT);
  const late: string[] = [];
  let handled = 0;
  const url = await listen(
    t,
    createServer(
      httpLanes(laneway, async (req, res) => {
        handled++;
        if (res.destroyed || req.destroyed) late.push(req.url!);
        for (let turns = handled % 6; turns > 0; turns--) await setImmediate();
        res.end("x".repeat(1_000));
      }),
    ),
  );
  await leaveAtRandom(url, 10_000);
  await until(() => snapshotOf(laneway).seatsInUse === 0 && snapshotOf(laneway).waiting === 0);
  assert.deepEqual(late, []);
  const { admitted, cancelled, finished, failed } = laneOf(laneway, "normal");
  assert.equal(admitted, finished + failed);
  assert.ok(cancelled > 0, "no client left while it waited: the test shows nothing");
  const replies = await Promise.all([1, 2].map(() => fetchText(url)));
  assert.deepEqual(
    replies.map(({ status }) => status),
    [200, 200],
  );
});

/** Requests in one packet on one connection, so that each reply waits for those before it. */
function sendAhead(url: string, paths: readonly string[]): Socket {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(""));
  return socket;
}

test("requests that are sent ahead on one connection are forgotten with it, those not yet answered too", async (t) => {
  const laneway = await lanewayOf("resources: { http: { limit: 2 } }");
  const seen: string[] = [];
  const server = createServer(httpLanes(laneway, (req) => void seen.push(req.url!)));
  const url = await listen(t, server);
  const socket = sendAhead(url, ["/1", "/2", "/3", "/4"]);
  await until(() => seen.length === 1);
  const closed = once(server, "connection").then(([second]: Socket[]) => once(second!, "close"));
  const other = sendAhead(url, ["/5", "/6"]);
  await until(() => seen.length === 2);
  assert.equal(snapshotOf(laneway).seatsInUse, 2);
  socket.destroy();
  other.destroy();
  await closed;
  await until(() => snapshotOf(laneway).seatsInUse === 0 && snapshotOf(laneway).waiting === 0);
  assert.deepEqual(seen, ["/1", "/5"]);
});

test("a request sent ahead takes no seat that the reply before it needs, however important it is", async (t) => {
  const laneway = await lanewayOf(`
classify: [{ path: /pay, lane: critical }, { path: /export, lane: bulk }]
resources: { http: { limit: 1 } }`);
  const inLane = new AsyncLocalStorage<string>();
  const lanes: unknown[] = [];
  const laned = httpLanes(laneway, (req, res) => {
    lanes.push([req.url, inLane.getStore(), currentLane()]);
    res.end(req.url);
  });
  const url = await listen(
    t,
    createServer((req, res) => inLane.run(`context of ${req.url}`, () => laned(req, res))),
  );
  const permit = laneway.resource("http").tryAcquire()!;
  const socket = sendAhead(url, ["/export", "/pay", "/export"]);
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  await until(() => snapshotOf(laneway).waiting === 1);
  permit.release();
  await until(() => /\/export$[^]*\/pay$[^]*\/export$/m.test(text.replaceAll("HTTP", "\nHTTP")));
  assert.deepEqual(lanes, [
    ["/export", "context of /export", "bulk"],
    ["/pay", "context of /pay", "critical"],
    ["/export", "context of /export", "bulk"],
  ]);
  socket.destroy();
});

test("in shadow mode requests that are sent ahead do not wait for each other", async (t) => {
  const laneway = await lanewayOf("enforce: false\nresources: { http: { limit: 1 } }");
  const seen: string[] = [];
  const url = await listen(t, createServer(httpLanes(laneway, (req) => void seen.push(req.url!))));
  const socket = sendAhead(url, ["/1", "/2"]);
  await until(() => seen.length === 2);
  socket.destroy();
  await until(() => snapshotOf(laneway).seatsInUse === 0);
});

test("a handler learns by its signal that its client left, and that its time is up", async (t) => {
  const clock = new TestClock();
  const laneway = await lanewayOf(ONE_SEAT, clock);
  const signals: AbortSignal[] = [];
  const handler = (req: IncomingMessage): void => void signals.push(admissionOf(req)!.signal);
  const url = await listen(t, createServer(httpLanes(laneway, handler)));
  const leaves = begin(url);
  leaves.on("error", () => {});
  await until(() => signals.length === 1);
  leaves.destroy();
  await until(() => signals[0]!.aborted);
  assert.match(String(signals[0]!.reason), /the client left/);
  const waits = fetchText(url);
  await until(() => signals.length === 2);
  await clock.advance(60_000);
  assert.equal(signals[1]!.aborted, true);
  assert.equal((await waits).status, 504);
});

test("work that goes on past its time-out is reported as such, and what it says too late is dropped", async (t) => {
  const clock = new TestClock();
  const laneway = await lanewayOf(ONE_SEAT, clock);
  const replies: ServerResponse[] = [];
  const url = await listen(t, createServer(httpLanes(laneway, (_req, res) => void replies.push(res))));
  const waits = fetchText(url);
  await until(() => replies.length === 1);
  await clock.advance(60_000);
  const late = replies[0]!;
  late.setHeader("x-late", "1");
  late.writeHead(200, { "content-type": "text/plain" });
  late.write("late");
  late.end("later");
  const reply = await waits;
  assert.deepEqual([reply.status, json(reply)["reason"], reply.headers["x-late"]], [504, "task", undefined]);
  await until(() => snapshotOf(laneway).seatsInUse === 0);
  const record = laneway.resource("http").records().at(-1)!;
  assert.deepEqual([record.lane, record.reason], ["normal", "task"]);
});

test("what was set before the handler ran is gone from a 504, and the connection ends with it", async (t) => {
  const clock = new TestClock();
  const laneway = await lanewayOf(ONE_SEAT, clock);
  let arrived = 0;
  const server = createServer(
    httpLanes(laneway, (_req, res) => {
      res.setHeader("content-encoding", "gzip");
      arrived++;
    }),
  );
  const url = await listen(t, server);
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  await until(() => arrived === 1);
  await clock.advance(60_000);
  let text = "";
  for await (const chunk of socket.setEncoding("utf8")) text += chunk as string;
  assert.match(text, /^HTTP\/1\.1 504 /);
  assert.match(text, /\r\nconnection: close\r\n/i);
  assert.doesNotMatch(text, /gzip/);
});

test("a nested wait for the same seats that could never end is refused, and named", async (t) => {
  const laneway = await lanewayOf(ONE_SEAT);
  const url = await listen(
    t,
    createServer(
      httpLanes(laneway, async (_req, res) => {
        const error: unknown = await laneway
          .resource("http")
          .run(() => "two seats")
          .catch((fault: unknown) => fault);
        res.end((error as { code: string }).code);
      }),
    ),
  );
  assert.equal((await fetchText(url)).body, "LANEWAY_DEADLOCK");
});

test("work inside the handler inherits flow and deadline", async (t) => {
  const laneway = await lanewayOf(
    "resources: { http: { limit: 2 }, db: { limit: 1 } }\nflow: { header: x-tenant }",
  );
  const records: string[] = [];
  laneway.resource("db").onRecord(({ lane, flow, rule }) => void records.push(`${lane} ${flow} ${rule}`));
  const handler = async (_req: IncomingMessage, res: ServerResponse): Promise<void> => {
    await setImmediate();
    await laneway.resource("db").run(() => undefined);
    res.end();
  };
  const url = await listen(t, createServer(httpLanes(laneway, handler, { lane: "high" })));
  await fetchText(url, { headers: { "x-tenant": "t7", "x-laneway-deadline-ms": "60000" } });
  assert.deepEqual(records, ["high t7 the route"]);
});

test("the rule's resource is the one that is taken, unless the option names one", async (t) => {
  const laneway = await lanewayOf(
    "resources: { http: { limit: 1 }, pay: { limit: 1 } }\nclassify: [{ path: /pay, lane: critical, resource: pay }]",
  );
  const url = await listen(t, createServer(httpLanes(laneway, (_req, res) => res.end())));
  const permit = laneway.resource("http").tryAcquire({ lane: "critical" })!;
  assert.equal((await fetchText(`${url}/pay`)).status, 200);
  permit.release();
  const fixed = httpLanes(laneway, (_req, res) => res.end(), { resource: "http" });
  const other = await listen(t, createServer(fixed));
  await fetchText(`${other}/pay`);
  await until(() => laneOf(laneway, "critical", "http").finished === 2);
  assert.equal(laneOf(laneway, "critical", "pay").finished, 1);
});

test("wrong options are refused at once, each with what was expected", async () => {
  const laneway = await lanewayOf(ONE_SEAT);
  const handler = (): void => {};
  const wrong: [unknown, unknown, object | undefined, RegExp][] = [
    [undefined, handler, undefined, /httpLanes: expected a Laneway, found undefined/],
    [laneway, "hello", undefined, /httpLanes: handler: expected a function, found "hello"/],
    [laneway, handler, { lanes: "x" }, /httpLanes: expected an option out of lane, flow, .*, found "lanes"/],
    [laneway, handler, { skip: true }, /httpLanes: skip: expected a function, found true/],
    [laneway, handler, { onShed: 503 }, /httpLanes: onShed: expected a function, found 503/],
    [laneway, handler, { headers: "all" }, /httpLanes: headers: expected true or false, found "all"/],
    [laneway, handler, { flow: 7 }, /httpLanes: flow: expected a text or a function, found 7/],
  ];
  for (const [given, listener, options, message] of wrong)
    assert.throws(() => httpLanes(given as Laneway, listener as () => void, options), message);
});

test("an absolute target is classified by its path, a header that comes in lines by all of them", async (t) => {
  const laneway = await lanewayOf(
    `${ONE_SEAT}\nclassify: [{ path: /pay, header: { x-a: "1, 2" }, lane: critical }]`,
  );
  const url = await listen(t, createServer(httpLanes(laneway, (_req, res) => res.end())));
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.end("GET http://shop.test/pay HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nx-a: 2\r\nconnection: close\r\n\r\n");
  let text = "";
  for await (const chunk of socket.setEncoding("utf8")) text += chunk as string;
  assert.match(text, /\r\nlaneway-lane: critical\r\n/);
});

test("over HTTP/2 each request takes a seat, and gives it back when its stream ends", async (t) => {
  const clock = new TestClock();
  const laneway = await lanewayOf(`${ONE_SEAT}\nclassify: [{ host: pay.test, lane: critical }]`, clock);
  const held: Http2ServerResponse[] = [];
  const handler = (req: Http2ServerRequest, res: Http2ServerResponse): void => {
    if (req.url === "/held") held.push(res);
    else res.end("hello");
  };
  const session = await http2(t, laneway, handler);
  const quick = session.request({ ":path": "/", ":authority": "pay.test" });
  const [head] = (await once(quick, "response")) as [Record<string, string>];
  assert.deepEqual([head[":status"], head["laneway-lane"]], [200, "critical"]);
  quick.resume();
  await until(() => snapshotOf(laneway).seatsInUse === 0);
  assert.equal(laneOf(laneway, "critical").finished, 1);

  const leaves = session.request({ ":path": "/held" });
  leaves.on("error", () => {});
  await until(() => held.length === 1);
  const queued = session.request({ ":path": "/queued" });
  queued.on("error", () => {});
  await until(() => snapshotOf(laneway).waiting === 1);
  queued.close(8);
  await until(() => snapshotOf(laneway).waiting === 0);
  leaves.close(8);
  await until(() => snapshotOf(laneway).seatsInUse === 0);
  assert.equal(laneOf(laneway, "normal").failed, 1);

  const never = session.request({ ":path": "/held" });
  await until(() => held.length === 2);
  const answered = once(never, "response");
  await clock.advance(60_000);
  const [late] = (await answered) as [Record<string, string>];
  assert.equal(late[":status"], 504);
  held[1]!.writeHead(200);
  held[1]!.end("late");
  never.resume();
  await until(() => snapshotOf(laneway).seatsInUse === 0);
});

async function http2(
  t: TestContext,
  laneway: Laneway,
  handler: (req: Http2ServerRequest, res: Http2ServerResponse) => void,
): Promise<ClientHttp2Session> {
  const server = createHttp2Server(httpLanes<Http2ServerRequest, Http2ServerResponse>(laneway, handler));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    session.destroy();
    server.close();
  });
  return session;
}

const UPGRADE = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n";

test("what a client sends before its upgrade is answered reaches the handler", async (t) => {
  const laneway = await lanewayOf(ONE_SEAT);
  const sockets: Socket[] = [];
  const dial = await upgradable(t, laneway, sockets, false);
  const permit = laneway.resource("http").tryAcquire()!;
  const early = dial();
  await until(() => snapshotOf(laneway).waiting === 1);
  early.write("early");
  early.write(" bird");
  await setImmediate();
  permit.release();
  await until(() => sockets.length === 1);
  let text = "";
  sockets[0]!.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await until(() => text === "early bird");
});

async function upgradable(
  t: TestContext,
  laneway: Laneway,
  sockets: Socket[],
  reads = true,
): Promise<() => Socket> {
  const server = createServer();
  server.on(
    "upgrade",
    upgradeLanes(laneway, (_req, socket) => {
      sockets.push(socket as Socket);
      socket.on("end", () => socket.destroy());
      if (reads) socket.resume();
      t.after(() => socket.destroy());
    }),
  );
  const url = await listen(t, server);
  return () => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1").setEncoding("utf8");
    t.after(() => socket.destroy());
    socket.write(UPGRADE);
    return socket;
  };
}

test("an upgrade holds its seat until its 101 is written, and not while the connection lives", async (t) => {
  const laneway = await lanewayOf(ONE_SEAT);
  const sockets: Socket[] = [];
  const dial = await upgradable(t, laneway, sockets);
  const first = dial();
  await until(() => sockets.length === 1);
  const second = dial();
  await until(() => snapshotOf(laneway).waiting === 1);
  sockets[0]!.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  await until(() => sockets.length === 2);
  assert.match(String((await once(first, "data"))[0]), /^HTTP\/1\.1 101 /);
  assert.equal(first.destroyed, false);
  assert.equal(snapshotOf(laneway).seatsInUse, 1);
  second.destroy();
  await until(() => snapshotOf(laneway).seatsInUse === 0);
  const { finished, failed } = laneOf(laneway, "normal");
  assert.deepEqual([finished, failed], [1, 1]);
});

test("an upgrade that is refused is told so on its socket; one whose client leaves is forgotten", async (t) => {
  const laneway = await lanewayOf(ONE_SEAT);
  const sockets: Socket[] = [];
  const dial = await upgradable(t, laneway, sockets);
  const permit = laneway.resource("http").tryAcquire()!;
  const leaves = dial();
  await until(() => snapshotOf(laneway).waiting === 1);
  leaves.destroy();
  await until(() => snapshotOf(laneway).waiting === 0);
  permit.release();
  await setImmediate();
  assert.deepEqual(sockets, []);
  await laneway.drain({ timeoutMs: 0 });
  let text = "";
  for await (const chunk of dial()) text += chunk as string;
  assert.match(text, /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\n\r\n\{"type"/);
  assert.deepEqual(sockets, []);
});

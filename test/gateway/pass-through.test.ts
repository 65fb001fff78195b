import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { ask, eventually, gatewayOn, settled, startRawUpstream, startUpstream, Wire } from "./fixture.ts";

const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

test("a large random body passes byte for byte both ways, with its length or in chunks", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.writeHead(
      200,
      req.headers["content-length"] === undefined ? {} : { "content-length": req.headers["content-length"] },
    );
    req.pipe(res);
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  for (const size of [1, 1_000, 8_192, 8_193, 65_536, 65_537, 9_000_001]) {
    const sent = randomBytes(size);
    const sized = await ask(url, { body: sent, method: "PUT" });
    const chunked = await ask(url, {
      body: sent,
      method: "PUT",
      headers: { "transfer-encoding": "chunked" },
    });
    assert.equal(sized.headers["content-length"], String(size));
    assert.equal(chunked.headers["transfer-encoding"], "chunked");
    assert.equal(digest(sized.body), digest(sent), `${size} bytes with a length`);
    assert.equal(digest(chunked.body), digest(sent), `${size} bytes in chunks`);
  }
});

test("a body keeps its framing: no length is invented for a request without one, none is lost", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    req.resume().on("end", () =>
      res.end(
        JSON.stringify({
          length: req.headers["content-length"],
          encoding: req.headers["transfer-encoding"],
        }),
      ),
    );
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  assert.deepEqual((await ask(url)).json(), {});
  assert.deepEqual((await ask(url, { method: "POST", headers: { "content-length": "0" } })).json(), {
    length: "0",
  });
  assert.deepEqual((await ask(url, { body: "four" })).json(), { length: "4" });
  assert.deepEqual((await ask(url, { body: "four", headers: { "transfer-encoding": "chunked" } })).json(), {
    encoding: "chunked",
  });
  assert.deepEqual(
    (await ask(url, { method: "DELETE", body: "why", headers: { "content-length": "3" } })).json(),
    { length: "3" },
  );
});

test("replies without a body stay so: HEAD, 204 and 304", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    if (req.url === "/204") res.writeHead(204).end();
    else if (req.url === "/304") res.writeHead(304, { etag: '"v1"' }).end();
    else res.writeHead(200, { "content-length": "123456" }).end();
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const head = await ask(`${url}/`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, "123456", 0]);
  const empty = await ask(`${url}/204`);
  assert.deepEqual([empty.status, empty.body.length, empty.headers["laneway-lane"]], [204, 0, "normal"]);
  const same = await ask(`${url}/304`);
  assert.deepEqual([same.status, same.headers["etag"], same.body.length], [304, '"v1"', 0]);
});

test("several requests of one connection are answered in order on it", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    req.resume().on("end", () => res.end(`you asked ${req.url}`));
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const wire = new Wire(url);
  wire.send(
    "GET /1 HTTP/1.1\r\nhost: a\r\n\r\nPOST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
  );
  assert.deepEqual([...(await wire.untilClosed()).matchAll(/you asked \/\d/g)].map(String), [
    "you asked /1",
    "you asked /2",
    "you asked /3",
  ]);
});

test("headers keep their case, order and repetitions; those of one hop are dropped in both directions", async (t) => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    const [head = ""] = text.split("\r\n\r\n");
    const body = head.split("\r\n").slice(1).join("\n");
    socket.write(
      `HTTP/1.1 200 Quite Fine\r\nX-Cased: Yes\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: no\r\nTrailer: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream}" } }`);
  const wire = new Wire(url);
  wire.send(
    "GET /x HTTP/1.1\r\nHost: shop.example\r\nX-One: 1\r\nx-two: 2\r\nX-One: 3\r\nConnection: X-Secret, close\r\nX-Secret: s\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n",
  );
  const received = await wire.untilClosed();
  const [head = "", body = ""] = received.split("\r\n\r\n");
  assert.deepEqual(body.split("\n"), [
    `host: ${new URL(upstream).host}`,
    "connection: keep-alive",
    "X-One: 1",
    "x-two: 2",
    "X-One: 3",
    "x-forwarded-for: 9.9.9.9, 127.0.0.1",
    "x-forwarded-host: shop.example",
    "x-forwarded-proto: http",
  ]);
  assert.match(
    head,
    /^HTTP\/1\.1 200 Quite Fine\r\nX-Cased: Yes\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: /,
  );
  assert.doesNotMatch(head, /X-Hop|timeout=9|Proxy-|Trailer/);
});

test("no claim and no laneway header reaches an upstream, and an upstream's own are replaced", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.writeHead(200, { "Laneway-Lane": "spoofed", "laneway-anything": "x", "server-timing": "db;dur=5" });
    res.end(JSON.stringify(req.headers));
  });
  const { url } = await gatewayOn(
    t,
    `{ trust: { header: X-Urgency }, resources: { http: { upstream: "${upstream.url}" } } }`,
  );
  const reply = await ask(url, {
    headers: {
      "x-urgency": "bulk",
      "Laneway-Lane": "critical",
      "laneway-deadline-ms": "5",
      "X-Laneway-Lane": "bulk",
      "x-laneway-deadline-ms": "9000",
      baggage: "user=7,laneway.lane=critical, laneway.deadline-ms=5",
      "x-kept": "1",
    },
  });
  const seen = reply.json() as Record<string, unknown>;
  assert.deepEqual(
    Object.keys(seen).filter((name) => /laneway|urgency|kept/.test(name)),
    ["x-kept"],
  );
  assert.equal(seen["baggage"], "user=7");
  assert.equal(reply.headers["laneway-lane"], "bulk");
  assert.equal(reply.headers["laneway-anything"], undefined);
  assert.equal(reply.headers["laneway-wait-ms"], "0");
  assert.equal(reply.headers["server-timing"], 'db;dur=5, laneway;dur=0;desc="wait"');
});

test("an AI provider is not told who the client was", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.end(JSON.stringify(req.headers));
  });
  const { url } = await gatewayOn(
    t,
    `resources: { claude: { provider: anthropic, upstream: "${upstream.url}" } }`,
  );
  const reply = await ask(`${url}/v1/messages`, {
    body: "{}",
    headers: { "x-forwarded-for": "10.1.1.1", "anthropic-version": "2026-10-21", "x-api-key": "k" },
  });
  assert.deepEqual(
    Object.keys(reply.json()).filter((name) => name.startsWith("x-")),
    ["x-api-key"],
  );
  assert.equal(reply.json()["anthropic-version"], "2026-10-21");
});

test("the target passes as it was sent, behind the upstream's own base path; a whole URL loses its origin", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.end(`${req.headers.host} ${req.url}`);
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}/base/" } }`);
  const wire = new Wire(url);
  wire.send(
    "GET http://elsewhere.example/a/../b%2F?q=%20&r HTTP/1.1\r\nhost: elsewhere.example\r\nconnection: close\r\n\r\n",
  );
  assert.match(
    await wire.untilClosed(),
    new RegExp(`${new URL(upstream.url).host} /base/a/../b%2F\\?q=%20&r`),
  );
});

test("the head and each event of a stream leave as they come, before the upstream is done", async (t) => {
  const upstream = await startUpstream(t);
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const req = request(url, { agent: false });
  req.end();
  const arrival = await upstream.next();
  arrival.res.writeHead(200, { "content-type": "text/event-stream" });
  arrival.res.flushHeaders();
  const [res] = (await once(req, "response")) as [IncomingMessage];
  assert.equal(res.headers["content-type"], "text/event-stream");
  for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
    arrival.res.write(event);
    assert.equal(String((await once(res, "data"))[0]), event);
  }
  arrival.res.end();
  await once(res, "end");
});

const MANY_BYTES = 64 * 1024 * 1024;

test("a client that reads slowly slows the upstream down, and gets every byte", async (t) => {
  const upstream = await startUpstream(t);
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const req = request(url, { agent: false });
  req.end();
  const { res: out } = await upstream.next();
  out.end(randomBytes(MANY_BYTES));
  const [res] = (await once(req, "response")) as [IncomingMessage];
  const held = await settled(() => out.writableLength);
  assert.ok(
    held > MANY_BYTES / 2,
    `the gateway took all but ${held} bytes from the upstream while nobody read them`,
  );
  let received = 0;
  for await (const part of res) received += (part as Buffer).length;
  assert.equal(received, MANY_BYTES);
});

test("an upstream that reads slowly slows the client's upload down, and gets every byte", async (t) => {
  const upstream = await startUpstream(t);
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const req = request(url, { method: "POST", agent: false });
  req.end(randomBytes(MANY_BYTES));
  const { req: received, res } = await upstream.next();
  const held = await settled(() => req.writableLength);
  assert.ok(
    held > MANY_BYTES / 2,
    `the gateway took all but ${held} bytes from the client while nobody read them`,
  );
  let bytes = 0;
  for await (const part of received) bytes += (part as Buffer).length;
  res.end("thanks");
  await once(req, "response");
  assert.equal(bytes, MANY_BYTES);
});

test("a reply that comes while the client still uploads reaches it, and its connection stays usable", async (t) => {
  let refuse: (() => void) | undefined;
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith("GET")) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nagain");
    // Reads nothing of the body: the upload stands still when it is refused.
    socket.pause();
    refuse = () => socket.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 10\r\n\r\nno uploads");
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream}" } }`);
  const wire = new Wire(url);
  const body = randomBytes(30_000_000);
  wire.send(`POST /big HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`);
  wire.send(body.subarray(0, 20_000_000));
  assert.ok((await settled(() => wire.socket.writableLength)) > 0);
  refuse?.();
  await wire.until("no uploads");
  wire.send(body.subarray(20_000_000));
  wire.send("GET /next HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  assert.match(await wire.untilClosed(), /^HTTP\/1\.1 403[^]*HTTP\/1\.1 200[^]*again/);
});

test("a client that asks before it uploads is told to go on only when its body is wanted", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    assert.equal(req.headers["expect"], undefined);
    req.pipe(res);
  });
  const { url } = await gatewayOn(
    t,
    `resources: { main-db: { limit: 1 }, http: { upstream: "${upstream.url}" } }\nclassify: [ { path: /nowhere, lane: low, resource: main-db } ]`,
  );
  for (const length of [5, 100_000]) {
    const wanted = new Wire(url);
    wanted.send(
      `POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n`,
    );
    await wanted.until("HTTP/1.1 100 Continue\r\n\r\n");
    wanted.send("h".repeat(length));
    assert.match(await wanted.untilClosed(), /HTTP\/1\.1 200[^]*hhhhh/);
  }
  const unwanted = new Wire(url);
  unwanted.send("POST /nowhere HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
  const received = await unwanted.untilClosed();
  assert.match(received, /^HTTP\/1\.1 404/);
  assert.doesNotMatch(received, /100 Continue/);
});

test("interim answers of an upstream do not end the call", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => {
    res.writeEarlyHints({ link: "</a.css>; rel=preload" });
    res.writeProcessing();
    res.end("the real one");
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  assert.equal((await ask(url)).text, "the real one");
});

test("a connection to the upstream is used again, and every seat is free after the last reply", async (t) => {
  const ports = new Set<number>();
  const upstream = await startUpstream(t, (req, res) => {
    ports.add(req.socket.remotePort!);
    res.end("ok");
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  for (let i = 0; i < 5; i++) await ask(gateway.url);
  assert.equal(ports.size, 1);
  await eventually(() => gateway.laneway.resource("http").snapshot().seatsInUse === 0);
  const lane = gateway.laneway
    .resource("http")
    .snapshot()
    .lanes.find(({ name }) => name === "normal")!;
  assert.deepEqual([lane.admitted, lane.finished, lane.failed], [5, 5, 0]);
});

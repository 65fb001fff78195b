import assert from "node:assert/strict";
import { test } from "node:test";
import { createProxyServer } from "../../src/gateway/server.ts";
import { ask, eventually, gatewayOn, startUpstream, stateOf, Wire } from "./fixture.ts";

/** Sends bytes as they are; gives what came back until the gateway closed. */
async function answerTo(url: string, bytes: string): Promise<string> {
  const wire = new Wire(url);
  wire.send(bytes);
  return wire.untilClosed();
}

const REFUSED: Readonly<Record<string, { readonly status: number; readonly bytes: string }>> = {
  "headers of 40 kB": { status: 431, bytes: `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(40_000)}\r\n\r\n` },
  "a length and chunks together": {
    status: 400,
    bytes:
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
  },
  "chunks and a length together": {
    status: 400,
    bytes:
      "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
  },
  "two lengths": {
    status: 400,
    bytes: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
  },
  "a length list": { status: 400, bytes: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4, 4\r\n\r\nabcd" },
  "a length with a sign": {
    status: 400,
    bytes: "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\nabcd",
  },
  "chunked not last": {
    status: 400,
    bytes: "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
  },
  "an unknown transfer encoding": {
    status: 400,
    bytes: "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
  },
  "a space before a header's colon": {
    status: 400,
    bytes: "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
  },
  "a folded header": {
    status: 400,
    bytes: "GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n y\r\ncontent-length: 3\r\n z\r\n\r\n",
  },
  "a bare line feed in the head": { status: 400, bytes: "GET / HTTP/1.1\nhost: a\n\n" },
  "a null byte in a header": { status: 400, bytes: "GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n" },
  "no host": { status: 400, bytes: "GET / HTTP/1.1\r\nconnection: close\r\n\r\n" },
  "two hosts": { status: 400, bytes: "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n" },
  "something that is not HTTP": { status: 400, bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" },
  "a target that is no path": {
    status: 400,
    bytes: "OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
  },
  "a tunnel": { status: 501, bytes: "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n" },
  "a WebSocket": {
    status: 501,
    bytes:
      "GET /socket HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, close\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  },
};

test("what is not one clear request is refused, the connection closed, and the upstream hears nothing", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => {
    res.end("reached");
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  for (const [what, { status, bytes }] of Object.entries(REFUSED)) {
    const answer = await answerTo(gateway.url, bytes);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), what);
    assert.equal(answer.match(/HTTP\/1\.1 \d{3}/g)?.length, 1, `${what}: one answer`);
    assert.match(answer, /connection: close/i, what);
  }
  assert.equal(upstream.seen, 0);
  assert.equal(stateOf(gateway).seatsInUse, 0);
  assert.equal((await ask(gateway.url)).text, "reached");
});

test("chunks that turn to nonsense: 400 in the client's shape, the upstream call aborted, the seat free", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const wire = new Wire(gateway.url);
  wire.send("POST /v1/messages HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
  const arrival = await upstream.next();
  wire.send("XYZ\r\n");
  const answer = await wire.untilClosed();
  assert.match(answer, /^HTTP\/1\.1 400 [^]*connection: close[^]*"invalid_request_error"/);
  await arrival.cutOff;
  await eventually(() => stateOf(gateway).seatsInUse === 0);
});

test("chunks that turn to nonsense while the request is queued give its place up", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const running = new Wire(gateway.url);
  running.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  const { res } = await upstream.next();
  const broken = new Wire(gateway.url);
  broken.send("POST /queued HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
  await eventually(() => stateOf(gateway).waiting === 1);
  broken.send("XYZ\r\n");
  assert.match(await broken.untilClosed(), /^HTTP\/1\.1 400 /);
  assert.equal(stateOf(gateway).waiting, 0);
  res.end("fine");
  await running.until("fine");
  assert.equal(upstream.seen, 1);
});

test("chunks that turn to nonsense while the body is read for its model: 400", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `{ classify: [ { model: x, lane: low } ], resources: { gpt: { provider: openai, upstream: "${upstream.url}" } } }`,
  );
  const answer = await answerTo(
    gateway.url,
    "POST /v1/responses HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nXYZ\r\n",
  );
  assert.match(answer, /^HTTP\/1\.1 400 [^]*"invalid_request"/);
});

test("chunks that turn to nonsense behind another request: that one is answered first", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const wire = new Wire(gateway.url);
  wire.send(
    "GET /first HTTP/1.1\r\nhost: a\r\n\r\nPOST /second HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
  );
  const first = await upstream.next();
  const second = await upstream.next();
  wire.send("XYZ\r\n");
  await second.cutOff;
  first.res.end("the first");
  assert.match(await wire.untilClosed(), /^HTTP\/1\.1 200 [^]*the first[^]*HTTP\/1\.1 400 /);
});

test("nonsense behind a request is never answered in its place", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const wire = new Wire(gateway.url);
  wire.send("GET /first HTTP/1.1\r\nhost: a\r\n\r\n");
  const arrival = await upstream.next();
  wire.send("NOT HTTP AT ALL\r\n\r\n");
  assert.equal(await wire.untilClosed(), "");
  await arrival.cutOff;
  await eventually(() => stateOf(gateway).seatsInUse === 0);
});

test("an offer to upgrade to HTTP/2 is ignored, as the standard allows", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.end(JSON.stringify(req.headers));
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const answer = await answerTo(
    gateway.url,
    "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n",
  );
  assert.match(answer, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(answer, /h2c|http2-settings/);
});

test("odd but legal requests pass: any case, unusual methods, empty values, bytes beyond ASCII", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    const text = Buffer.from(String(req.headers["x-text"]), "latin1");
    res
      .writeHead(200, "\u00fcber", { "x-text": text.toString("latin1") })
      .end(`${req.method} ${JSON.stringify(req.headers["x-empty"])} ${text.toString("hex")}`);
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const wire = new Wire(gateway.url);
  wire.send(
    Buffer.from(
      "PROPFIND / HTTP/1.1\r\nHOST: a\r\nx-empty:\r\nx-text: \xe9\xff\r\nconnection: close\r\n\r\n",
      "latin1",
    ),
  );
  const answer = await wire.untilClosed();
  assert.match(answer, /x-text: \xe9\xff\r\n/);
  assert.match(answer, /PROPFIND "" e9ff/);
});

test("headers must arrive within a bound, a whole request need not: it may wait for its turn with its body unread", () => {
  const server = createProxyServer({ serve: () => Promise.resolve(), broken: () => false });
  assert.equal(server.requestTimeout, 0);
  assert.ok(server.headersTimeout > 0 && server.headersTimeout <= 60_000);
  assert.ok(
    server.keepAliveTimeout > 60_000,
    "a load balancer must be the first to close an idle connection",
  );
});

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import {
  ask,
  begin,
  eventually,
  gatewayOn,
  read,
  settled,
  startRawUpstream,
  startUpstream,
  stateOf,
  Wire,
} from "./fixture.ts";

test("an upstream that is down: 502 in the client's own shape, and the seat is free", async (t) => {
  const gone = await startUpstream(t);
  await gone.stop();
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${gone.url}", limit: 1 } }`);
  const problem = await ask(gateway.url);
  assert.equal(problem.status, 502);
  assert.equal(problem.headers["content-type"], "application/problem+json");
  const { requestId, ...rest } = problem.json();
  assert.deepEqual(rest, {
    type: "about:blank",
    title: "Bad gateway",
    status: 502,
    detail: 'the upstream of "http" cannot be reached (ECONNREFUSED)',
    code: "LANEWAY_UPSTREAM",
    reason: "unreachable",
    lane: "normal",
  });
  assert.equal(requestId, problem.headers["laneway-request-id"]);
  assert.equal(problem.headers["retry-after"], undefined);
  const anthropic = await ask(`${gateway.url}/v1/messages`, { body: "{}" });
  assert.deepEqual([anthropic.status, anthropic.json().error.type], [502, "api_error"]);
  const openai = await ask(`${gateway.url}/v1/responses`, { body: "{}" });
  assert.deepEqual([openai.status, openai.json().error.type], [502, "server_error"]);
  assert.equal(stateOf(gateway).seatsInUse, 0);
  assert.equal(stateOf(gateway).lane.failed, 3);
});

const BROKEN: Readonly<Record<string, { readonly says: string; readonly reason: string }>> = {
  "that closes without a word": { says: "", reason: "reset" },
  "that closes in the middle of its head": { says: "HTTP/1.1 200 OK\r\ncontent-le", reason: "reset" },
  "that speaks another protocol": { says: "220 mail.example ESMTP\r\n", reason: "malformed" },
  "whose header is no header": { says: "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", reason: "malformed" },
  "whose lengths contradict each other": {
    says: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    reason: "malformed",
  },
  "that gives a length and chunks": {
    says: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    reason: "malformed",
  },
  "whose headers have no end": {
    says: `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(70_000)}\r\n\r\n`,
    reason: "malformed",
  },
  "that switches protocols unasked": {
    says: "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    reason: "malformed",
  },
};

for (const [what, { says, reason }] of Object.entries(BROKEN)) {
  test(`an upstream ${what}: 502 ${reason}, and the seat is free`, async (t) => {
    const upstream = await startRawUpstream(t, (socket) => socket.end(says));
    const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream}", limit: 1 } }`);
    const reply = await ask(gateway.url, { body: "x" });
    assert.deepEqual(
      [reply.status, reply.json().code, reply.json().reason],
      [502, "LANEWAY_UPSTREAM", reason],
    );
    assert.equal(stateOf(gateway).seatsInUse, 0);
  });
}

test("an upstream that breaks off in the middle of a large upload: 502, and the connection stays usable", async (t) => {
  let breakOff: (() => void) | undefined;
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith("GET")) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nagain");
    // Reads nothing more: the upload stands still when the connection breaks.
    socket.pause();
    breakOff = () => socket.destroy();
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream}", limit: 1 } }`);
  const wire = new Wire(gateway.url);
  wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 30000000\r\n\r\n");
  wire.send(Buffer.alloc(20_000_000));
  assert.ok((await settled(() => wire.socket.writableLength)) > 0);
  breakOff?.();
  await wire.until("HTTP/1.1 502 ");
  wire.send(Buffer.alloc(10_000_000));
  wire.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  assert.match(await wire.untilClosed(), /"reset"[^]*HTTP\/1\.1 200 [^]*again/);
  await eventually(() => stateOf(gateway).seatsInUse === 0);
});

const CUT: Readonly<Record<string, string>> = {
  "with a length": "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this much",
  "in chunks": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "in chunks that turn to nonsense":
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nZZZ\r\n",
};

for (const [how, says] of Object.entries(CUT)) {
  test(`a reply ${how}, cut off by the upstream, never looks whole to the client`, async (t) => {
    const upstream = await startRawUpstream(t, (socket) => {
      socket.write(says, () => setImmediate(() => socket.destroy()));
    });
    const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream}", limit: 1 } }`);
    const [res] = (await once(begin(gateway.url), "response")) as [IncomingMessage];
    assert.equal(res.statusCode, 200);
    await assert.rejects(read(res), { code: "ECONNRESET" });
    assert.equal(res.complete, false);
    assert.equal(stateOf(gateway).seatsInUse, 0);
    assert.equal(stateOf(gateway).lane.failed, 1);
  });
}

test("a reply without a length ends with its connection, and is whole", async (t) => {
  const upstream = await startRawUpstream(t, (socket) => socket.end("HTTP/1.0 200 OK\r\n\r\nold but fine"));
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream}" } }`);
  assert.equal((await ask(gateway.url)).text, "old but fine");
});

test("an upstream that never answers: 504 when the lane's time is up, the call is aborted and the seat is free", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`, {
    clock,
  });
  const expected = [
    ["/", { status: 504, type: undefined }],
    ["/v1/messages", { status: 504, type: "timeout_error" }],
    ["/v1/embeddings", { status: 504, type: "server_error" }],
  ] as const;
  for (const [path, { status, type }] of expected) {
    const pending = ask(gateway.url + path, { body: "{}" });
    const arrival = await upstream.next();
    await clock.advance(59_999);
    assert.equal(stateOf(gateway).seatsInUse, 1);
    await clock.advance(1);
    const reply = await pending;
    assert.equal(reply.status, status);
    assert.equal(reply.json().error?.type, type);
    assert.equal(reply.headers["x-should-retry"], "false");
    assert.equal(reply.headers["retry-after"], undefined);
    await arrival.cutOff;
    await eventually(() => stateOf(gateway).seatsInUse === 0);
  }
});

test("the lane's time-out ends at the first byte of the reply: a stream may go on for as long as it likes", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`, {
    clock,
  });
  const client = begin(gateway.url);
  const arrival = await upstream.next();
  arrival.res.writeHead(200).flushHeaders();
  const [res] = (await once(client, "response")) as [IncomingMessage];
  await clock.advance(3_600_000);
  arrival.res.end("after an hour");
  assert.equal((await read(res)).text, "after an hour");
  assert.deepEqual(
    [stateOf(gateway).lane.finished, stateOf(gateway).lane.failed, stateOf(gateway).lane.timedOut],
    [1, 0, 0],
  );
});

test("an upstream's own errors pass unchanged, and count as failed when they are its fault", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    const status = Number(req.url!.slice(1));
    res.writeHead(status, { "retry-after": "77", "x-should-retry": "true" }).end(`{"odd":${status}}`);
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  for (const status of [400, 404, 429, 500, 529]) {
    const reply = await ask(`${gateway.url}/${status}`);
    assert.deepEqual(
      [reply.status, reply.text, reply.headers["retry-after"]],
      [status, `{"odd":${status}}`, "77"],
    );
  }
  await eventually(() => stateOf(gateway).seatsInUse === 0);
  assert.deepEqual([stateOf(gateway).lane.finished, stateOf(gateway).lane.failed], [2, 3]);
});

test("an upstream that comes back is used again at once", async (t) => {
  let broken = true;
  const upstream = await startRawUpstream(t, (socket) => {
    if (broken) socket.destroy();
    else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream}" } }`);
  assert.equal((await ask(gateway.url)).status, 502);
  broken = false;
  assert.equal((await ask(gateway.url)).status, 200);
});

test("a broken reply does not disturb other requests of the same client connection", async (t) => {
  const upstream = await startRawUpstream(t, (socket, text) => {
    if (text.startsWith("GET /bad")) socket.destroy();
    else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood");
  });
  const { url } = await gatewayOn(t, `resources: { http: { upstream: "${upstream}" } }`);
  const wire = new Wire(url);
  wire.send("GET /bad HTTP/1.1\r\nhost: a\r\n\r\nGET /good HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  assert.match(await wire.untilClosed(), /^HTTP\/1\.1 502 [^]*HTTP\/1\.1 200 [^]*good$/);
});

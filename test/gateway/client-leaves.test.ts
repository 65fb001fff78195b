import assert from "node:assert/strict";
import { pbkdf2 } from "node:crypto";
import { once } from "node:events";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import { queue } from "../../src/gateway/admit.ts";
import { BodyMemory } from "../../src/gateway/body-memory.ts";
import { Call, ClientLeft } from "../../src/gateway/call.ts";
import type { Route } from "../../src/gateway/classify.ts";
import { Resource } from "../../src/node/resource.ts";
import {
  ask,
  begin,
  eventually,
  gatewayOn,
  startRawUpstream,
  startUpstream,
  stateOf,
  Wire,
} from "./fixture.ts";

test("a client that leaves while queued gives its place up, and the upstream never hears of it", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const first = begin(`${gateway.url}/first`);
  const { res } = await upstream.next();
  const second = begin(`${gateway.url}/second`, { body: "with a body" });
  const third = begin(`${gateway.url}/third`);
  await eventually(() => stateOf(gateway).waiting === 2);
  second.destroy();
  await eventually(() => stateOf(gateway).waiting === 1);
  assert.equal(stateOf(gateway).lane.cancelled, 1);
  res.end();
  await once(first, "response");
  const arrival = await upstream.next();
  assert.equal(arrival.req.url, "/third");
  arrival.res.end();
  await once(third, "response");
  await eventually(() => stateOf(gateway).seatsInUse === 0);
  assert.equal(upstream.seen, 2);
});

test("a client that leaves before the reply began aborts the upstream call and frees the seat", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const client = begin(gateway.url, { body: "x" });
  const arrival = await upstream.next();
  assert.equal(stateOf(gateway).seatsInUse, 1);
  client.destroy();
  await arrival.cutOff;
  await eventually(() => stateOf(gateway).seatsInUse === 0);
  assert.deepEqual([stateOf(gateway).lane.admitted, stateOf(gateway).lane.failed], [1, 1]);
});

test("a client that leaves in the middle of a stream aborts the upstream call and frees the seat", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const client = begin(gateway.url);
  const arrival = await upstream.next();
  arrival.res.write("data: 1\n\n");
  const [res] = (await once(client, "response")) as [IncomingMessage];
  await once(res, "data");
  client.destroy();
  await arrival.cutOff;
  await eventually(() => stateOf(gateway).seatsInUse === 0);
});

test("a client that leaves while it does not read a stream aborts the upstream call and frees the seat", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const client = begin(gateway.url);
  const arrival = await upstream.next();
  arrival.res.write(Buffer.alloc(64 * 1024 * 1024));
  await once(client, "response");
  client.destroy();
  await arrival.cutOff;
  await eventually(() => stateOf(gateway).seatsInUse === 0);
});

test("a client that leaves in the middle of a large upload aborts the upstream call and frees the seat", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const wire = new Wire(gateway.url);
  wire.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
  wire.send(Buffer.alloc(100_000));
  const arrival = await upstream.next();
  arrival.req.resume();
  wire.socket.destroy();
  await arrival.cutOff;
  await eventually(() => stateOf(gateway).seatsInUse === 0);
});

test("a client that leaves before its small body is complete never takes a seat", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1 } }`);
  const wire = new Wire(gateway.url);
  wire.send("POST /half HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
  const other = begin(`${gateway.url}/other`);
  const { res } = await upstream.next();
  res.end();
  await once(other, "response");
  wire.socket.destroy();
  await wire.untilClosed();
  assert.equal(
    (await Promise.all([ask(`${gateway.url}/last`), upstream.next().then((arrival) => arrival.res.end())]))[0]
      .status,
    200,
  );
  assert.equal(upstream.seen, 2);
  assert.equal(stateOf(gateway).lane.admitted, 2);
});

test("a client that leaves while the connection to the upstream is being made frees the seat", async (t) => {
  // Takes the connection and never answers the TLS handshake.
  const silent = await startRawUpstream(t, () => {});
  const gateway = await gatewayOn(
    t,
    `resources: { http: { upstream: "${silent.replace("http:", "https:")}", limit: 1 } }`,
  );
  const client = begin(gateway.url, { body: "x" });
  await eventually(() => stateOf(gateway).seatsInUse === 1);
  client.destroy();
  await eventually(() => stateOf(gateway).seatsInUse === 0);
});

test("a client that sent several requests at once and leaves gives all of their seats and places up", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 2 } }`);
  const wire = new Wire(gateway.url);
  wire.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(12));
  const arrivals = [await upstream.next(), await upstream.next()];
  await eventually(() => stateOf(gateway).waiting === 10);
  wire.socket.destroy();
  await Promise.all(arrivals.map(({ cutOff }) => cutOff));
  await eventually(() => stateOf(gateway).seatsInUse === 0 && stateOf(gateway).waiting === 0);
  assert.equal(stateOf(gateway).lane.cancelled, 10);
  await gateway.drain();
});

test("a client that left before the upstream was connected is not asked for there", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => {
    res.end("ok");
  });
  const gateway = await gatewayOn(
    t,
    `resources: { http: { upstream: "${upstream.url.replace("127.0.0.1", "localhost")}" } }`,
  );
  // Looking a name up takes a thread of the pool: while all of them are busy no connection is made.
  const busy = Promise.all(
    Array.from({ length: 4 }, () => promisify(pbkdf2)("x", "y", 300_000, 32, "sha256")),
  );
  const left = begin(`${gateway.url}/left`);
  await eventually(() => stateOf(gateway).seatsInUse === 1);
  left.destroy();
  await eventually(() => stateOf(gateway).seatsInUse === 0);
  assert.equal(upstream.connections, 0);
  const stayed = ask(`${gateway.url}/stayed`);
  await busy;
  await stayed;
  await eventually(() => upstream.connections === 2);
  await ask(`${gateway.url}/last`);
  assert.equal(upstream.seen, 2);
});

test("from the first byte of the reply on, no ping is due and the body is let go", () => {
  const req = new IncomingMessage(new Socket());
  req.url = "/";
  const memory = new BodyMemory(10);
  const call = new Call(req, new ServerResponse(req), { expectsContinue: false, memory, onClosed: () => {} });
  let stopped = 0;
  call.warm = { stop: () => stopped++ } as never;
  call.hold(10);
  call.body = Buffer.alloc(10);
  assert.throws(() => memory.hold(1), { code: "LANEWAY_REJECTED" });
  call.replyBegins();
  assert.deepEqual([stopped, call.body, call.begun], [1, undefined, true]);
  memory.hold(10);
  call.res.emit("close");
  assert.throws(() => memory.hold(1), "what was freed already is not freed again");
});

test("a client that left between two steps is not forgotten: the next one stops at once", async () => {
  const req = new IncomingMessage(new Socket());
  req.url = "/";
  const call = new Call(req, new ServerResponse(req), {
    expectsContinue: false,
    memory: new BodyMemory(0),
    onClosed: () => {},
  });
  call.res.emit("close");
  const told: Error[] = [];
  call.whenStopped((reason) => told.push(reason));
  assert.deepEqual(
    told.map(({ message }) => message),
    ["the client left"],
  );
  const resource = new Resource({ name: "http", limit: 1 });
  const permit = resource.tryAcquire();
  const route = {
    upstream: { resource },
    classification: { lane: "normal", flow: "a", rule: "" },
  } as unknown as Route;
  await assert.rejects(queue(call, route), ClientLeft);
  assert.equal(resource.snapshot().waiting, 0);
  permit?.release();
});

test("clients that leave at any moment at all leave no seat and no waiter behind", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    req.resume();
    res.write("some");
    setImmediate(() => setImmediate(() => res.end("more")));
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 3 } }`);
  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let moment = 0; moment < 60; moment++) {
    const clients = Array.from({ length: 6 }, (_, index) =>
      begin(gateway.url, index % 2 === 0 ? {} : { body: "x".repeat(index * 40_000) }),
    );
    await turns(moment);
    for (const client of clients) client.destroy();
  }
  await eventually(() => stateOf(gateway).seatsInUse === 0 && stateOf(gateway).waiting === 0);
  const { admitted, finished, failed } = stateOf(gateway).lane;
  assert.equal(admitted, finished + failed);
  assert.equal((await ask(gateway.url)).text, "somemore");
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Http1Connections } from "../../../../src/verify/load/http1/connections.ts";
import type { Http1Request } from "../../../../src/verify/load/http1/connections.ts";

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** A server that hands each request to `answer`, with the number of the connection, from 1. */
async function serverOf(
  t: TestContext,
  answer: (socket: Socket, connection: number, text: string) => void,
): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const number = sockets.length;
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => answer(socket, number, bytes.toString()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

function get(path = "/", idempotent = true): Http1Request {
  return { bytes: Buffer.from(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`), bodiless: false, idempotent };
}

type Settled = { readonly status: number } | { readonly why: string; readonly code: string };

function send(connections: Http1Connections, request = get()): Promise<Settled> {
  return new Promise((resolve) => {
    let status = 0;
    connections.send(request, {
      replied: (found) => (status = found),
      ended: () => resolve({ status }),
      failed: (why, code) => resolve({ why, code }),
    });
  });
}

function connectionsTo(t: TestContext, port: number, now?: () => number): Http1Connections {
  const connections = new Http1Connections({ host: "127.0.0.1", port }, now);
  t.after(() => connections.close());
  return connections;
}

test("a connection has one request at a time, and is used again", async (t) => {
  const waiting: Socket[] = [];
  const { port, sockets } = await serverOf(t, (socket) => {
    waiting.push(socket);
    if (waiting.length === 3) for (const each of waiting.splice(0)) each.write(OK);
  });
  const connections = connectionsTo(t, port);
  for (let round = 0; round < 2; round++)
    assert.deepEqual(
      await Promise.all([1, 2, 3].map(() => send(connections))),
      Array.from({ length: 3 }, () => ({ status: 200 })),
    );
  assert.equal(sockets.length, 3);
  assert.equal(connections.open, 3);
});

test("a connection that the service wants closed is not used again", async (t) => {
  const { port, sockets } = await serverOf(t, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
  const connections = connectionsTo(t, port);
  for (let round = 0; round < 2; round++) assert.deepEqual(await send(connections), { status: 200 });
  assert.equal(sockets.length, 2);
});

test("a reply without a length ends when the service closes the connection", async (t) => {
  const { port } = await serverOf(t, (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nuntil the end"));
  assert.deepEqual(await send(connectionsTo(t, port)), { status: 200 });
});

test("a reply that breaks off, no HTTP, and nobody there are told apart", async (t) => {
  const { port } = await serverOf(t, (socket, _number, text) => {
    if (text.startsWith("GET /cut")) socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
    else socket.write("SSH-2.0-OpenSSH\r\n");
  });
  const connections = connectionsTo(t, port);
  assert.deepEqual(await send(connections, get("/cut")), {
    why: "the connection was closed before the reply was whole",
    code: "ECONNRESET",
  });
  const other = await send(connections, get("/ssh"));
  assert.match("why" in other ? other.why : "", /is not HTTP\/1\.1/);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const nobody = (server.address() as AddressInfo).port;
  server.close();
  await once(server, "close");
  const refused = await send(connectionsTo(t, nobody));
  assert.equal("code" in refused ? refused.code : "", "ECONNREFUSED");
});

/** Answers the first request of a first connection, then closes it under the second request. */
function forgetful(socket: Socket, number: number, text: string): void {
  if (number === 1 && text.includes("/second")) socket.destroy();
  else socket.write(OK);
}

test("a kept connection that turns out to be closed loses no request that may be sent again", async (t) => {
  const { port, sockets } = await serverOf(t, forgetful);
  const connections = connectionsTo(t, port);
  await send(connections, get("/first"));
  assert.deepEqual(await send(connections, get("/second")), { status: 200 });
  assert.equal(sockets.length, 2);
});

test("a request that must not be sent twice fails with its kept connection, and so does one on a new one", async (t) => {
  const { port, sockets } = await serverOf(t, forgetful);
  const connections = connectionsTo(t, port);
  await send(connections, get("/first"));
  assert.ok("why" in (await send(connections, get("/second", false))));
  assert.equal(sockets.length, 1);
  const { port: closing, sockets: all } = await serverOf(t, (socket) => socket.destroy());
  assert.ok("why" in (await send(connectionsTo(t, closing))));
  assert.equal(all.length, 1);
});

test("a connection that was idle for long is closed, not used", async (t) => {
  let now = 0;
  const { port, sockets } = await serverOf(t, (socket) => socket.write(OK));
  const connections = connectionsTo(t, port, () => now);
  await send(connections);
  now = 4_500;
  await send(connections);
  assert.equal(sockets.length, 2);
  now = 9_000;
  const closed = once(sockets[1]!, "close");
  connections.sweep();
  await closed;
  await send(connections);
  assert.equal(sockets.length, 3);
});

test("a reply that nobody wants any more is told to nobody, and its connection is closed", async (t) => {
  const asked = Promise.withResolvers<Socket>();
  const { port } = await serverOf(t, (socket) => asked.resolve(socket));
  const connections = connectionsTo(t, port);
  const told: string[] = [];
  const sending = connections.send(get(), {
    replied: () => told.push("replied"),
    ended: () => told.push("ended"),
    failed: () => told.push("failed"),
  });
  const socket = await asked.promise;
  const closed = once(socket, "close");
  sending.abandon();
  await closed;
  assert.deepEqual(told, []);
});

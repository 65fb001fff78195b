/**
 * Makes the code of a generator fast before it counts: in its first second it is compiled while it runs, and falls a
 * quarter of a second behind at 20,000 calls a second. So it first asks a server of its own, on loopback, which answers
 * at once; nothing is sent to the service.
 */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { dueInstants } from "../load/arrival.ts";
import { Http1Connections } from "../load/http1/connections.ts";
import { generatorClock } from "../load/generator-clock.ts";
import { offerLoad } from "./offer.ts";

const PER_SECOND = 8_000;
const FOR_MS = 400;
const REQUEST = Buffer.from("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
const REPLY = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nlaneway-lane: warm\r\nlaneway-wait-ms: 0\r\ncontent-length: 2\r\n\r\nok",
);

/** Sends some thousand requests to itself; settles in under a second. */
export async function warmUp(): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", () => socket.write(REPLY));
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const connections = new Http1Connections({ host: "127.0.0.1", port });
  const due = dueInstants({ kind: "steady", perSecond: PER_SECOND, fromMs: 0, untilMs: FOR_MS }, 1);
  const request = { bytes: REQUEST, bodiless: false, idempotent: true };
  const warm = offerLoad({
    plan: {
      lanes: [{ name: "warm", expects: "warm", timeoutMs: 5_000, returns: "none", returnsMax: 0 }],
      due,
      lane: new Uint16Array(due.length),
      request: new Uint32Array(due.length),
      phaseEndsMs: [FOR_MS],
      inFlightMax: 64,
    },
    seed: 1,
    clock: generatorClock(0),
    sender: { send: (_request, waiter) => connections.send(request, waiter) },
  });
  await warm.done;
  connections.close();
  for (const socket of sockets) socket.destroy();
  server.close();
}

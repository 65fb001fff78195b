/** A server that does nothing but answer: `node bench/verify-server.ts` tells its port to its parent, and ends with it. */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

const REPLY = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
);
const server = createServer({ noDelay: true }, (socket) => {
  // The generators of this benchmark have one request at a time on a connection, each in one packet.
  socket.on("data", () => socket.write(REPLY));
  socket.on("error", () => undefined);
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
await once(server, "listening");
process.on("disconnect", () => process.exit());
process.send?.((server.address() as AddressInfo).port);

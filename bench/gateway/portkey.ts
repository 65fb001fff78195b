/** Portkey's gateway as a measured process: its own start script, on a free port. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { reportUsage } from "./usage.ts";

const free = createServer().listen(0, "127.0.0.1");
await once(free, "listening");
const { port } = free.address() as AddressInfo;
free.close();
await once(free, "close");
process.argv.push("--headless", `--port=${port}`);
// Only hosts it is told to trust may be an upstream.
process.env["TRUSTED_CUSTOM_HOSTS"] = "127.0.0.1,localhost";
const script = "@portkey-ai/gateway/build/start-server.js";
await import(script);
for (;;) {
  const socket = connect(port, "127.0.0.1");
  const up = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "error").then(() => false),
  ]).catch(() => false);
  socket.destroy();
  if (up) break;
  await new Promise((resolve) => setImmediate(resolve));
}
reportUsage(port);

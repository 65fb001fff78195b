/**
 * `node --import` this: the program is a server, which is visited once it listens and ended afterwards. `LANEWAY_VISITS`
 * holds paths with the lane in which each must be answered, `/pay:critical,/export:bulk`; anything else is a failure.
 */

import { subscribe } from "node:diagnostics_channel";
import type { AddressInfo, Server } from "node:net";

const visits = (process.env["LANEWAY_VISITS"] ?? "").split(",").map((visit) => visit.split(":", 2));
let visited = false;

process.once("exit", (code) => {
  if (visited || code !== 0) return;
  console.error("it ended without listening");
  process.exitCode = 1;
});

subscribe("tracing:net.server.listen:asyncEnd", (message) => {
  const { port } = (message as { readonly server: Server }).server.address() as AddressInfo;
  if (!visited) void visitAll(`http://127.0.0.1:${port}`);
  visited = true;
});

async function visitAll(url: string): Promise<never> {
  for (const [path, lane] of visits) {
    const reply = await fetch(`${url}${path}`);
    const found = reply.headers.get("laneway-lane");
    const told = `${path}: ${reply.status} in lane ${found}: ${await reply.text()}`;
    if (reply.ok && found === lane) continue;
    console.error(`expected a reply in lane ${lane}, found ${told}`);
    process.exit(1);
  }
  process.exit(0);
}

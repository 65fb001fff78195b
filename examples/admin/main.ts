// example: no-run it serves until it is ended; test/examples/admin.test.ts does that
/**
 * A service that shows its lanes: the live page, metrics and what an operator may change, at /lanes of its own server.
 *
 *     LANEWAY_ADMIN_TOKEN=choose-a-long-one node examples/admin/main.ts
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setInterval, setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Laneway } from "laneway";
import { adminHandler, httpLanes } from "laneway/http";

const laneway = await Laneway.fromFile(fileURLToPath(new URL("laneway.yaml", import.meta.url)));

const service = httpLanes(laneway, async (req, res) => {
  await sleep(req.url === "/api/export" ? 400 : 20);
  res.end("done");
});
const admin = adminHandler(laneway, {
  prefix: "/lanes",
  token: process.env["LANEWAY_ADMIN_TOKEN"] || undefined,
});

// The pages take no seat: they must be there when everything else is full.
const server = createServer((req, res) =>
  req.url?.startsWith("/lanes") ? admin(req, res) : service(req, res),
);
server.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
console.log(`the page:     ${url}/lanes/`);
console.log(`the terminal: npx laneway top --admin ${url}/lanes`);
console.log(`an override:  npx laneway override http --lane bulk --state paused --admin ${url}/lanes`);

// Somebody has to come: ten payments a second, and eight exports, which is more than the other three seats can do.
for await (const _ of setInterval(500)) {
  for (let n = 0; n < 5; n++) void fetch(`${url}/api/pay`).then((reply) => reply.text());
  for (let n = 0; n < 4; n++) void fetch(`${url}/api/export`).then((reply) => reply.text());
}

/**
 * Lanes in front of a server of node:http.
 *
 *     node examples/http/main.ts
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Laneway } from "laneway";
import { httpLanes } from "laneway/http";

const laneway = await Laneway.fromFile(fileURLToPath(new URL("laneway.yaml", import.meta.url)));

const server = createServer(
  httpLanes(laneway, async (req, res) => {
    if (req.url === "/api/export") await sleep(50);
    res.end("done");
  }),
);
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

// Nine exports at once, and somebody who pays.
const exports = Array.from({ length: 9 }, () => fetch(`${url}/api/export`));
const payment = await fetch(`${url}/api/pay`);
console.log(`payment: ${payment.status} in lane ${payment.headers.get("laneway-lane")}`);
const statuses = (await Promise.all(exports)).map(({ status }) => status);
console.log(`exports: ${statuses.join(" ")}`);
server.close();

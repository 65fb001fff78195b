/**
 * Lanes in front of an Express application.
 *
 *     npm install --no-save --prefix examples express
 *     node examples/express/main.ts
 */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import express from "express";
import { Laneway } from "laneway";
import { expressLanes } from "laneway/express";

const laneway = await Laneway.fromFile(fileURLToPath(new URL("laneway.yaml", import.meta.url)));

const app = express();
// First of all: a request that is refused costs no body parsing and no look-up of its session.
app.use(expressLanes(laneway));
app.use(express.json());
app.get("/api/pay", (_req, res) => void res.send("paid"));
app.get("/api/export", async (_req, res) => {
  await sleep(50);
  res.send("exported");
});

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

// Nine exports at once, and somebody who pays.
const exports = Array.from({ length: 9 }, () => fetch(`${url}/api/export`));
const payment = await fetch(`${url}/api/pay`);
console.log(`payment: ${payment.status} in lane ${payment.headers.get("laneway-lane")}`);
const statuses = (await Promise.all(exports)).map(({ status }) => status);
console.log(`exports: ${statuses.join(" ")}`);
server.close();

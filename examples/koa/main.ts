/**
 * Lanes in front of a Koa application.
 *
 *     npm install --no-save --prefix examples koa
 *     node examples/koa/main.ts
 */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Koa from "koa";
import { Laneway } from "laneway";
import { koaLanes } from "laneway/koa";

const laneway = await Laneway.fromFile(fileURLToPath(new URL("laneway.yaml", import.meta.url)));

const app = new Koa();
app.use(koaLanes(laneway));
app.use(async (context) => {
  if (context.path === "/api/export") await sleep(50);
  context.body = "done";
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

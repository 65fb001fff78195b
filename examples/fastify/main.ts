/**
 * Lanes in front of a Fastify application.
 *
 *     npm install --no-save --prefix examples fastify
 *     node examples/fastify/main.ts
 */

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import Fastify from "fastify";
import { Laneway } from "laneway";
import { fastifyLanes } from "laneway/fastify";

const laneway = await Laneway.fromFile(fileURLToPath(new URL("laneway.yaml", import.meta.url)));

const app = Fastify();
await app.register(fastifyLanes, { laneway });
app.get("/api/pay", async () => "paid");
// A route may name its lane itself, whatever the policy's rules say.
app.get("/api/export", { config: { lane: "bulk" } }, async () => {
  await sleep(50);
  return "exported";
});

const url = await app.listen({ port: 0, host: "127.0.0.1" });

// Nine exports at once, and somebody who pays.
const exports = Array.from({ length: 9 }, () => fetch(`${url}/api/export`));
const payment = await fetch(`${url}/api/pay`);
console.log(`payment: ${payment.status} in lane ${payment.headers.get("laneway-lane")}`);
const statuses = (await Promise.all(exports)).map(({ status }) => status);
console.log(`exports: ${statuses.join(" ")}`);
await app.close();

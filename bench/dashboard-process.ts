/** A process that serves the live page of some busy resources, as a gateway does, and tells what processor time it used. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { adminPages } from "../src/admin/handler.ts";
import { Laneway } from "../src/policy/laneway.ts";
import { parsePolicy } from "../src/policy/policy.ts";
import { workedMicroseconds } from "./question.ts";

const POLICY = `
resources:
  http: { limit: 64 }
  claude: { limit: 8 }
  main-db: { limit: 20 }
`;
const WAITING = 20;

const laneway = new Laneway(await parsePolicy(POLICY));
for (const resource of laneway.resources.values())
  for (let i = 0; i < resource.snapshot().limit + WAITING; i++)
    resource.acquire({ lane: "bulk", flow: `tenant-${i % 5}` }).catch(() => undefined);
const pages = adminPages(laneway, { log: () => undefined });
// As after five minutes.
for (let i = 0; i < 300; i++) pages.feed.tick();
const server = createServer(pages).listen(0, "127.0.0.1");
await once(server, "listening");
process.on("message", () =>
  process.send!({ microseconds: workedMicroseconds(), listeners: pages.feed.listeners }),
);
process.on("disconnect", () => process.exit(0));
process.send!({ port: (server.address() as AddressInfo).port });

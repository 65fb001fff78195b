/** A measured server in a process of its own: `node bench/http/server.ts express lanes`. */

import { once } from "node:events";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { reportUsage } from "../gateway/usage.ts";
import { FRAMEWORKS } from "./frameworks.ts";
import type { Front } from "./frameworks.ts";

/** The default lanes, a few rules, a limit that is never reached. */
const POLICY = `
classify:
  - { path: /health, lane: critical }
  - { path: /api/payments/**, lane: critical }
  - { path: /api/export/**, method: GET, lane: bulk }
resources:
  http: { limit: 1000 }
`;

const [framework = "", front = ""] = process.argv.slice(2);
const start = FRAMEWORKS[framework];
if (start === undefined)
  throw new Error(
    `bench/http/server.ts: expected one of ${Object.keys(FRAMEWORKS).join(", ")}, found ${framework}`,
  );
const server = await start(front === "lanes" ? new Laneway(await parsePolicy(POLICY)) : (front as Front));
server.listen(0, "127.0.0.1");
await once(server, "listening");
reportUsage(server);

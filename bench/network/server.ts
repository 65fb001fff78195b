/**
 * A service whose replies go over the link: small ones in every lane, and downloads without end in the lowest. Marks as
 * the first argument says: safe, rfc4594 or none. With `turns` each request is of another lane than the one before.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerResponse } from "node:http";
import { once } from "node:events";
import { markReplies } from "../../src/adapters/dscp.ts";
import { httpLanes } from "../../src/adapters/http.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { reportUsage } from "../gateway/usage.ts";

const [profile = "none", host = "127.0.0.1", how = ""] = process.argv.slice(2);
const LANES = ["critical", "high", "normal", "low", "bulk"];
const rules = LANES.map((lane) => `{ path: /${lane}, lane: ${lane} }`).join(", ");
const network = profile === "none" ? "" : `network: { profile: ${profile}, checkQueue: false }\n`;
const laneway = new Laneway(
  await parsePolicy(
    `${network}classify: [${rules}, { path: /download, lane: bulk }]\nresources: { http: { limit: 1000 } }`,
  ),
);
const CHUNK = Buffer.alloc(16_384, "x");
const SMALL = Buffer.alloc(200, "x");

function download(res: ServerResponse): void {
  const more = (): void => {
    while (!res.destroyed && res.write(CHUNK));
  };
  res.on("drain", more);
  more();
}

let turn = 0;
const inTurns = { lane: () => LANES[turn++ % LANES.length]! };
const server = createServer(
  httpLanes(
    laneway,
    (req, res) => {
      if (req.url === "/download") download(res);
      else res.end(SMALL);
    },
    how === "turns" ? inTurns : {},
  ),
);
if (profile !== "none") markReplies(server, laneway);
// A busy machine may leave a connection alone for longer than the usual five seconds.
server.keepAliveTimeout = 60_000;
server.listen(0, host);
await once(server, "listening");
if (process.send !== undefined) reportUsage(server);
else console.log((server.address() as AddressInfo).port);

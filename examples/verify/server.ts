// example: no-run it serves until it is ended
/**
 * A service with a database that can do 400 requests a second, to be overloaded:
 *
 *     node examples/verify/server.ts               with lanes, on port 3000
 *     node examples/verify/server.ts --no-lanes    without, on port 3001
 *     npx laneway verify http://127.0.0.1:3000 --compare http://127.0.0.1:3001 --policy examples/verify/laneway.yaml
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Laneway } from "laneway";
import { httpLanes } from "laneway/http";

const CONNECTIONS = 8;
const QUERY_MS = 20;
const SLOW_QUERY_MS = 500;

// The database: eight connections, and a line for them in which everybody stands in order of arrival.
let free = CONNECTIONS;
const line: { readonly res: ServerResponse; readonly go: () => void }[] = [];

async function query(ms: number, res: ServerResponse): Promise<void> {
  if (free > 0) free--;
  else await new Promise<void>((go) => line.push({ res, go }));
  await sleep(ms);
  // Who has left is passed over; a query that runs is not taken back, as in most databases.
  let next = line.shift();
  while (next?.res.destroyed === true) next = line.shift();
  if (next === undefined) free++;
  else next.go();
}

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  await query(req.url === "/slow" ? SLOW_QUERY_MS : QUERY_MS, res);
  res.end("done\n");
}

const lanes = !process.argv.includes("--no-lanes");
const policy = fileURLToPath(new URL("laneway.yaml", import.meta.url));
const server = createServer(lanes ? httpLanes(await Laneway.fromFile(policy), handle) : handle);
server.listen(Number(process.env["PORT"] ?? (lanes ? 3000 : 3001)), "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
console.log(`${lanes ? "with" : "without"} lanes: http://127.0.0.1:${port}`);

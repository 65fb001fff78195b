// example: no-run needs a Redis; test/examples/redis.test.ts runs it

/**
 * A session is read while an export reads 200 values of a megabyte: on one connection, and in lanes.
 *
 *     npm install --no-save --prefix examples redis
 *     REDIS_URL=redis://127.0.0.1:6379 node examples/redis/main.ts
 */

import { createClient } from "redis";
import { runInLane } from "laneway";
import { connectLanes } from "./redis-lanes.ts";

const EXPORTS = 200;
const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";

const client = createClient({ url });
await client.connect();
await client.set("laneway:example:session", "ada", { EX: 60 });
await client.set("laneway:example:report", "x".repeat(1_000_000), { EX: 60 });

// One connection: replies come in the order of the commands, so the session is the last of all.
let exported = 0;
const first = Array.from({ length: EXPORTS }, () =>
  client.get("laneway:example:report").then(() => exported++),
);
await client.get("laneway:example:session");
console.log(`one connection: the session came after ${exported} of ${EXPORTS} exports`);
await Promise.all(first);
await client.close();

const redis = await connectLanes(url);
exported = 0;
const exports = Array.from({ length: EXPORTS }, () =>
  runInLane("bulk", () => redis.run((bulk) => bulk.get("laneway:example:report"))).then(() => exported++),
);
await runInLane("critical", () => redis.run((urgent) => urgent.get("laneway:example:session")));
console.log(`in lanes: the session came after ${exported} of ${EXPORTS} exports`);
await Promise.all(exports);
await redis.close();

// example: no-run main.ts runs it

import { createClient } from "redis";
import type { RedisClientType } from "redis";
import { Resource, currentLane } from "laneway";

/** How many commands may be on their way at once: in all, and of bulk. */
const LIMIT = 64;
const BULK_DEPTH = 2;

/** Redis in lanes: a connection for what people wait for, one for everything else, and few bulk commands at a time. */
export interface RedisLanes {
  /** Runs a command in the lane that surrounds the code, on that lane's connection. */
  run<T>(command: (client: RedisClientType) => Promise<T>): Promise<T>;
  readonly resource: Resource;
  close(): Promise<void>;
}

/** Connects one client for each group of lanes; each shows its group in `CLIENT LIST`. */
export async function connectLanes(url: string): Promise<RedisLanes> {
  const connect = async (name: string): Promise<RedisClientType> => {
    const client: RedisClientType = createClient({ url, name: `laneway:${name}` });
    // Without a listener an error of the connection ends the process; commands fail by themselves.
    client.on("error", (error) => console.error(`redis, ${name}: ${error.message}`));
    await client.connect();
    return client;
  };
  const [urgent, bulk] = await Promise.all([connect("urgent"), connect("bulk")]);
  const resource = new Resource({
    name: "redis",
    limit: LIMIT,
    lanes: [{ name: "critical" }, { name: "normal" }, { name: "bulk", ceiling: BULK_DEPTH }],
  });
  return {
    resource,
    run: (command) => resource.run(() => command(currentLane() === "bulk" ? bulk : urgent)),
    async close() {
      await resource.drain();
      await Promise.all([urgent.close(), bulk.close()]);
    },
  };
}

/** The recipe for Redis, on a real server: what the example says, and what becomes of the connections. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { join } from "node:path";
import { ROOT } from "../house/source.ts";
import { needsPackage, needsProgram } from "../needs.ts";
import { freePort, startProgram } from "../programs.ts";
import { runWithDrivers } from "./run-with-drivers.ts";

const READY = "Ready to accept connections";

test("examples/redis reads a session while an export runs, and not after it", async (t) => {
  const url = await redisFor(t);
  if (url === undefined) return;
  const { code, output } = await runWithDrivers(join(ROOT, "examples/redis/main.ts"), { REDIS_URL: url });
  assert.equal(code, 0, output);
  const said =
    /^one connection: the session came after 200 of 200 exports\nin lanes: the session came after (\d+) of 200 exports\n$/.exec(
      output,
    );
  assert.ok(said !== null, output);
  // Two were on their way, and perhaps the two after them.
  assert.ok(Number(said[1]) <= 4, output);
});

/** A Redis of its own for a test, as a URL; undefined, and the test skipped, when it or its client is not installed. */
async function redisFor(t: TestContext): Promise<string | undefined> {
  if (!needsPackage(t, "test/databases", "redis")) return undefined;
  if (!needsProgram(t, "redis-server", "apt-get install redis-server")) return undefined;
  const port = await freePort();
  const quiet = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const said = await startProgram(t, ["redis-server", "--port", String(port), ...quiet], READY);
  if (!said.includes(READY)) throw new Error(`Redis did not start:\n${said}`);
  return `redis://127.0.0.1:${port}`;
}

/** The recipe for Redis, on a real server: what the example says, and what becomes of the connections. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { join } from "node:path";
import { ROOT } from "../house/source.ts";
import { needsPackage, needsProgram } from "../needs.ts";
import { runWithDrivers } from "./run-with-drivers.ts";

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
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`Redis did not start:\n${said}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("Ready to accept connections")) resolve();
    });
  });
  return `redis://127.0.0.1:${port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

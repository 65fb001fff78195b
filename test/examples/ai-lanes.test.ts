import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ResourceSnapshot } from "../../src/core/snapshot.ts";

const MAIN = fileURLToPath(new URL("../../examples/ai-lanes/main.ts", import.meta.url));

test("the application tells its numbers, and on SIGTERM finishes what it accepted and ends with 0", async (t) => {
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, LANEWAY_URL: undefined, DOCUMENTS: "5000" };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const closed = once(child, "close");
  const lines: string[] = [];
  let told: { resources: ResourceSnapshot[] } | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const stats = /http:\S+\/stats/.exec(line)?.[0];
    if (stats !== undefined) told = (await (await fetch(stats)).json()) as { resources: ResourceSnapshot[] };
    if (line.startsWith("1 s")) child.kill("SIGTERM");
  }
  const output = lines.join("\n");
  assert.deepEqual(await closed, [0, null], output);
  assert.deepEqual(
    told?.resources[0]?.lanes.map(({ name }) => name),
    ["critical", "normal", "batch"],
  );
  const labelled = Number(/(\d+) of 5000 documents labelled, the rest is for the next run/.exec(output)?.[1]);
  assert.ok(labelled > 0 && labelled < 5_000, output);
  assert.match(output, /^ok {3}nothing that was accepted is left unsettled$/m);
});

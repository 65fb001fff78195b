/** A process that uses a resource ends when its work is done, and not before. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const RESOURCE = new URL("../../src/node/resource.ts", import.meta.url).href;

/** Far below every default time-out (the shortest is 10 s), far above what Node needs to start on a busy machine. */
const KILLED_AFTER_MS = 8_000;

/** Runs a program to its end; it fails when it has to be killed. */
async function run(program: string): Promise<unknown> {
  const source = `import { Resource } from ${JSON.stringify(RESOURCE)};\n${program}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    timeout: KILLED_AFTER_MS,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  assert.deepEqual([code, signal, err], [0, null, ""], "the program did not end by itself");
  return JSON.parse(out);
}

test("a program whose tasks are done exits", async () => {
  const found = await run(`
    const resource = new Resource({ name: "db", limit: 1 });
    const results = await Promise.all([1, 2, 3].map((n) => resource.run(async () => n)));
    const permit = await resource.acquire({ timeoutMs: 60_000 });
    permit.release();
    console.log(JSON.stringify(results));
  `);
  assert.deepEqual(found, [1, 2, 3]);
});

test("a program that has drained its resource exits, and does not wait for the drain's own time-out", async () => {
  const found = await run(`
    const resource = new Resource({ name: "db", limit: 1 });
    const done = resource.run(() => new Promise((resolve) => setImmediate(resolve)));
    console.log(JSON.stringify(await resource.drain({ timeoutMs: 60_000 })));
    await done;
  `);
  assert.equal(found, true);
});

test("a program that only waits for a time-out lives until it is settled, and no longer", async () => {
  const found = await run(`
    const resource = new Resource({ name: "db", limit: 1, lanes: [{ name: "runs", timeoutMs: 400 }, { name: "waits", queue: { timeoutMs: 250 } }] });
    const told = [];
    const note = (error) => told.push(error.code + " " + error.reason);
    resource.run(() => new Promise(() => {}), { lane: "runs" }).catch(note);
    resource.run(() => {}, { lane: "waits" }).catch(note);
    // A busy machine may let both pass at once.
    process.on("exit", () => console.log(JSON.stringify(told.sort())));
  `);
  assert.deepEqual(found, ["LANEWAY_TIMEOUT queue", "LANEWAY_TIMEOUT task"]);
});

test("a program that ends with a record of everything exits although a listener is left", async () => {
  const found = await run(`
    const resource = new Resource({ name: "db", limit: 1 });
    const outcomes = [];
    resource.onRecord(({ outcome }) => outcomes.push(outcome));
    await resource.run(() => 1);
    console.log(JSON.stringify(outcomes));
  `);
  assert.deepEqual(found, ["finished"]);
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { getPriority } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { poolOf } from "./pools.ts";

// A nice per thread is known to Linux only.
const isLinux = process.platform === "linux";

test("low lanes run on threads with a raised nice, others and the main thread do not", async (t) => {
  if (!isLinux) return;
  const own = getPriority(0);
  const { pool, piscinas } = poolOf(t, { threads: 2, lanes: { high: { nice: 3 } } });
  const niceOf = async (lane: string): Promise<number> =>
    ((await pool.run(undefined, { name: "whoAmI", lane })) as { nice: number }).nice;
  assert.equal(await niceOf("critical"), own);
  assert.equal(await niceOf("high"), Math.max(own, 3));
  assert.equal(await niceOf("normal"), own);
  assert.equal(await niceOf("low"), Math.max(own, 10));
  assert.equal(await niceOf("bulk"), Math.max(own, 19));
  assert.equal(getPriority(0), own);
  assert.equal(piscinas.length, 4, "lanes whose threads are alike share them");
});

test("the threads that do files for the whole process keep their nice", () => {
  if (!isLinux) return;
  const program = fileURLToPath(new URL("./nice-process.ts", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [program], { encoding: "utf8" });
  assert.equal(stderr, "");
  const { own, files } = JSON.parse(stdout) as { own: number; files: number[] };
  assert.equal(files.length > 0, true);
  assert.deepEqual(
    files,
    files.map(() => own),
  );
});

test("elsewhere a low lane's threads are like others, and one warning says so", async (t) => {
  const platform = Object.getOwnPropertyDescriptor(process, "platform")!;
  t.after(() => Object.defineProperty(process, "platform", platform));
  Object.defineProperty(process, "platform", { ...platform, value: "sunos" });
  const warnings: Error[] = [];
  const seen = (warning: Error): void => void warnings.push(warning);
  process.on("warning", seen);
  t.after(() => process.off("warning", seen));
  const first = once(process, "warning");
  poolOf(t, { threads: 1 });
  poolOf(t, { threads: 1 });
  await first;
  await new Promise(setImmediate);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!.message, /a nice per thread is known to Linux only, and this is sunos/);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { pressureOf, saturationOf, watchSaturation } from "../../src/node/saturation.ts";

const IDLE = { lateMs: 0, busy: 0.1, memory: 0.2, lost: 0 };

describe("how full a process is", () => {
  it("is the worst of its signals", () => {
    assert.deepEqual(saturationOf({ ...IDLE, lateMs: 50, busy: 1 }), { level: 1, cause: "event-loop" });
    assert.deepEqual(saturationOf({ ...IDLE, memory: 0.85 }), { level: 1, cause: "memory" });
    assert.deepEqual(saturationOf({ ...IDLE, lost: 0.1 }), { level: 1, cause: "pressure" });
    assert.equal(saturationOf({ lateMs: 100, busy: 1, memory: 0.9, lost: 0.05 }).cause, "event-loop");
    assert.ok(saturationOf(IDLE).level < 0.5);
  });

  it("does not take a process that was stopped for one with a late event loop", () => {
    assert.ok(saturationOf({ ...IDLE, lateMs: 5_000, busy: 0.1 }).level < 1);
  });

  it("is far beyond its bound before the memory is gone", () => {
    assert.ok(saturationOf({ ...IDLE, memory: 0.96 }).level >= 1.5);
    assert.ok(saturationOf({ ...IDLE, memory: 0.84 }).level < 1);
  });

  it("is read once for each window, and unknown in the first", () => {
    let now = 0;
    const read = watchSaturation(() => now);
    assert.equal(read(), undefined);
    now = 1_000;
    const first = read();
    assert.ok(first !== undefined && Number.isFinite(first.level), JSON.stringify(first));
    now = 1_999;
    assert.equal(read(), first);
    now = 2_000;
    assert.notEqual(read(), first);
  });

  it("reads the time lost from what the kernel writes", () => {
    const text =
      "some avg10=12.70 avg60=12.82 avg300=41.75 total=600\nfull avg10=3.50 avg60=0.00 avg300=0.00 total=0\n";
    assert.equal(pressureOf(text), 0.035);
    assert.equal(pressureOf(""), 0);
  });

  it("keeps no process alive", { timeout: 20_000 }, async () => {
    const file = new URL("../../src/node/saturation.ts", import.meta.url).href;
    const program = `import { processSaturation } from ${JSON.stringify(file)}; processSaturation();`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      timeout: 10_000,
      stdio: "ignore",
    });
    assert.deepEqual(await once(child, "close"), [0, null]);
  });
});

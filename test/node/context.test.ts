import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { asyncContext, currentLane, runInLane } from "../../src/node/context.ts";

test("outside of any lane there is none", () => {
  assert.equal(currentLane(), undefined);
  assert.equal(asyncContext.get(), undefined);
});

test("the lane is there across await, timers and microtasks, and gone outside", async () => {
  const seen = await runInLane("bulk", async () => {
    const lanes = [currentLane()];
    await Promise.resolve();
    lanes.push(currentLane());
    lanes.push(
      await new Promise<string | undefined>((resolve) => setImmediate(() => resolve(currentLane()))),
    );
    queueMicrotask(() => lanes.push(currentLane()));
    await Promise.resolve();
    return lanes;
  });
  assert.deepEqual(seen, ["bulk", "bulk", "bulk", "bulk"]);
  assert.equal(currentLane(), undefined);
});

test("it returns what fn returns and passes on what it throws", () => {
  assert.equal(
    runInLane("bulk", () => 7),
    7,
  );
  assert.throws(
    () =>
      runInLane("bulk", () => {
        throw new Error("of its own");
      }),
    /of its own/,
  );
  assert.equal(currentLane(), undefined);
});

test("an inner lane replaces the outer one and keeps its flow, rule and deadline", () => {
  runInLane({ lane: "normal", flow: "tenant-7", deadline: 1_000, rule: "line 3" }, () => {
    runInLane("bulk", () =>
      assert.deepEqual(asyncContext.get(), {
        lane: "bulk",
        flow: "tenant-7",
        deadline: 1_000,
        rule: "line 3",
      }),
    );
    assert.equal(currentLane(), "normal");
  });
});

test("chains that run side by side do not see each other's lane", async () => {
  const lanes = ["critical", "normal", "bulk"];
  const seen = await Promise.all(
    lanes.map((lane) =>
      runInLane(lane, async () => {
        for (let i = 0; i < 5; i++) await Promise.resolve();
        return currentLane();
      }),
    ),
  );
  assert.deepEqual(seen, lanes);
});

test("a listener runs in the lane of the one that emits", () => {
  const emitter = new EventEmitter();
  let seen: string | undefined;
  runInLane("bulk", () => emitter.on("row", () => (seen = currentLane())));
  runInLane("high", () => emitter.emit("row"));
  assert.equal(seen, "high");
});

test("what begins only when it is awaited begins in the lane of the function that returned it", async () => {
  const begun: unknown[] = [];
  const lazy = (): PromiseLike<string> => ({
    // oxlint-disable-next-line unicorn/no-thenable
    then(resolve, reject) {
      begun.push(currentLane());
      return Promise.resolve("rows").then(resolve, reject);
    },
  });
  const query = runInLane("bulk", lazy);
  await runInLane("critical", async () => {
    assert.equal(await query, "rows");
    assert.equal(currentLane(), "critical");
  });
  const frozen = runInLane("bulk", () => Object.freeze(lazy()));
  await frozen;
  const failing = runInLane("bulk", () => ({
    // oxlint-disable-next-line unicorn/no-thenable
    then(_resolve: unknown, reject: (error: Error) => void) {
      reject(new Error(`in ${currentLane()}`));
    },
  }));
  await assert.rejects(Promise.resolve(failing), /in bulk/);
  assert.deepEqual(begun, ["bulk", undefined]);
});

test("a process that was started in a lane is in it wherever its code names no other", () => {
  const code = `
    import { Resource, currentLane, runInLane } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
    const db = new Resource({ name: "db", limit: 1 });
    const other = new Resource({ name: "other", limit: 1, lanes: [{ name: "gold" }, { name: "lead" }] });
    const laneOf = async (resource) => { const permit = await resource.acquire(); permit.release(); return permit.lane; };
    console.log(currentLane(), runInLane("high", currentLane), await laneOf(db), await laneOf(other));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    env: { ...process.env, LANEWAY_LANE: "bulk" },
    encoding: "utf8",
  });
  // A resource without such a lane has a default of its own.
  assert.equal(stdout, "bulk high bulk lead\n", stderr);
});

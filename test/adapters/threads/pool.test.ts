import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { ThreadPool } from "../../../src/adapters/threads.ts";
import type { LanewayError } from "../../../src/core/errors.ts";
import { runInLane } from "../../../src/node/context.ts";
import { Resource } from "../../../src/node/resource.ts";
import { begun, newCells, poolOf, tell } from "./pools.ts";

const LANES = [{ name: "critical" }, { name: "normal" }, { name: "bulk" }];
const WORK = new URL("./work.ts", import.meta.url);

/** What the thread says of the one that asked. */
interface Who {
  readonly lane: string;
  readonly flow?: string;
  readonly rule?: string;
  readonly leftMs?: number;
  readonly nice: number;
  readonly data?: unknown;
  readonly argv: readonly string[];
}

test("a task runs on a thread and answers, and its seat is free again", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  assert.deepEqual(await pool.run({ n: 7 }), { n: 7 });
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
});

test("waiters are served by lane, and Piscina's own queue stays empty", async (t) => {
  const { pool, piscinas } = poolOf(t, { resource: new Resource({ name: "cpu", limit: 1, lanes: LANES }) });
  const cells = newCells();
  const held = pool.run(cells, { name: "untilTold", lane: "bulk" });
  await begun(cells);
  const order: string[] = [];
  const ask = async (lane: string): Promise<void> => void order.push(await pool.run(lane, { lane }));
  const all = [ask("bulk"), ask("normal"), ask("critical")];
  assert.deepEqual(
    piscinas.map(({ queueSize }) => queueSize),
    [0, 0],
  );
  assert.equal(pool.resource.snapshot().seatsInUse, 1);
  tell(cells);
  await Promise.all([...all, held]);
  assert.deepEqual(order, ["critical", "normal", "bulk"]);
});

test("in a backlog that never ends each task has its turn, in order", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  for (const backlog of [3, 4]) {
    const done: number[] = [];
    let asked = 0;
    const again = async (): Promise<void> => {
      while (asked < 60) done.push((await pool.run(asked++, { lane: "bulk" })) as number);
    };
    await Promise.all(Array.from({ length: backlog }, again));
    assert.deepEqual(
      done,
      Array.from({ length: 60 }, (_, n) => n),
    );
  }
});

test("lane, flow, deadline and rule of the caller arrive in the thread", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  const deadline = performance.now() + 60_000;
  const context = { lane: "high", flow: "tenant-7", deadline, rule: "path /pictures" };
  const who: Who = await runInLane(context, () => pool.run(undefined, { name: "whoAmI" }));
  assert.equal(who.lane, "high");
  assert.equal(who.flow, "tenant-7");
  assert.equal(who.rule, "path /pictures");
  assert.ok(who.leftMs! > 0 && who.leftMs! <= 60_000, `${who.leftMs} ms are left`);
  const other: Who = await pool.run(undefined, { name: "whoAmI", lane: "low", flow: "b" });
  assert.deepEqual([other.lane, other.flow, other.leftMs], ["low", "b", undefined]);
});

test("Piscina's further options arrive, and ours are not seen by the task", async (t) => {
  const { pool } = poolOf(t, { threads: 1, piscina: { workerData: { a: 1 }, argv: ["--own"] } });
  const who: Who = await pool.run(undefined, { name: "whoAmI" });
  assert.deepEqual(who.data, { a: 1 });
  assert.deepEqual(who.argv, ["--own"]);
});

test("buffers are handed over and not copied, by list and by Piscina.move", async (t) => {
  const { pool } = poolOf(t, { threads: 1, name: "sum" });
  const listed = new Uint8Array([1, 2, 3]);
  assert.equal(await pool.run(listed, { transferList: [listed.buffer] }), 6);
  assert.equal(listed.byteLength, 0);
  const moved = new Uint8Array([4, 5]);
  assert.equal(await pool.run(Piscina.move(moved)), 9);
  assert.equal(moved.byteLength, 0);
});

test("a task's own error is its caller's, and what cannot be sent is refused, both without losing a seat", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  await assert.rejects(pool.run("no such picture", { name: "fail" }), {
    name: "RangeError",
    message: "no such picture",
  });
  await assert.rejects(
    pool.run(() => 1),
    { name: "DataCloneError" },
  );
  assert.equal(await pool.run(1), 1);
  const { seatsInUse, lanes } = pool.resource.snapshot();
  assert.equal(seatsInUse, 0);
  assert.deepEqual([lanes[2]!.finished, lanes[2]!.failed], [1, 2]);
});

test("a caller who leaves is answered at once, his thread is ended, and the seat comes back", async (t) => {
  const { pool, piscinas } = poolOf(t, { threads: 1 });
  const cells = newCells();
  const leaving = new AbortController();
  const task = pool.run(cells, { name: "forever", signal: leaving.signal });
  await begun(cells);
  leaving.abort(new Error("left"));
  await assert.rejects(task, { message: "left" });
  assert.equal(pool.resource.snapshot().seatsInUse, 1, "the seat is the thread's until it has ended");
  assert.equal(await pool.run("next"), "next");
  assert.equal(piscinas[0]!.threads.length, 1);
});

test("a task that ends in the moment in which it is given up hands no dying thread to the next", async (t) => {
  const { pool } = poolOf(t, { threads: 2 });
  const nobody = newCells();
  for (let round = 0; round < 5; round++) {
    const cells = newCells();
    const leaving = new AbortController();
    const task = pool.run(cells, { name: "untilTold", signal: leaving.signal });
    await begun(cells);
    tell(cells);
    // Its answer comes while this thread stands still.
    for (let look = 0; look < 5_000_000; look++) Atomics.load(nobody, 0);
    leaving.abort(new Error("left"));
    await assert.rejects(task, { message: "left" });
    const next: Promise<unknown>[] = [];
    for (let turns = 0; turns < 10; turns++) {
      await new Promise(setImmediate);
      next.push(pool.run(turns));
    }
    assert.deepEqual(await Promise.all(next), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

test("a caller who leaves while he waits is out of the queue", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  const cells = newCells();
  const held = pool.run(cells, { name: "untilTold" });
  const leaving = new AbortController();
  const waiting = pool.run("never", { signal: leaving.signal });
  leaving.abort(new Error("left"));
  await assert.rejects(waiting, { message: "left" });
  tell(cells);
  await held;
  assert.equal(pool.resource.snapshot().lanes[2]!.cancelled, 1);
});

test("a task whose time is up is ended with its thread, and the next one runs", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  await assert.rejects(pool.run(newCells(), { name: "forever", timeoutMs: 20 }), (error: LanewayError) => {
    assert.equal(error.code, "LANEWAY_DEADLINE");
    return true;
  });
  assert.equal(await pool.run("next"), "next");
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
});

test("many that are given up at any moment leave no seat and no thread behind", async (t) => {
  const { pool, piscinas } = poolOf(t, { threads: 2 });
  for (let round = 0; round < 10; round++) {
    const leaving = new AbortController();
    const tasks = Array.from({ length: 6 }, (_, index) =>
      pool.run(newCells(), {
        name: "forever",
        signal: leaving.signal,
        lane: index % 2 === 0 ? "bulk" : "high",
      }),
    );
    for (let turns = 0; turns < round; turns++) await new Promise(setImmediate);
    leaving.abort(new Error("left"));
    for (const { status } of await Promise.allSettled(tasks)) assert.equal(status, "rejected");
  }
  assert.deepEqual(await Promise.all([pool.run(1), pool.run(2), pool.run(3, { lane: "bulk" })]), [1, 2, 3]);
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
  for (const { threads } of piscinas) assert.ok(threads.length <= 2);
});

test("map runs what comes in, as many at a time as there are seats, in order", async (t) => {
  const { pool } = poolOf(t, { threads: 2 });
  let taken = 0;
  function* numbers(): Generator<number> {
    for (let n = 0; n < 20; n++) {
      taken++;
      yield n;
    }
  }
  const got: number[] = [];
  for await (const n of pool.map(numbers(), { lane: "bulk" })) {
    got.push(n as number);
    assert.ok(taken <= n + 4, `${taken} were taken when ${n} came`);
  }
  assert.deepEqual(
    got,
    Array.from({ length: 20 }, (_, n) => n),
  );
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
});

test("a reader of map that stops ends what runs", async (t) => {
  const { pool } = poolOf(t, { threads: 2, name: "untilTold" });
  const [first, second] = [newCells(), newCells()];
  tell(first);
  for await (const _ of pool.map([first, second], {})) {
    await begun(second);
    break;
  }
  const both = newCells();
  const tasks = [pool.run(both), pool.run(both)];
  await begun(both, 2);
  tell(both);
  await Promise.all(tasks);
});

test("close lets what was accepted end, refuses what comes, and ends the threads", async (t) => {
  const { pool, piscinas } = poolOf(t, { threads: 1 });
  const cells = newCells();
  const running = pool.run(cells, { name: "untilTold" });
  const waiting = pool.run("accepted");
  const closed = pool.close();
  await assert.rejects(pool.run("late"), { name: "ThreadError", failure: "closed" });
  tell(cells);
  assert.equal(await waiting, "accepted");
  await Promise.all([running, closed]);
  assert.equal(piscinas[0]!.threads.length, 0);
});

test("close with no time ends what runs and what waits", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  const cells = newCells();
  const running = pool.run(cells, { name: "forever" });
  const waiting = pool.run("waits");
  const outcomes = Promise.allSettled([running, waiting]);
  await begun(cells);
  await pool.close({ timeoutMs: 0 });
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, "rejected");
    assert.equal((outcome.reason as { failure: string }).failure, "closed");
  }
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
});

test("a limit that is raised is followed by threads", async (t) => {
  const resource = new Resource({ name: "cpu", limit: 1, lanes: LANES });
  const { pool, piscinas } = poolOf(t, { resource });
  resource.update({ limit: 3 });
  const cells = newCells();
  const tasks = [1, 2, 3].map(() => pool.run(cells, { name: "untilTold" }));
  await begun(cells, 3);
  assert.equal(piscinas[0]!.threads.length, 3);
  tell(cells);
  await Promise.all(tasks);
});

test("an idle pool does not keep the process alive", () => {
  const source = `
    import { Piscina } from "piscina";
    import { ThreadPool } from ${JSON.stringify(new URL("../../../src/adapters/threads.ts", import.meta.url).href)};
    const pool = new ThreadPool({ Piscina, filename: ${JSON.stringify(WORK.href)}, threads: 2 });
    console.log(await pool.run(7));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", source], {
    cwd: fileURLToPath(new URL("../../..", import.meta.url)),
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.deepEqual([status, stdout], [0, "7\n"]);
});

test("a wrong option is refused with what was expected and what was found", async (t) => {
  const wrong = (options: object, expected: RegExp): void =>
    assert.throws(() => new ThreadPool({ Piscina, filename: WORK, ...options }), {
      code: "LANEWAY_INVALID",
      message: expected,
    });
  wrong({ Piscina: undefined }, /Piscina: expected the class Piscina, found undefined/);
  wrong({ filename: "./work.ts" }, /filename: expected .*absolute path, found "\.\/work\.ts"; write new URL/);
  wrong({ filename: new URL("./none.ts", import.meta.url) }, /expected a file that exists, found .*none\.ts/);
  wrong({ threads: 0 }, /threads: expected a whole number from 1/);
  wrong({ lanes: { urgent: {} } }, /lanes: expected one of critical, high, .*found "urgent"/);
  wrong(
    { lanes: { bulk: { nice: 40 } } },
    /lanes\.bulk\.nice: expected a whole number from 0 to 19, found 40/,
  );
  wrong(
    { lanes: { bulk: { resourceLimits: { maxHeap: 1 } } } },
    /resourceLimits: expected one of the options/,
  );
  wrong({ piscina: { maxQueue: 1 } }, /piscina: expected none of .*found "maxQueue"/);
  wrong({ size: 4 }, /expected one of the options Piscina, .*found "size"/);
  const { pool } = poolOf(t, { threads: 1 });
  await assert.rejects(pool.run(1, { lane: "urgent" }), { code: "LANEWAY_INVALID" });
  const { port1 } = new MessageChannel();
  port1.close();
  await assert.rejects(pool.run(1, { transferList: port1 as never }), /transferList: expected a list/);
  assert.equal(await pool.run(1), 1);
});

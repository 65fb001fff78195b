import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ThreadError } from "../../../src/adapters/threads.ts";
import { seeded } from "../../../src/testing/random.ts";
import { newCells, poolOf } from "./pools.ts";

test("a worker file that throws when it is loaded fails every task with the file, the line and the cause", async (t) => {
  const { pool, piscinas } = poolOf(t, { threads: 2, filename: new URL("./broken.ts", import.meta.url) });
  const outcomes = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => pool.run(n)));
  for (const outcome of outcomes) {
    assert.equal(outcome.status, "rejected");
    const error = outcome.reason as ThreadError;
    assert.ok(error instanceof ThreadError);
    assert.equal(error.failure, "unusable-file");
    assert.match(
      error.message,
      /^thread pool "threads", lane "normal": the worker file \/.*broken\.ts cannot be used: /,
    );
    assert.match(error.message, /TypeError: Cannot read properties of undefined.*\(.*broken\.ts:6:/);
    assert.match((error.cause as Error).stack!, /broken\.ts:6/);
  }
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
  assert.equal(piscinas[0]!.threads.length, 2, "the threads are still there");
});

test("a worker file that ends its thread when it is loaded fails its task, and the seat comes back", async (t) => {
  const { pool } = poolOf(t, { threads: 1, filename: new URL("./leaving.ts", import.meta.url) });
  for (let n = 0; n < 3; n++) {
    await assert.rejects(pool.run(n), (error: ThreadError) => {
      assert.equal(error.failure, "exited");
      assert.match(error.message, /exited with code 3 while it ran "default" of \/.*leaving\.ts/);
      return true;
    });
  }
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
  assert.equal(await pool.run("fine", { filename: new URL("./work.ts", import.meta.url) }), "fine");
});

test("a task that ends its thread fails, and the tasks behind it run on another", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  const ended = pool.run(7, { name: "exit" });
  const behind = [pool.run("a"), pool.run("b", { lane: "bulk" })];
  await assert.rejects(ended, /thread exited with code 7 while it ran "exit" of \/.*work\.ts/);
  assert.deepEqual(await Promise.all(behind), ["a", "b"]);
});

test("a function that the file does not export is named beside those that it does", async (t) => {
  const { pool } = poolOf(t, { threads: 1 });
  await assert.rejects(pool.run(1, { name: "resize" }), {
    name: "ThreadError",
    failure: "unusable-file",
    message: /expected it to export a function "resize", found .*default.*hog/,
  });
  assert.equal(await pool.run(1), 1);
});

test("a CommonJS file is as good as a module", async (t) => {
  const { pool } = poolOf(t, {
    threads: 1,
    filename: fileURLToPath(new URL("./commonjs.cjs", import.meta.url)),
  });
  assert.deepEqual(await pool.run(1), ["commonjs", 1]);
  assert.deepEqual(await pool.run(2, { name: "named" }), ["named", 2]);
});

for (const greedy of ["hog", "hogJson"]) {
  test(`a task that takes more memory than its lane's threads may is ended, and others go on: ${greedy}`, async (t) => {
    const lanes = { bulk: { resourceLimits: { maxOldGenerationSizeMb: 64 } } };
    const { pool } = poolOf(t, { threads: 1, lanes });
    const task = pool.run(undefined, { name: greedy, lane: "bulk" });
    const behind = [pool.run("bulk", { lane: "bulk" }), pool.run("normal")];
    await assert.rejects(task, (error: ThreadError) => {
      assert.equal(error.failure, "out-of-memory");
      assert.match(error.message, /lane "bulk": "hog.* of .* more memory .*maxOldGenerationSizeMb: 64/);
      assert.equal((error.cause as NodeJS.ErrnoException).code, "ERR_WORKER_OUT_OF_MEMORY");
      return true;
    });
    assert.deepEqual(await Promise.all(behind), ["bulk", "normal"]);
    assert.equal(pool.resource.snapshot().seatsInUse, 0);
  });
}

test("a bound of the old generation brings one of the young, without which the whole process could be ended", async (t) => {
  const bounded = { maxOldGenerationSizeMb: 64 };
  const lanes = {
    high: { resourceLimits: bounded },
    normal: { resourceLimits: { ...bounded, maxYoungGenerationSizeMb: 4 } },
  };
  const { pool } = poolOf(t, { threads: 1, lanes });
  const youngMb = async (lane: string): Promise<number> =>
    ((await pool.run(undefined, { name: "whoAmI", lane })) as { youngMb: number }).youngMb;
  assert.deepEqual([await youngMb("high"), await youngMb("normal")], [8, 4], "of one nice, and yet apart");
});

test("threads that cannot start fail the tasks that wait for them", async (t) => {
  const { pool } = poolOf(t, {
    threads: 2,
    piscina: { execArgv: ["--import", new URL("./leaving.ts", import.meta.url).href] },
  });
  for (const lane of ["normal", "bulk"]) {
    const outcomes = await Promise.allSettled([pool.run(1, { lane }), pool.run(2, { lane })]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected");
      assert.ok(outcome.reason instanceof ThreadError, String(outcome.reason));
    }
  }
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
});

test("options that no thread can be started with are told to whoever asks", async (t) => {
  const { pool } = poolOf(t, { threads: 1, lanes: { bulk: { nice: 5 } } });
  assert.equal(await pool.run(1), 1);
  assert.throws(() => poolOf(t, { piscina: { execArgv: ["--no-such-option"] } }), /no-such-option/);
});

test("what fails after its task has ended is a warning and no crash", async (t) => {
  const { pool } = poolOf(t, { threads: 1, piscina: { atomics: "disabled" } });
  const warned = once(process, "warning");
  await pool.run(undefined, { name: "failLater" });
  const [warning] = (await warned) as [Error];
  assert.equal(warning.name, "LanewayThreadWarning");
  assert.match(warning.message, /a thread failed after its task had ended: Error: too late/);
  assert.equal(await pool.run(1), 1);
});

test("a worker file that makes a pool of itself is refused in the thread, instead of threads without end", async (t) => {
  const { pool } = poolOf(t, { threads: 1, filename: new URL("./endless.ts", import.meta.url) });
  await assert.rejects(pool.run(1), {
    failure: "unusable-file",
    message: /expected another file than that of this thread, found ".*endless\.ts"; the pool would start/,
  });
});

test("whatever becomes of the others, each task is answered, and no seat and no thread is lost", async (t) => {
  const { pool, piscinas } = poolOf(t, { threads: 2 });
  const random = seeded(17);
  const kinds: Readonly<Record<string, (lane: string, n: number) => Promise<unknown>>> = {
    done: (lane, n) => pool.run(n, { lane }),
    "no such picture": (lane) => pool.run("no such picture", { lane, name: "fail" }),
    exited: (lane) => pool.run(3, { lane, name: "exit" }),
    "unusable-file": (lane) => pool.run(1, { lane, name: "missing" }),
    DataCloneError: (lane) => pool.run(() => 1, { lane }),
    LANEWAY_DEADLINE: (lane) => pool.run(newCells(), { lane, name: "forever", timeoutMs: 150 }),
    left: async (lane) => {
      const leaving = new AbortController();
      const task = pool.run(newCells(), { lane, name: "forever", signal: leaving.signal });
      for (let turns = random.whole(0, 20); turns > 0; turns--) await new Promise(setImmediate);
      leaving.abort(new Error("left"));
      return task;
    },
  };
  const names = ["done", "done", "done", "done", ...Object.keys(kinds)];
  const ask = async (n: number): Promise<void> => {
    const kind = random.pick(names);
    const said = await kinds[kind]!(random.pick(["critical", "normal", "bulk"]), n).catch(outcomeOf);
    assert.equal(said, kind === "done" ? n : kind);
  };
  for (let round = 0; round < 6; round++)
    await Promise.all(Array.from({ length: 10 }, (_, n) => ask(10 * round + n)));
  // The seat of one that was given up comes back when its thread has ended.
  const seats = await Promise.all([1, 2].map(() => pool.resource.acquire()));
  for (const seat of seats) seat.release();
  assert.equal(pool.resource.snapshot().seatsInUse, 0);
  const all = await Promise.all(
    ["critical", "bulk"].flatMap((lane) => [1, 2].map((n) => pool.run(n, { lane }))),
  );
  assert.deepEqual(all, [1, 2, 1, 2]);
  for (const { threads } of piscinas) assert.ok(threads.length <= 2, `${threads.length} threads`);
});

/** What a task that failed was told, in a word. */
function outcomeOf(error: Error & { readonly failure?: string; readonly code?: unknown }): unknown {
  if (error.failure !== undefined) return error.failure;
  return error.name === "LanewayError"
    ? error.code
    : error.name === "DataCloneError"
      ? error.name
      : error.message;
}

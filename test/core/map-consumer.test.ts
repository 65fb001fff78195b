/** `map` and the one who reads from it: how far it runs ahead, and whose an error is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../src/testing/random.ts";
import { simulated } from "./simulated.ts";

const ONE_LANE = [{ name: "only" }];

/** An input that notes when it is asked and when it is closed. */
function* noting(count: number, notes: string[]): Generator<number> {
  try {
    for (let n = 0; n < count; n++) {
      notes.push(`pulls ${n}`);
      yield n;
    }
    notes.push("is exhausted");
  } finally {
    notes.push("is closed");
  }
}

async function collect<T>(results: AsyncIterable<T>, into: T[] = []): Promise<T[]> {
  for await (const result of results) into.push(result);
  return into;
}

test("results come in the order of the input, whatever each one takes", async () => {
  const { clock, resource } = simulated({ limit: 4, lanes: ONE_LANE });
  const random = seeded(9);
  const results = collect(
    resource.map(noting(50, []), async (n) => {
      await clock.sleep(random.exponential(20));
      return n;
    }),
  );
  await clock.advance(10_000);
  assert.deepEqual(
    await results,
    Array.from({ length: 50 }, (_, n) => n),
  );
});

test("a slow consumer holds the input back: what is finished and not taken counts as submitted", async () => {
  const { clock, resource } = simulated({ limit: 2, lanes: ONE_LANE });
  const notes: string[] = [];
  const results = resource.map(noting(10, notes), (n) => n);
  await results.next();
  await clock.advance(100);
  assert.equal(notes.length, 2);
  await results.return();
  assert.equal(notes.at(-1), "is closed");
});

test("an asynchronous input works the same, and its errors are the consumer's", async () => {
  const { resource } = simulated({ limit: 2, lanes: ONE_LANE });
  async function* broken(): AsyncGenerator<number> {
    yield 1;
    yield 2;
    throw new Error("the input broke");
  }
  const seen: number[] = [];
  await assert.rejects(
    collect(
      resource.map(broken(), (n) => n * 10),
      seen,
    ),
    /the input broke/,
  );
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("an error of a later item is met in its turn, and is never an unhandled rejection", async () => {
  const { clock, resource } = simulated({ limit: 3, lanes: ONE_LANE });
  const results: number[] = [];
  const failed = assert.rejects(
    collect(
      resource.map([0, 1, 2], async (n) => {
        if (n === 2) throw new Error("item 2 is broken");
        await clock.sleep(100);
        return n;
      }),
      results,
    ),
    /item 2 is broken/,
  );
  await clock.advance(200);
  await failed;
  assert.deepEqual(results, [0, 1]);
});

test("the first error of the function stops it: what waits is given up, what runs is told, the input is closed", async () => {
  const { clock, resource } = simulated({ limit: 3, lanes: ONE_LANE });
  const notes: string[] = [];
  const aborted: number[] = [];
  const results: number[] = [];
  const failed = assert.rejects(
    collect(
      resource.map(noting(100, notes), async (n, { signal }) => {
        signal.addEventListener("abort", () => aborted.push(n));
        await clock.sleep(10);
        if (n === 1) throw new Error("item 1 is broken");
        await clock.sleep(n * 100);
        return n;
      }),
      results,
    ),
    /item 1 is broken/,
  );
  await clock.advance(1_000);
  await failed;
  assert.deepEqual(results, [0]);
  assert.deepEqual(aborted.filter((n) => n >= 2).length > 0, true);
  assert.equal(notes.at(-1), "is closed");
  assert.ok(notes.length < 10, `went on pulling: ${notes.length}`);
  assert.deepEqual([resource.snapshot().seatsInUse, resource.snapshot().waiting], [0, 0]);
});

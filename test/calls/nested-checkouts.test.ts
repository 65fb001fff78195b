/** Which waits for a connection are refused, and which never: on a pool that hides its callers, as most ORMs do. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { NOWHERE } from "../../src/calls/nested-checkouts.ts";
import { asyncContext, runInLane } from "../../src/node/context.ts";
import { HidingOrm } from "./hiding-orm.ts";

/** What became of them, as far as anything has. */
function endsOf(work: Readonly<Record<string, Promise<string>>>): Record<string, string> {
  const ends: Record<string, string> = {};
  for (const [name, promise] of Object.entries(work))
    promise.then(
      (answer) => (ends[name] = answer),
      (error: Error) => (ends[name] = "code" in error ? String(error.code) : error.message),
    );
  return ends;
}

/** The texts of the warnings of this kind from now on, and how many resources may be named. */
function warningsOf(t: TestContext): string[] {
  const texts: string[] = [];
  const note = ({ name, message }: Error): void => {
    if (name === "LanewayNestedCheckoutWarning") texts.push(message);
  };
  process.on("warning", note);
  t.after(() => process.off("warning", note));
  return texts;
}

/** A warning is told in the next tick. */
async function told(): Promise<void> {
  const warned = once(process, "warning");
  process.emitWarning("the last one", { type: "Probe" });
  await warned;
}

/** A request of its own. */
const inRequest = <T>(work: () => Promise<T>): Promise<T> => runInLane("normal", work);

/** A query beside its own transaction. */
const nestedIn = (orm: HidingOrm): Promise<string> => orm.transaction(() => orm.select());

test("a query beside its own transaction is refused after a second, with both places", async () => {
  const orm = new HidingOrm();
  const request = inRequest(() => nestedIn(orm));
  const ends = endsOf({ request });
  await orm.clock.advance(1_000);
  assert.deepEqual(ends, {});
  await orm.clock.advance(100);
  assert.deepEqual(ends, { request: "LANEWAY_DEADLOCK" });
  await assert.rejects(request, {
    code: "LANEWAY_DEADLOCK",
    lane: "normal",
    message:
      /This client was asked for here:\n[^]*HidingOrm\.select[^]*holds the one[^]*HidingOrm\.transaction/,
  });
  assert.equal(orm.resource.snapshot().seatsInUse, 0);
});

test("so is one whose stack is cut off, where its request holds nothing else", async () => {
  const orm = new HidingOrm();
  const ends = endsOf({ request: inRequest(() => orm.transaction(async () => await orm.lazySelect())) });
  await orm.clock.advance(1_100);
  assert.deepEqual(ends, { request: "LANEWAY_DEADLOCK" });
});

test("what a request has given back does not count any more", async () => {
  const orm = new HidingOrm({ limit: 2 });
  const request = async (): Promise<string> => {
    await orm.select();
    await orm.transaction(async () => {});
    return await nestedIn(orm);
  };
  const ends = endsOf({ first: inRequest(request), second: inRequest(request) });
  await orm.clock.advance(1_100);
  assert.deepEqual(ends, { first: "served", second: "LANEWAY_DEADLOCK" });
});

test("whoever is refused and asks again has another second", async () => {
  const orm = new HidingOrm();
  let refusals = 0;
  const request = inRequest(() =>
    orm.transaction(async () => {
      for (;;) {
        const isRefused = await orm.select().catch(() => true);
        if (isRefused === true) refusals++;
        if (refusals === 2) return "twice";
      }
    }),
  );
  const ends = endsOf({ request });
  await orm.clock.advance(1_900);
  assert.equal(refusals, 1);
  await orm.clock.advance(400);
  assert.deepEqual(ends, { request: "twice" });
});

test("of several requests that are stuck the newest is refused, and the others go on", async () => {
  const orm = new HidingOrm({ limit: 3 });
  const ends = endsOf({
    first: inRequest(() => nestedIn(orm)),
    second: inRequest(() => nestedIn(orm)),
    third: inRequest(() => nestedIn(orm)),
  });
  await orm.clock.advance(1_100);
  assert.deepEqual(ends, { first: "served", second: "served", third: "LANEWAY_DEADLOCK" });
});

test("two transactions inside one another, and a query inside both", async () => {
  const orm = new HidingOrm({ limit: 2 });
  const ends = endsOf({ request: inRequest(() => orm.transaction(() => nestedIn(orm))) });
  await orm.clock.advance(1_100);
  assert.deepEqual(ends, { request: "LANEWAY_DEADLOCK" });
});

test("seats that only a higher lane may have do not help, and do not hide it", async () => {
  const orm = new HidingOrm({
    limit: 2,
    lanes: [{ name: "critical", reservation: 1, lendable: 0 }, { name: "normal" }],
  });
  const critical = await orm.resource.acquire({ lane: "critical" });
  const ends = endsOf({ request: inRequest(() => nestedIn(orm)) });
  await orm.clock.advance(1_100);
  assert.deepEqual(ends, { request: "LANEWAY_DEADLOCK" });
  critical.release();
});

test("nobody is refused while a holder sends anything, then after a second of silence", async () => {
  const orm = new HidingOrm({ limit: 2 });
  let query = (): void => {};
  const busy = inRequest(() =>
    orm.transaction(async (inside) => {
      query = inside.query;
      return await orm.select();
    }),
  );
  const ends = endsOf({ busy, idle: inRequest(() => nestedIn(orm)) });
  for (let i = 0; i < 10; i++) {
    await orm.clock.advance(400);
    query();
  }
  assert.deepEqual(ends, {});
  await orm.clock.advance(900);
  assert.deepEqual(ends, {});
  await orm.clock.advance(300);
  assert.deepEqual(ends, { idle: "LANEWAY_DEADLOCK", busy: "served" });
});

test("nobody is refused while a holder's own request waits for no connection", async (t) => {
  const orm = new HidingOrm({ limit: 2 });
  const warnings = warningsOf(t);
  const ends = endsOf({
    calling: inRequest(() => orm.transaction(() => orm.callElsewhere().then(() => "done"))),
    nested: inRequest(() => nestedIn(orm)),
  });
  await orm.clock.advance(20_000);
  assert.deepEqual(ends, {});
  await told();
  assert.equal(warnings.length, 1);
  await orm.answerCalls();
  assert.deepEqual(ends, { calling: "done", nested: "served" });
});

test("nobody is refused while a seat is held by anything but a checkout", async () => {
  const orm = new HidingOrm({ limit: 2 });
  const query = await orm.resource.acquire();
  const ends = endsOf({ nested: inRequest(() => nestedIn(orm)) });
  await orm.clock.advance(20_000);
  assert.deepEqual(ends, {});
  query.release();
  await orm.clock.advance(0);
  assert.deepEqual(ends, { nested: "served" });
});

/** A transaction that spends its time on a call to somebody else. */
const calling = (orm: HidingOrm): Promise<string> =>
  orm.transaction(async () => {
    await orm.callElsewhere();
    return "done";
  });

test("side by side in one request, one of them slow: nobody is refused", async () => {
  const orm = new HidingOrm();
  const later = async (): Promise<string> => {
    await orm.clock.sleep(10);
    return await orm.select();
  };
  const ends = endsOf({
    request: inRequest(async () => (await Promise.all([calling(orm), later()])).join()),
  });
  await orm.clock.advance(20_000);
  assert.deepEqual(ends, {});
  await orm.answerCalls();
  assert.deepEqual(ends, { request: "done,served" });
});

test("one that waited before the other had its connection is not inside it", async () => {
  const orm = new HidingOrm();
  const ends = endsOf({
    request: inRequest(async () => {
      const both = [calling(orm), orm.select()];
      return (await Promise.all(both)).join();
    }),
  });
  await orm.clock.advance(20_000);
  assert.deepEqual(ends, {});
  await orm.answerCalls();
  assert.deepEqual(ends, { request: "done,served" });
});

test("many jobs of one kind under one lane, more than connections: nobody is refused", async () => {
  const orm = new HidingOrm({ limit: 2 });
  const job = async (): Promise<string> => {
    const before = await orm.select();
    return `${before} ${await calling(orm)}`;
  };
  let left = 0;
  const consumer = (): void => {
    for (let i = 0; i < 6; i++) {
      left++;
      void job().finally(() => left--);
    }
  };
  await inRequest(async () => {
    consumer();
    await orm.clock.advance(5_000);
    // A second message of each kind, while the connections are in transactions of the first.
    consumer();
  });
  for (let i = 0; i < 12; i++) {
    await orm.clock.advance(5_000);
    await orm.answerCalls();
  }
  const [, normal] = orm.resource.snapshot().lanes;
  assert.deepEqual([left, normal?.rejected, normal?.finished], [0, 0, 24]);
});

test("several checkouts in one request, and stacks that say nothing: nobody is refused", async () => {
  const orm = new HidingOrm({ limit: 2 });
  const ends = endsOf({
    request: inRequest(async () => {
      const both = [calling(orm), calling(orm)];
      await orm.clock.sleep(10);
      return `${await orm.lazySelect()} ${(await Promise.all(both)).join()}`;
    }),
  });
  await orm.clock.advance(20_000);
  assert.deepEqual(ends, {});
  await orm.answerCalls();
  assert.deepEqual(ends, { request: "served done,done" });
});

test("what looks like it, though a call elsewhere would end it, is refused: the price of knowing no more", async () => {
  const orm = new HidingOrm();
  const ends = endsOf({
    request: inRequest(async () => {
      const slow = calling(orm);
      await orm.clock.sleep(10);
      // Neither awaited together nor inside: only the order of the two lines is seen.
      const answer = await orm.lazySelect().then(
        (found) => found,
        (error: Error & { code: string }) => error.code,
      );
      return `${answer} ${await slow}`;
    }),
  });
  await orm.clock.advance(2_000);
  await orm.answerCalls();
  assert.deepEqual(ends, { request: "LANEWAY_DEADLOCK done" });
});

test("outside of any request nobody is refused, and the process is warned once for each place", async (t) => {
  const orm = new HidingOrm();
  const warnings = warningsOf(t);
  const first = endsOf({ nested: nestedIn(orm) });
  await orm.clock.advance(900);
  await told();
  assert.equal(warnings.length, 0);
  await orm.clock.advance(20_000);
  await told();
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /resource "db": each client is held by code that has done nothing with it for 1000 ms, while 1 wait:[^]*HidingOrm\.transaction/,
  );
  assert.deepEqual(first, {});
});

test("events that are part of no request are none", async () => {
  const orm = new HidingOrm();
  const ends = endsOf({ nested: asyncContext.run(NOWHERE, () => nestedIn(orm)) });
  await orm.clock.advance(20_000);
  assert.deepEqual(ends, {});
});

test("a resource that detects no deadlocks refuses nobody, keeps the wait in its place, and is warned of", async (t) => {
  const orm = new HidingOrm({ detectDeadlock: false });
  const warnings = warningsOf(t);
  const ends = endsOf({ request: inRequest(() => nestedIn(orm)) });
  await orm.clock.advance(20_000);
  await told();
  assert.deepEqual(ends, {});
  assert.equal(orm.resource.snapshot().waiting, 1);
  assert.equal(warnings.length, 1);
});

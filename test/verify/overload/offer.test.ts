import assert from "node:assert/strict";
import { test } from "node:test";
import { TestClock } from "../../../src/testing/clock.ts";
import { dueInstants } from "../../../src/verify/load/arrival.ts";
import type { ReplyWaiter } from "../../../src/verify/load/http1/connections.ts";
import type { ReplyHeaders } from "../../../src/verify/load/http1/reply.ts";
import { generatorClock } from "../../../src/verify/load/generator-clock.ts";
import { offerLoad } from "../../../src/verify/overload/offer.ts";
import type { CallSender, Offer, OfferOptions } from "../../../src/verify/overload/offer.ts";
import type { LanePlan } from "../../../src/verify/overload/plan.ts";
import type { LaneTally } from "../../../src/verify/overload/tally.ts";

const NONE: ReplyHeaders = {
  waitMs: undefined,
  lane: undefined,
  retryAfter: undefined,
  retryAfterMs: undefined,
  date: undefined,
};

interface Given {
  readonly due: Float64Array;
  readonly lane?: Partial<LanePlan>;
  readonly inFlightMax?: number;
  readonly phaseEndsMs?: readonly number[];
}

function optionsOf(given: Given, sender: CallSender, clock: OfferOptions["clock"]): OfferOptions {
  const { due, lane = {}, inFlightMax = 1_000, phaseEndsMs = [5_000] } = given;
  return {
    plan: {
      lanes: [{ name: "bulk", expects: "bulk", timeoutMs: 10_000, returns: "none", returnsMax: 3, ...lane }],
      due,
      lane: new Uint16Array(due.length),
      request: new Uint32Array(due.length),
      phaseEndsMs,
      inFlightMax,
    },
    sender,
    clock,
    seed: 1,
  };
}

/** A service in simulated time, which is told when each request comes, and answers by `answer`. */
function serviceOf(
  clock: TestClock,
  answer: (nowMs: number, waiter: ReplyWaiter) => void,
): CallSender & { readonly at: number[]; abandoned: number } {
  const service = {
    at: [] as number[],
    abandoned: 0,
    send(_request: number, waiter: ReplyWaiter) {
      service.at.push(clock.now());
      answer(clock.now(), waiter);
      return { abandon: () => void service.abandoned++ };
    },
  };
  return service;
}

function reply(waiter: ReplyWaiter, status: number, headers: Partial<ReplyHeaders> = {}): void {
  waiter.replied(status, { ...NONE, ...headers });
  waiter.ended();
}

function steady(perSecond: number, untilMs: number): Float64Array {
  return dueInstants({ kind: "steady", perSecond, fromMs: 0, untilMs }, 1);
}

function counts(tally: LaneTally): number[] {
  return (["offered", "served", "refused", "failed", "unsent"] as const).map((count) => tally.total(count));
}

async function ended(offer: Offer): Promise<LaneTally> {
  await offer.done;
  return offer.lanes[0]!;
}

test("a service that stalls for a second gets every call when it is due, and the stall shows in the latencies", async () => {
  const clock = new TestClock();
  const service = serviceOf(clock, (nowMs, waiter) => {
    const stalled = nowMs >= 2_000 && nowMs < 3_000;
    clock.after(stalled ? 3_000 - nowMs : 1, () => reply(waiter, 200));
  });
  const due = steady(400, 5_000);
  const offer = offerLoad(optionsOf({ due }, service, clock));
  await clock.advance(10_000);
  const tally = await ended(offer);
  assert.deepEqual(service.at, [...due]);
  assert.deepEqual(counts(tally), [2_000, 2_000, 0, 0, 0]);
  const { p50, p90, p99 } = tally.phases[0]!.latency.spread();
  // A fifth of the calls came during the stall and waited from 0 to 1000 ms, evenly. A closed loop would show one of them.
  assert.ok(
    Math.abs(p50 - 1) < 0.1 && Math.abs(p90 - 500) < 10 && Math.abs(p99 - 950) < 10,
    `${p50} ${p90} ${p99}`,
  );
  assert.deepEqual(
    tally.seconds.map(({ offered, served }) => [offered, served]),
    Array.from({ length: 5 }, () => [400, 400]),
  );
  assert.ok(tally.seconds[2]!.latency!.quantile(0.5) > 450);
  assert.equal(offer.lag.quantile(1), 0);
});

test("calls are counted in the phase and the second in which they were due, however late they end", async () => {
  const clock = new TestClock();
  const service = serviceOf(clock, (_nowMs, waiter) =>
    clock.after(1_500, () => reply(waiter, 200, { waitMs: 7 })),
  );
  const offer = offerLoad(
    optionsOf({ due: Float64Array.of(0, 999, 1_000, 2_999), phaseEndsMs: [1_000, 3_000] }, service, clock),
  );
  await clock.advance(10_000);
  const tally = await ended(offer);
  assert.deepEqual(
    tally.phases.map(({ served, wait }) => [served, wait.count]),
    [
      [2, 2],
      [2, 2],
    ],
  );
  assert.deepEqual(
    tally.seconds.map(({ served }) => served),
    [2, 1, 1],
  );
  assert.deepEqual([tally.lastServedMs, offer.sent()], [4_499, 4]);
});

test("a generator that is late says so, in its lag and in the latencies", async () => {
  const clock = new TestClock();
  const late = { now: () => clock.now(), after: (ms: number, fn: () => void) => clock.after(ms + 30, fn) };
  const service = serviceOf(clock, (_nowMs, waiter) => reply(waiter, 200));
  const offer = offerLoad(optionsOf({ due: Float64Array.of(100, 300, 500) }, service, late));
  await clock.advance(5_000);
  const tally = await ended(offer);
  assert.equal(offer.lag.quantile(0.5), 30);
  assert.equal(tally.phases[0]!.latency.quantile(0.5), 30);
});

test("a thread that something blocks measures its own lateness", async () => {
  let blocked = false;
  const sender: CallSender = {
    send: (_request, waiter) => {
      const until = performance.now() + (blocked ? 0 : 80);
      blocked = true;
      while (performance.now() < until);
      setImmediate(() => reply(waiter, 200));
      return { abandon: () => undefined };
    },
  };
  const offer = offerLoad(optionsOf({ due: Float64Array.of(0, 10, 20, 30) }, sender, generatorClock(0)));
  await offer.done;
  assert.equal(offer.lag.count, 4);
  assert.ok(offer.lag.quantile(1) >= 70, `${offer.lag.quantile(1)} ms`);
});

test("calls past the guard are not sent, and are counted so", async () => {
  const clock = new TestClock();
  const service = serviceOf(clock, () => undefined);
  const offer = offerLoad(optionsOf({ due: steady(100, 1_000), inFlightMax: 10 }, service, clock));
  await clock.advance(5_000);
  offer.stop();
  const tally = await ended(offer);
  assert.deepEqual(counts(tally), [100, 0, 0, 0, 90]);
  assert.deepEqual([service.at.length, service.abandoned], [10, 10]);
});

test("a reply that is not whole in time has failed, is given up, and counts no more when it comes", async () => {
  const clock = new TestClock();
  const service = serviceOf(clock, (_nowMs, waiter) => {
    waiter.replied(200, NONE);
    clock.after(900, () => waiter.ended());
  });
  const offer = offerLoad(
    optionsOf({ due: Float64Array.of(0, 5), lane: { timeoutMs: 500 } }, service, clock),
  );
  await clock.advance(2_000);
  const tally = await ended(offer);
  assert.deepEqual(counts(tally), [2, 0, 0, 2, 0]);
  assert.deepEqual([...tally.errors], [["no whole reply within 500 ms", 2]]);
  assert.equal(service.abandoned, 2);
});

test("replies, refusals, errors and lost connections are told apart; the generator's own limits are nobody's failure", async () => {
  const clock = new TestClock();
  const answers: ((waiter: ReplyWaiter) => void)[] = [
    (waiter) => reply(waiter, 204),
    (waiter) => reply(waiter, 302),
    ...[429, 503, 504, 529].map((status) => (waiter: ReplyWaiter) => reply(waiter, status)),
    (waiter) => reply(waiter, 500),
    (waiter) => waiter.failed("connect ECONNREFUSED", "ECONNREFUSED"),
    (waiter) => waiter.failed("connect EMFILE", "EMFILE"),
  ];
  const service = serviceOf(clock, (nowMs, waiter) => clock.after(1, () => answers[nowMs / 10]!(waiter)));
  const offer = offerLoad(optionsOf({ due: steady(100, answers.length * 10) }, service, clock));
  await clock.advance(1_000);
  const tally = await ended(offer);
  assert.deepEqual(counts(tally), [9, 2, 4, 2, 1]);
  assert.equal(tally.unreached, 1);
  assert.deepEqual([...tally.errors.keys()], ["status 500", "connect ECONNREFUSED", "connect EMFILE"]);
});

/** Refuses each call until simulated time `untilMs`, then serves it. */
function refusing(
  clock: TestClock,
  untilMs: number,
  headers: Partial<ReplyHeaders>,
): ReturnType<typeof serviceOf> {
  return serviceOf(clock, (nowMs, waiter) =>
    clock.after(1, () => (nowMs < untilMs ? reply(waiter, 503, headers) : reply(waiter, 200))),
  );
}

test("a client that obeys comes back when it was told to and not before, and is one call", async () => {
  for (const headers of [
    { retryAfter: "2" },
    { retryAfterMs: "2000", retryAfter: "9" },
    { retryAfter: "Sat, 21 Nov 2026 10:00:02 GMT", date: "Sat, 21 Nov 2026 10:00:00 GMT" },
  ]) {
    const clock = new TestClock();
    const service = refusing(clock, 1_000, headers);
    const offer = offerLoad(
      optionsOf({ due: Float64Array.of(0), lane: { returns: "obey" } }, service, clock),
    );
    await clock.advance(9_000);
    const tally = await ended(offer);
    const [, back] = service.at;
    assert.ok(back! >= 2_001 && back! <= 2_201, `came back at ${back}`);
    assert.deepEqual(counts(tally), [1, 1, 0, 0, 0]);
    assert.deepEqual([tally.returns, offer.sent()], [1, 2]);
    // From the instant it was first due.
    assert.equal(Math.round(tally.phases[0]!.latency.spread().max), Math.round(back! + 1));
  }
});

test("a client that does not obey comes back at once, as often as it may, and is then refused", async () => {
  const clock = new TestClock();
  const service = refusing(clock, Infinity, { retryAfter: "30" });
  const lane = { returns: "ignore", returnsMax: 4 } as const;
  const offer = offerLoad(optionsOf({ due: Float64Array.of(0), lane }, service, clock));
  await clock.advance(9_000);
  const tally = await ended(offer);
  assert.equal(service.at.length, 5);
  assert.ok(service.at[4]! < 1_000, `the last at ${service.at[4]}`);
  assert.deepEqual([counts(tally), tally.returns], [[1, 0, 1, 0, 0], 4]);
});

test("nobody comes back after the load is over, and a client on its way back when it is stopped was refused", async () => {
  const clock = new TestClock();
  const service = refusing(clock, Infinity, { retryAfter: "30" });
  const offer = offerLoad(optionsOf({ due: Float64Array.of(0), lane: { returns: "obey" } }, service, clock));
  await clock.advance(10);
  assert.deepEqual(counts(await ended(offer)), [1, 0, 1, 0, 0]);
  const long = refusing(clock, Infinity, { retryAfter: "3" });
  const stopped = offerLoad(optionsOf({ due: Float64Array.of(0), lane: { returns: "obey" } }, long, clock));
  await clock.advance(1_000);
  stopped.stop();
  assert.deepEqual(counts(await ended(stopped)), [1, 0, 1, 0, 0]);
  await clock.advance(9_000);
  assert.equal(long.at.length, 1);
});

test("replies that name another lane than was asked for are counted by that lane", async () => {
  const clock = new TestClock();
  const service = serviceOf(clock, (nowMs, waiter) =>
    clock.after(1, () => reply(waiter, 200, { lane: nowMs < 20 ? "normal" : "bulk" })),
  );
  const offer = offerLoad(optionsOf({ due: Float64Array.of(0, 10, 20) }, service, clock));
  await clock.advance(1_000);
  assert.deepEqual([...(await ended(offer)).otherLanes], [["normal", 2]]);
});

test("a stopped load sends nothing more, gives up what is in flight, and what it has adds up", async () => {
  const clock = new TestClock();
  const service = serviceOf(clock, (nowMs, waiter) => {
    if (nowMs < 500) clock.after(1, () => reply(waiter, 200));
  });
  const offer = offerLoad(optionsOf({ due: steady(100, 5_000) }, service, clock));
  await clock.advance(999);
  offer.stop();
  await clock.advance(9_000);
  const tally = await ended(offer);
  assert.deepEqual(counts(tally), [100, 50, 0, 0, 0]);
  assert.deepEqual([service.at.length, service.abandoned], [100, 50]);
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Resource } from "../../src/index.ts";
import type { Permit } from "../../src/index.ts";
import { TestClock } from "../../src/testing/index.ts";

const ONE_LANE = [{ name: "all", queue: { max: 100_000, timeoutMs: 3_600_000 }, timeoutMs: 3_600_000 }];

/** So many servers, first come first served; a run takes one of them for `ms`. */
class Servers {
  readonly clock: TestClock;
  count: number;
  ms: number;
  busy = 0;
  most = 0;
  sent = 0;
  readonly #queue: (() => void)[] = [];

  constructor(clock: TestClock, count: number, ms: number) {
    this.clock = clock;
    this.count = count;
    this.ms = ms;
  }

  async serve(): Promise<void> {
    this.sent++;
    this.most = Math.max(this.most, this.sent);
    if (this.busy >= this.count) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.busy++;
    await this.clock.sleep(this.ms);
    this.busy--;
    this.sent--;
    this.#queue.shift()?.();
  }
}

/** So many callers, each asking again at once. */
function callers(
  resource: Resource,
  clock: TestClock,
  count: number,
  fn: (permit: Permit) => Promise<unknown>,
  task = {},
): void {
  const again = async (): Promise<never> => {
    // One that is refused comes back a little later: at once would be for ever, for simulated time would stand still.
    for (;;) await resource.run(fn, task).catch(() => clock.sleep(10));
  };
  for (let n = 0; n < count; n++) void again();
}

function adaptive(clock: TestClock, limit: object, lanes: object[] = ONE_LANE): Resource {
  return new Resource({
    name: "x",
    clock,
    lanes: lanes as typeof ONE_LANE,
    limit: { adaptive: true, ...limit },
  });
}

describe("a limit that is learned", () => {
  it("grows while more at once brings more done, and stops where it does not", async () => {
    const clock = new TestClock();
    const servers = new Servers(clock, 32, 50);
    const resource = adaptive(clock, { start: 4 });
    callers(resource, clock, 200, () => servers.serve());
    await clock.advance(15_000);
    const { limit, limitSignal } = resource.snapshot();
    assert.ok(limit >= 24 && limit <= 48, `${limit} seats for 32 servers`);
    assert.ok(limitSignal !== undefined && limitSignal.cause !== "start", JSON.stringify(limitSignal));
  });

  it("shrinks where more at once only queues behind it", async () => {
    const clock = new TestClock();
    const servers = new Servers(clock, 8, 50);
    const resource = adaptive(clock, { start: 80 });
    callers(resource, clock, 200, () => servers.serve());
    await clock.advance(30_000);
    const { limit, limitSignal } = resource.snapshot();
    assert.ok(limit >= 6 && limit <= 14, `${limit} seats for 8 servers`);
    assert.ok(limitSignal !== undefined && limitSignal.movedAt > 0);
    assert.match(limitSignal.reason, /^\d+ seats, from \d+: /);
  });

  it("follows no overload up: runs that take longer for reasons of their own move it little", async () => {
    const clock = new TestClock();
    const servers = new Servers(clock, 16, 40);
    const resource = adaptive(clock, { start: 16 });
    callers(resource, clock, 200, () => servers.serve());
    for (let n = 0; n < 30; n++) {
      await clock.advance(1_000);
      servers.ms += 3;
    }
    const { limit } = resource.snapshot();
    assert.ok(limit >= 12 && limit <= 24, `${limit} seats for 16 servers`);
  });

  it("stays where it is while it limits nothing, however the load comes and goes", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { start: 10 });
    const until = async (end: number): Promise<void> => {
      while (clock.now() < end) await resource.run(() => clock.sleep(10));
    };
    for (let n = 0; n < 40; n++) {
      const end = clock.now() + (n % 9 === 0 ? 0 : 500);
      for (let each = 0; each <= (n * 3) % 7; each++) void until(end);
      await clock.advance(510);
    }
    assert.equal(resource.snapshot().limit, 10);
    assert.equal(resource.snapshot().limitSignal?.cause, "start");
  });

  it("does not take the odd failure of a quiet service for congestion", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { start: 10 });
    let asked = 0;
    callers(resource, clock, 2, async () => {
      await clock.sleep(50);
      if (++asked % 10 === 0) throw new Error("not found");
    });
    await clock.advance(20_000);
    assert.equal(resource.snapshot().limit, 10);
  });

  it("counts what fails as congestion, unless it always did", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { start: 40 });
    let inUse = 0;
    callers(resource, clock, 100, async () => {
      const refused = ++inUse > 20;
      await clock.sleep(refused ? 1 : 20);
      inUse--;
      if (refused) throw new Error("too many");
    });
    await clock.advance(3_000);
    const { limit, limitSignal } = resource.snapshot();
    assert.ok(limit <= 26, `${limit} seats where 20 are served`);
    assert.ok(limitSignal !== undefined && limitSignal.to < 40);
  });

  it("counts what is put back as failed", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { start: 40 });
    callers(resource, clock, 100, async (permit) => {
      await clock.sleep(20);
      const again = await permit.requeue();
      await clock.sleep(20);
      again.release();
    });
    await clock.advance(2_000);
    assert.equal(resource.snapshot().limitSignal?.cause, "failures");
  });

  it("counts what came too late as failed, though it ends well", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { start: 10 });
    callers(resource, clock, 50, () => clock.sleep(30), { timeoutMs: 20 });
    await clock.advance(2_000);
    assert.equal(resource.snapshot().limitSignal?.cause, "failures");
  });

  it("sees a stall before anything ends", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { start: 40 });
    let stalled = false;
    callers(resource, clock, 60, () => clock.sleep(stalled ? 600_000 : 20));
    await clock.advance(2_000);
    const before = resource.snapshot().limit;
    stalled = true;
    await clock.advance(100);
    for (let n = 0; n < 10; n++) {
      void resource.run(() => clock.sleep(600_000)).catch(() => {});
      await clock.advance(100);
    }
    const { limit, limitSignal } = resource.snapshot();
    assert.equal(limitSignal?.cause, "stall");
    assert.ok(limit <= before / 2, `${limit} of ${before} seats`);
  });

  it("stays within its bounds", async () => {
    const clock = new TestClock();
    const least = adaptive(clock, { min: 6, start: 12 });
    const most = adaptive(clock, { max: 10, start: 8 });
    const servers = new Servers(clock, 1, 20);
    const seen = { least: Infinity, most: 0 };
    callers(least, clock, 100, () => servers.serve());
    callers(most, clock, 100, () => clock.sleep(20));
    for (let n = 0; n < 200; n++) {
      await clock.advance(100);
      seen.least = Math.min(seen.least, least.snapshot().limit);
      seen.most = Math.max(seen.most, most.snapshot().limit);
    }
    assert.deepEqual(seen, { least: 6, most: 10 });
  });

  it("never falls below what floors given as seats need, now or after an update", async () => {
    const clock = new TestClock();
    const lanes = (reservation: number): object[] => [
      { ...ONE_LANE[0]!, name: "first", reservation, lendable: 0 },
      ONE_LANE[0]!,
    ];
    const resource = adaptive(clock, { start: 12 }, lanes(5));
    const servers = new Servers(clock, 1, 20);
    callers(resource, clock, 100, () => servers.serve(), { lane: "all" });
    callers(resource, clock, 100, () => servers.serve(), { lane: "first" });
    let least = Infinity;
    for (let n = 0; n < 200; n++) {
      await clock.advance(100);
      const { limit, lanes: now } = resource.snapshot();
      least = Math.min(least, limit);
      assert.equal(now[0]?.floor, 5);
    }
    assert.equal(least, 6);
    resource.update({ lanes: lanes(9) as typeof ONE_LANE });
    assert.equal(resource.snapshot().limit, 10);
    assert.equal(resource.snapshot().limitSignal?.cause, "floors");
  });

  it("finds its way up from its least", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { min: 1, start: 1 });
    callers(resource, clock, 100, () => clock.sleep(10));
    await clock.advance(10_000);
    assert.ok(resource.snapshot().limit > 30, `${resource.snapshot().limit} seats where there is no bound`);
  });

  it("does not grow while something beside the tasks is at its bound, and shrinks far beyond it", async () => {
    const clock = new TestClock();
    let level = 1.1;
    const saturation = () => ({ level, cause: "event-loop" }) as const;
    const resource = adaptive(clock, { start: 10, saturation });
    callers(resource, clock, 200, () => clock.sleep(10));
    let most = 0;
    for (let n = 0; n < 50; n++) {
      await clock.advance(100);
      most = Math.max(most, resource.snapshot().limit);
    }
    assert.equal(most, 10);
    level = 2;
    await clock.advance(3_000);
    assert.equal(resource.snapshot().limitSignal?.cause, "event-loop");
    assert.ok(resource.snapshot().limit < 10);
  });

  it("takes from the lowest lane first: the highest waits no longer than for a seat", async () => {
    const clock = new TestClock();
    const saturation = () => ({ level: 3, cause: "memory" }) as const;
    const limit = { adaptive: true, start: 20, saturation } as const;
    const resource = new Resource({ name: "x", clock, limit });
    callers(resource, clock, 2, () => clock.sleep(20), { lane: "critical" });
    callers(resource, clock, 100, () => clock.sleep(20), { lane: "bulk" });
    await clock.advance(10_000);
    const { limit: now, lanes, limitSignal } = resource.snapshot();
    assert.ok(now < 10, `${now} seats`);
    assert.equal(limitSignal?.cause, "memory");
    const critical = lanes[0]!;
    assert.ok(critical.waitMs.p99 <= 21, `critical waits ${critical.waitMs.p99} ms`);
    assert.equal(critical.rejected + critical.evicted + critical.timedOut, 0);
    assert.ok(lanes[4]!.running < now, "bulk has what is left");
  });

  it("keeps what it has learned through an update, also within other bounds", async () => {
    const clock = new TestClock();
    const resource = adaptive(clock, { start: 4 });
    const servers = new Servers(clock, 32, 50);
    callers(resource, clock, 200, () => servers.serve());
    await clock.advance(15_000);
    const { limitSignal } = resource.snapshot();
    resource.update({ limit: { adaptive: true, start: 4 } });
    assert.deepEqual(resource.snapshot().limitSignal, limitSignal);
    resource.update({ limit: { adaptive: true, max: 100 } });
    assert.ok(resource.snapshot().limit >= 24);
    resource.update({ limit: 7 });
    assert.equal(resource.snapshot().limit, 7);
    assert.equal(resource.snapshot().limitSignal, undefined);
    await clock.advance(5_000);
    assert.equal(resource.snapshot().limit, 7);
  });

  it("refuses options that make no sense, by name", () => {
    const refused = (limit: object, message: RegExp): void =>
      assert.throws(() => adaptive(new TestClock(), limit), { code: "LANEWAY_INVALID", message });
    refused({ min: 0 }, /limit\.min: expected a whole number from 1/);
    refused({ min: 5, max: 4 }, /limit\.max: expected a whole number from 5/);
    refused({ max: 4, start: 5 }, /limit\.start: expected a whole number from 2 to 4/);
    refused({ most: 4 }, /limit: expected one of the options adaptive, min, max, start, saturation/);
    refused({ adaptive: false }, /limit\.adaptive: expected true/);
    refused({ saturation: 1 }, /limit\.saturation: expected a function/);
    const lanes = [{ name: "a", reservation: 9 }, { name: "b" }];
    assert.throws(() => adaptive(new TestClock(), { max: 8 }, lanes), /at most the limit, 8 seats/);
  });
});

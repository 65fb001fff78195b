/** Who waits, who holds a seat, and for how long. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { TestClock } from "../../src/testing/clock.ts";
import { begin, fetchText, laneOf, lanewayOf, open, snapshotOf, until } from "./client.ts";
import { heldStream, leaveAtRandom, ONE_SEAT } from "./fixture.ts";
import type { Behaviours } from "./framework.ts";

/** More of them on demand: `LANEWAY_TEST_CLIENTS=10000`. */
const CLIENTS = Number(process.env["LANEWAY_TEST_CLIENTS"] ?? 400);

/** By their names. */
export const SEATS: Behaviours = {
  "with no seat free a request waits, and its reply says how long": async (_t, start) => {
    const clock = new TestClock();
    const laneway = await lanewayOf(ONE_SEAT, clock);
    const url = await start(laneway);
    const permit = laneway.resource("http").tryAcquire()!;
    const waiting = fetchText(`${url}/pay`);
    await until(() => snapshotOf(laneway).waiting === 1);
    await clock.advance(250);
    permit.release();
    const reply = await waiting;
    assert.equal(reply.status, 200);
    assert.equal(reply.headers["laneway-wait-ms"], "250");
    assert.equal(reply.headers["server-timing"], 'laneway;dur=250.0;desc="wait"');
  },

  "a stream holds its seat until its last byte, and frees it then": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
    const url = await start(laneway, () => ({ stream: heldStream(streams) }));
    const reply = await open(`${url}/pay`);
    reply.setEncoding("utf8");
    assert.equal(snapshotOf(laneway).seatsInUse, 1);
    streams[0]!.close();
    let body = "";
    for await (const chunk of reply) body += chunk as string;
    assert.equal(body, "begun");
    await until(() => snapshotOf(laneway).seatsInUse === 0);
    assert.equal(laneOf(laneway, "critical").finished, 1);
  },

  "a stream that has begun is not cut by the lane's time-out": async (_t, start) => {
    const clock = new TestClock();
    const laneway = await lanewayOf(ONE_SEAT, clock);
    const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
    const url = await start(laneway, () => ({ stream: heldStream(streams) }));
    const reply = await open(`${url}/pay`);
    await clock.advance(120_000);
    streams[0]!.enqueue(Buffer.from(" and ended"));
    streams[0]!.close();
    let body = "";
    for await (const chunk of reply.setEncoding("utf8")) body += chunk as string;
    assert.equal(body, "begun and ended");
    await until(() => snapshotOf(laneway).seatsInUse === 0);
    assert.deepEqual([laneOf(laneway, "critical").finished, laneOf(laneway, "critical").failed], [1, 0]);
  },

  "a client that leaves in the middle of a stream gives its seat back": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway, () => ({ stream: heldStream([]) }));
    const reply = await open(`${url}/pay`);
    assert.equal(snapshotOf(laneway).seatsInUse, 1);
    reply.destroy();
    await until(() => snapshotOf(laneway).seatsInUse === 0);
    assert.equal(laneOf(laneway, "critical").failed, 1);
  },

  "a client that leaves while it waits is forgotten, and its handler never runs": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const seen: string[] = [];
    const url = await start(laneway, (path) => {
      seen.push(path);
      return { text: "hello" };
    });
    const permit = laneway.resource("http").tryAcquire()!;
    const leaves = begin(`${url}/export/leaves`);
    leaves.on("error", () => {});
    await until(() => snapshotOf(laneway).waiting === 1);
    leaves.destroy();
    await until(() => snapshotOf(laneway).waiting === 0);
    permit.release();
    assert.equal((await fetchText(`${url}/pay`)).status, 200);
    assert.deepEqual(seen, ["/pay"]);
    assert.equal(laneOf(laneway, "bulk").cancelled, 1);
  },

  "clients that leave at random moments lose no seat, and no handler runs after its client left": async (
    _t,
    start,
  ) => {
    const laneway = await lanewayOf(ONE_SEAT.replace("limit: 1", "limit: 4").replace("max: 2", "max: 1000"));
    let handled = 0;
    const url = await start(laneway, async (path) => {
      handled++;
      if (path.endsWith("7")) await setImmediate();
      return { text: "x".repeat(2_000) };
    });
    await leaveAtRandom(url, CLIENTS);
    await until(() => snapshotOf(laneway).seatsInUse === 0 && snapshotOf(laneway).waiting === 0);
    const { admitted, finished, failed, cancelled } = laneOf(laneway, "bulk");
    assert.equal(finished + failed, admitted);
    // Fewer where a client left in the turn in which its seat came.
    assert.ok(handled > 0 && handled <= admitted, `${handled} of ${admitted} handled`);
    assert.ok(admitted + cancelled <= CLIENTS, `${admitted} admitted, ${cancelled} cancelled`);
    const replies = await Promise.all([1, 2, 3, 4].map(() => fetchText(`${url}/other`)));
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 200, 200],
    );
  },
};

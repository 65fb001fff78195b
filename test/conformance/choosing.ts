/** Which lane a request gets, by what, and what follows it. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { claimsOf } from "../../src/adapters/http.ts";
import { currentLane } from "../../src/node/context.ts";
import { fetchText, laneOf, lanewayOf, open, snapshotOf, until } from "./client.ts";
import { hello, heldStream, ONE_SEAT } from "./fixture.ts";
import type { Behaviours } from "./framework.ts";

/** By their names. */
export const CHOOSING: Behaviours = {
  "a request is served in the lane that the policy gives it, and the reply says so": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway);
    const reply = await fetchText(`${url}/pay?sum=3`);
    assert.deepEqual([reply.status, reply.body], [200, "hello"]);
    assert.equal(reply.headers["laneway-lane"], "critical");
    assert.equal(reply.headers["laneway-wait-ms"], "0");
    assert.match(String(reply.headers["server-timing"]), /^laneway;dur=0/);
    await until(() => laneOf(laneway, "critical").finished === 1);
    assert.equal(snapshotOf(laneway).seatsInUse, 0);
  },

  "the handler runs in its lane's async context, and so does what it awaits": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway, async () => {
      const before = currentLane();
      await setImmediate();
      return { text: `${before} ${currentLane()}` };
    });
    assert.equal((await fetchText(`${url}/export/a`)).body, "bulk bulk");
    const permit = laneway.resource("http").tryAcquire({ lane: "critical" })!;
    const waiting = [fetchText(`${url}/export/a`), fetchText(`${url}/other`)];
    await until(() => snapshotOf(laneway).waiting === 2);
    permit.release();
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ body }) => body),
      ["bulk bulk", "normal normal"],
    );
  },

  "claims that make no sense are ignored and counted; the rules decide": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway);
    const nonsense = ["''; DROP", "u=99", "critical, bulk", "x".repeat(10_000), "{}", "%00", "CRITICAL"];
    for (const claim of nonsense) {
      const reply = await fetchText(`${url}/other`, { headers: { "x-priority": claim } });
      assert.deepEqual([reply.status, reply.headers["laneway-lane"]], [200, "normal"], claim.slice(0, 40));
    }
    const twice = await fetchText(`${url}/other`, { headers: { "x-priority": ["critical", "bulk"] } });
    assert.equal(twice.headers["laneway-lane"], "normal");
    assert.deepEqual(claimsOf(laneway), [{ claimed: "unknown", granted: "normal", count: 8 }]);
    const forged = await fetchText(`${url}/other`, { headers: { "x-priority": "critical" } });
    assert.equal(forged.headers["laneway-lane"], "normal");
    const lowered = await fetchText(`${url}/pay`, { headers: { "x-priority": "bulk" } });
    assert.equal(lowered.headers["laneway-lane"], "bulk");
  },

  "RFC 9218 priority counts only where the policy names it": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT.replace("x-priority", "priority"));
    const url = await start(laneway);
    const lane = async (priority: string): Promise<unknown> =>
      (await fetchText(`${url}/other`, { headers: { priority } })).headers["laneway-lane"];
    assert.deepEqual(
      [await lane("u=7"), await lane("u=99"), await lane("u=0")],
      ["bulk", "normal", "normal"],
    );
    const plain = await lanewayOf(ONE_SEAT);
    const other = await start(plain);
    const reply = await fetchText(`${other}/other`, { headers: { priority: "u=7" } });
    assert.equal(reply.headers["laneway-lane"], "normal");
  },

  "an exempt lane is never held back, and counted": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway);
    const permit = laneway.resource("http").tryAcquire()!;
    assert.equal((await fetchText(`${url}/probe`)).status, 200);
    await until(() => laneOf(laneway, "probes").finished === 1);
    permit.release();
  },

  "in shadow mode everything is decided and counted, and nothing held back": async (_t, start) => {
    const laneway = await lanewayOf(`${ONE_SEAT}enforce: false\n`);
    const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
    const url = await start(laneway, () => ({ stream: heldStream(streams) }));
    const replies = await Promise.all([1, 2, 3, 4, 5].map((n) => open(`${url}/export/${n}`)));
    assert.deepEqual(
      replies.map(({ statusCode, headers }) => [statusCode, headers["laneway-lane"]]),
      replies.map(() => [200, "bulk"]),
    );
    const { rejected, admitted } = laneOf(laneway, "bulk");
    assert.equal(rejected, 2, `admitted ${admitted}`);
    for (const stream of streams) stream.close();
    for (const reply of replies) reply.resume();
    await until(() => snapshotOf(laneway).seatsInUse === 0);
  },

  "in shadow mode no request feels it when its record gets a seat later, or is put out": async (
    _t,
    start,
  ) => {
    const laneway = await lanewayOf(`${ONE_SEAT}enforce: false\n`);
    const answers = new Map<string, () => void>();
    const url = await start(laneway, async (path) => {
      await new Promise<void>((resolve) => answers.set(path, resolve));
      return { text: "served" };
    });
    const paths = ["/export/1", "/export/2", "/export/3", "/export/4", "/pay", "/other"];
    const replies = paths.map((path) => fetchText(`${url}${path}`));
    await until(() => answers.size === paths.length);
    // Their records wait behind one seat: with each that ends another gets its turn, while its request still runs.
    for (const [n, path] of paths.entries()) {
      answers.get(path)!();
      const { status, body } = await replies[n]!;
      assert.deepEqual([status, body], [200, "served"]);
    }
    await until(() => snapshotOf(laneway).seatsInUse === 0 && snapshotOf(laneway).waiting === 0);
  },

  "the options: a fixed lane, a path skipped, a flow of one's own, no headers": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const fixed = await start(laneway, hello, { lane: "critical" });
    assert.equal((await fetchText(`${fixed}/export/1`)).headers["laneway-lane"], "critical");
    const url = await start(laneway, hello, {
      skipPath: "/metrics",
      flowHeader: "x-user",
      headers: false,
    });
    const flows: string[] = [];
    laneway.resource("http").onRecord(({ flow }) => void flows.push(flow));
    const skipped = await fetchText(`${url}/metrics`);
    const reply = await fetchText(`${url}/other`, { headers: { "x-user": "ann" } });
    assert.deepEqual([skipped.status, reply.status, reply.headers["laneway-lane"]], [200, 200, undefined]);
    await until(() => flows.length > 0);
    assert.deepEqual(flows, ["ann"]);
  },

  "an unknown lane or resource is refused at the start, naming those there are": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    await assert.rejects(
      async () => start(laneway, hello, { lane: "urgent" }),
      /lane: expected one of probes, critical, normal, bulk, found "urgent"/,
    );
    await assert.rejects(
      async () => start(laneway, hello, { resource: "htp" }),
      /resource: expected one of http, found "htp"/,
    );
    const two = await lanewayOf("resources: { a: { limit: 1 }, b: { limit: 1 } }");
    await assert.rejects(async () => start(two), /expected a policy with a resource named "http"/);
  },
};

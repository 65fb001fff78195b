/** What a client is told that gets no reply, and what becomes of the seat then. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { TestClock } from "../../src/testing/clock.ts";
import { begin, fetchText, json, laneOf, lanewayOf, snapshotOf, until } from "./client.ts";
import { hello, ONE_SEAT } from "./fixture.ts";
import type { Answer, Behaviours } from "./framework.ts";

/** By their names. */
export const REFUSALS: Behaviours = {
  "a full lane is answered with 503, problem details, and when to come back": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway);
    const permit = laneway.resource("http").tryAcquire()!;
    const inLine = [begin(`${url}/export/1`), begin(`${url}/export/2`)];
    for (const each of inLine) each.on("error", () => {});
    await until(() => laneOf(laneway, "bulk").waiting === 2);
    const reply = await fetchText(`${url}/export/3`);
    assert.equal(reply.status, 503);
    assert.equal(reply.headers["content-type"], "application/problem+json");
    const { type, title, status, code, reason, lane, requestId, detail } = json(reply);
    assert.deepEqual([type, title, status], ["about:blank", "Too busy", 503]);
    assert.deepEqual([code, reason, lane], ["LANEWAY_REJECTED", "lane-full", "bulk"]);
    assert.equal(requestId, reply.headers["laneway-request-id"]);
    assert.match(String(detail), /lane "bulk"/);
    const after = Number(reply.headers["retry-after"]);
    assert.ok(after >= 1 && after <= 59, `retry-after: ${after}`);
    assert.equal(reply.headers["ratelimit"], `"bulk";r=0;t=${after}`);
    assert.equal(reply.headers["ratelimit-policy"], '"bulk";q=1;qu="concurrent-requests"');
    const head = await fetchText(`${url}/export/3`, { method: "HEAD" });
    assert.deepEqual([head.status, head.body], [503, ""]);
    for (const each of inLine) each.destroy();
    permit.release();
  },

  "a browser is told as a page, in which nothing of the request can run": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway, hello);
    await laneway.drain({ timeoutMs: 0 });
    const accept = "text/html,application/xhtml+xml,*/*;q=0.8";
    const page = await fetchText(`${url}/<script>`, { headers: { accept } });
    assert.equal(page.status, 503);
    assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
    assert.match(page.body, /<h1>Shutting down<\/h1>/);
    assert.doesNotMatch(page.body, /<script/);
    const problem = await fetchText(`${url}/other`, {
      headers: { accept: "application/json, text/html;q=0" },
    });
    assert.equal(problem.headers["content-type"], "application/problem+json");
  },

  "who holds most of a lane's queue gets 429": async (_t, start) => {
    const laneway = await lanewayOf(`${ONE_SEAT}flow: { header: x-tenant }\n`);
    const url = await start(laneway);
    const permit = laneway.resource("http").tryAcquire()!;
    const send = (tenant: string): ReturnType<typeof fetchText> =>
      fetchText(`${url}/export/1`, { headers: { "x-tenant": tenant } });
    const first = send("greedy");
    await until(() => laneOf(laneway, "bulk").waiting === 1);
    const second = send("greedy");
    await until(() => laneOf(laneway, "bulk").waiting === 2);
    const modest = send("modest");
    const refused = await second;
    assert.equal(refused.status, 429);
    assert.deepEqual(
      [json(refused)["reason"], json(refused)["title"]],
      ["flow-share", "Too many requests from you"],
    );
    permit.release();
    assert.deepEqual([(await first).status, (await modest).status], [200, 200]);
  },

  "a handler that never answers: 504 at the lane's time-out, the socket closed, the seat free": async (
    _t,
    start,
  ) => {
    const clock = new TestClock();
    const laneway = await lanewayOf(ONE_SEAT, clock);
    const late: ((answer: Answer) => void)[] = [];
    const url = await start(laneway, () => new Promise<Answer>((resolve) => late.push(resolve)));
    const waiting = fetchText(`${url}/pay`, { headers: { connection: "keep-alive" } });
    await until(() => late.length === 1);
    await clock.advance(30_000);
    const reply = await waiting;
    assert.equal(reply.status, 504);
    assert.deepEqual([json(reply)["code"], json(reply)["reason"]], ["LANEWAY_TIMEOUT", "task"]);
    assert.equal(reply.headers["connection"], "close");
    await until(() => snapshotOf(laneway).seatsInUse === 0);
    const { failed, reasons } = laneOf(laneway, "critical");
    assert.deepEqual([failed, reasons["task"]], [1, 1]);
    // What it says now is nobody's, and ends no process.
    late[0]!({ text: "late" });
    await setImmediate();
    const next = fetchText(`${url}/pay`);
    await until(() => late.length === 2);
    late[1]!({ text: "in time" });
    assert.equal((await next).body, "in time");
  },

  "a handler that throws is answered by the framework, and its seat is free": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway, async (path) => {
      await setImmediate();
      if (path === "/pay") throw new Error("planted");
      return { text: "hello" };
    });
    assert.equal((await fetchText(`${url}/pay`)).status, 500);
    await until(() => snapshotOf(laneway).seatsInUse === 0);
    assert.equal(laneOf(laneway, "critical").failed, 1);
    assert.equal((await fetchText(`${url}/other`)).status, 200);
  },

  "time that the sending service has spent is not spent again": async (_t, start) => {
    const clock = new TestClock();
    const laneway = await lanewayOf(ONE_SEAT, clock);
    const url = await start(laneway);
    const permit = laneway.resource("http").tryAcquire()!;
    const waiting = fetchText(`${url}/pay`, { headers: { "x-laneway-deadline-ms": "200" } });
    await until(() => snapshotOf(laneway).waiting === 1);
    await clock.advance(200);
    const reply = await waiting;
    assert.deepEqual([reply.status, json(reply)["code"]], [504, "LANEWAY_DEADLINE"]);
    permit.release();
  },

  "onShed answers a refusal the framework's own way": async (_t, start) => {
    const laneway = await lanewayOf(ONE_SEAT);
    const url = await start(laneway, hello, { ownRefusal: "come back later" });
    await laneway.drain({ timeoutMs: 0 });
    const reply = await fetchText(`${url}/other`);
    assert.deepEqual([reply.status, reply.body], [418, "come back later"]);
  },
};

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { assetOf, Page } from "../../src/admin/page.ts";
import { LANE_FIELDS } from "../../src/admin/wire.ts";
import type { Snapshot, Tick } from "../../src/admin/wire.ts";
import { chromium, opened, portOf } from "./browser.ts";
import { busy, policyOf, queueUp, served, stopped } from "./served.ts";

test("a tick changes the numbers at once, and while the updates are paused it waits", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at, { waiting: 7 });
  const { page } = await opened(browser, at.address);
  const waits = (count: number): Promise<void> => page.getByText(`${count} waiting`).waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await waits(7);
  at.laneway.resource("db").update({ queue: { max: 100 } });
  queueUp(at, 5);
  at.pages.feed.tick();
  await waits(12);
  await page.getByRole("button", { name: "Pause updates" }).click();
  await page.getByText(/^held at/).waitFor();
  queueUp(at, 5);
  at.pages.feed.tick();
  await waits(12);
  await page.getByRole("button", { name: "Go on" }).click();
  await waits(17);
});

test("it survives a restart of its server: says that there is no news, and goes on with the new lanes", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const first = await served(t);
  await busy(first);
  const port = portOf(first.server);
  const { page } = await opened(browser, first.address);
  await page.getByText("live", { exact: true }).waitFor();
  await stopped(first);
  await page.getByText(/^no news/).waitFor();
  assert.equal(await page.getByText("30 waiting").count(), 1);
  const policy = await policyOf();
  const { mail } = policy.resources;
  const second = await served(t, { port, policy: { ...policy, resources: { mail: mail! } } });
  second.pages.feed.tick();
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByText("No request has come to mail yet.").waitFor();
  assert.equal(await page.getByText("30 waiting").count(), 0);
});

test("a screen reader is told the verdict when it becomes another one, not each second", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at, { waiting: 7 });
  const { page } = await opened(browser, at.address);
  await page.getByText("live", { exact: true }).waitFor();
  const told = page.locator("main [role=status]");
  assert.match(await told.innerText(), /bulk on db yields: 7 wait/);
  at.laneway.resource("db").update({ queue: { max: 100 } });
  queueUp(at, 5);
  at.pages.feed.tick();
  await page.locator(".verdict", { hasText: "12 wait" }).waitFor();
  assert.match(await told.innerText(), /7 wait/);
  queueUp(at, 20, "normal");
  at.pages.feed.tick();
  await page.locator(".verdict", { hasText: "normal on db yields: 20 wait" }).waitFor();
  assert.match(await told.innerText(), /normal on db yields: 20 wait/);
});

test("a tab that nobody sees holds no stream, and catches up when it is looked at again", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at, { waiting: 7 });
  const { page } = await opened(browser, at.address);
  await page.getByText("live", { exact: true }).waitFor();
  assert.equal(at.pages.feed.listeners, 1);
  const [stream] = await Promise.all([
    page.waitForEvent("requestfailed", (request) => request.url().endsWith("/api/events")),
    page.evaluate(seen("hidden")),
  ]);
  assert.equal(stream.resourceType(), "eventsource");
  at.laneway.resource("db").update({ queue: { max: 100 } });
  queueUp(at, 5);
  at.pages.feed.tick();
  await page.evaluate(seen("visible"));
  await page.getByText("12 waiting").waitFor();
});

/** What the browser does when its tab is covered, or shown again; without a window to cover it cannot be had otherwise. */
function seen(state: "hidden" | "visible"): string {
  return `Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "${state}" });
    document.dispatchEvent(new Event("visibilitychange"));`;
}

test("who asks for less motion sees none", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at);
  const moving = `[...document.querySelectorAll("*")].filter((element) => {
    const { transitionDuration, animationName } = getComputedStyle(element);
    return transitionDuration !== "0s" || animationName !== "none";
  }).length`;
  const counts = [];
  for (const reducedMotion of ["no-preference", "reduce"] as const) {
    const { page } = await opened(browser, at.address, { reducedMotion });
    counts.push(await page.evaluate<number>(moving));
  }
  assert.ok(counts[0]! > 0);
  assert.equal(counts[1], 0);
});

/** A server that says what it is told to: an hour passes as fast as the page can draw it. */
async function hourLong(t: { after(fn: () => unknown): void }) {
  const lane = (i: number): number[] =>
    LANE_FIELDS.map((field, n) => (field === "waitP99Ms" ? 1 + ((i * 7) % 900) : (i + n) % 40));
  const tick = (i: number): Tick => ({
    at: 1_800_000_000_000 + i * 1_000,
    verdict: { level: "yielding", text: `All lanes hold; this is second ${i}.` },
    resources: [{ limit: 40, seats: i % 40, lanes: [lane(i), lane(i + 1), lane(i + 2)] }],
  });
  const names = ["critical", "normal", "bulk"];
  const state: Snapshot["state"] = {
    lanes: names.map((name) => ({ name, objectiveMs: 100, success: null, exempt: false })),
    resources: [
      {
        name: "db",
        order: "strict",
        limitReason: "as the policy says",
        draining: false,
        lanes: names,
        laneStates: names.map(() => "open"),
      },
    ],
    overrides: [],
    file: null,
    gateway: null,
    enforced: true,
    refusedEdit: null,
    actions: false,
    version: "0",
  };
  const whole = JSON.stringify({
    state,
    ticks: Array.from({ length: 300 }, (_none, i) => tick(i - 300)),
    budgets: [],
  });
  const { html } = (await new Page(assert.ifError).with(whole))!;
  const streams: ServerResponse[] = [];
  const server = createServer((req, res) => {
    const path = req.url!.slice(1);
    if (path === "") res.setHeader("content-type", "text/html").end(html);
    else if (path === "api/events") {
      streams.push(res.setHeader("content-type", "text/event-stream"));
      res.write(`event: state\ndata: ${JSON.stringify(state)}\n\n`);
    } else if (path.startsWith("assets/")) {
      const { contentType, body } = assetOf(path)!;
      res.setHeader("content-type", contentType).end(body);
    } else res.setHeader("content-type", "application/json").end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const send = (i: number): void => {
    for (const stream of streams) stream.write(`event: tick\ndata: ${JSON.stringify(tick(i))}\n\n`);
  };
  return { address: `http://127.0.0.1:${portOf(server)}/`, send };
}

test("a page that is left open for an hour keeps five minutes, and does not grow", async (t) => {
  const browser = await chromium(t, ["--js-flags=--expose-gc"]);
  if (browser === undefined) return;
  const { address, send } = await hourLong(t);
  const { page, complaints } = await opened(browser, address);
  await page.getByText("live", { exact: true }).waitFor();
  const debug = await page.context().newCDPSession(page);
  const heapAfter = async (from: number, to: number): Promise<number> => {
    for (let i = from; i < to; i++) send(i);
    await page.locator(".verdict", { hasText: `this is second ${to - 1}.` }).waitFor({ timeout: 180_000 });
    await debug.send("HeapProfiler.collectGarbage");
    const { usedSize } = await debug.send("Runtime.getHeapUsage");
    return usedSize;
  };
  // What is compiled and cached in the first minutes stays.
  const warm = await heapAfter(0, 600);
  const later = await heapAfter(600, 3_600);
  const { nodes } = await debug.send("Memory.getDOMCounters");
  t.diagnostic(`heap after ten minutes ${warm} bytes, after an hour ${later}; ${nodes} nodes`);
  assert.ok(later < warm * 1.1 + 200_000, `${later} bytes after an hour, ${warm} after ten minutes`);
  assert.deepEqual(complaints, []);
});

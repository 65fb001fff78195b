import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Page } from "../../src/admin/page.ts";
import { verdictOf } from "../../src/admin/verdict.ts";
import { LANE_FIELDS, PAST_FIELDS } from "../../src/admin/wire.ts";
import type { Journey, LaneField, Snapshot } from "../../src/admin/wire.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { busy, ODD, policyOf, served, TOKEN } from "../dashboard/served.ts";

async function insideOf(address: string): Promise<{ html: string; inside: Snapshot }> {
  const html = await (await fetch(address)).text();
  const text = /<script type="application\/json" id="laneway-data">(.*?)<\/script>/s.exec(html)![1]!;
  return { html, inside: JSON.parse(text) as Snapshot };
}

test("the page has the last five minutes inside, and a lane's name cannot end the script that holds them", async (t) => {
  const at = await served(t, { policy: await policyOf({ odd: true }) });
  await busy(at, { lane: ODD });
  const { html, inside } = await insideOf(at.address);
  assert.ok(!html.includes(ODD));
  assert.ok(html.includes("&lt;script>alert(1)&lt;/script>"));
  assert.deepEqual(inside.state!.resources[0]!.lanes, ["critical", "normal", ODD]);
  assert.equal(inside.ticks.length, 2);
});

const LOCKED = '{"state":null,"ticks":[],"budgets":[]}';

async function drawnBy(page: Page, data: string): Promise<string> {
  return drawnIn(String((await page.with(data))!.html));
}

/** What is drawn in the page. */
function drawnIn(text: string): string {
  return text.slice(text.indexOf('<div id="page">'), text.indexOf('<script type="application/json"'));
}

test("each page is drawn of what is inside it and of nothing before it: other figures, no figures, other lanes", async (t) => {
  const at = await served(t);
  await busy(at, { waiting: 7 });
  const seven = at.pages.feed.text;
  const page = new Page(assert.ifError);
  const first = await drawnBy(page, seven);
  assert.match(first, /bulk on db yields: 7 wait/);
  assert.match(first, /7 waiting/);
  const other = await served(t, { policy: await policyOf({ odd: true }), token: TOKEN });
  const odd = await drawnBy(page, other.pages.feed.text);
  assert.match(odd, /nobody waits/);
  assert.match(odd, /Sign in/);
  assert.doesNotMatch(odd, /7 wait|bulk/);
  const locked = await drawnBy(page, LOCKED);
  assert.match(locked, /Admin token/);
  assert.doesNotMatch(locked, /<table|wait/);
  assert.equal(await drawnBy(page, seven), first);
});

test("what is drawn has no style and no script of its own, which the content security policy would refuse", async (t) => {
  const at = await served(t, { token: TOKEN });
  await busy(at);
  const drawn = drawnIn(await (await fetch(at.address)).text());
  assert.match(drawn, /<path class="lane-2" d="M\d/);
  assert.doesNotMatch(drawn, /\sstyle=|<style|<script|\son\w+=/);
});

test("however many load the page, it is written once for each tick", async (t) => {
  const at = await served(t);
  const page = new Page(assert.ifError);
  const { text } = at.pages.feed;
  const [one, two] = await Promise.all([page.with(text), page.with(text)]);
  assert.equal(one!.html, two!.html);
  at.pages.feed.tick();
  assert.notEqual((await page.with(at.pages.feed.text))!.html, one!.html);
});

test("where the first view cannot be drawn the page comes without it, and the log says why", async () => {
  const reported: unknown[] = [];
  const page = new Page((error) => reported.push(error));
  const broken = '{"state":{"resources":[]},"ticks":[{}],"budgets":[]}';
  const html = String((await page.with(broken))!.html);
  assert.match(html, /<div id="page"><\/div>/);
  assert.ok(html.includes(broken));
  assert.equal(reported.length, 1);
  assert.ok(reported[0] instanceof TypeError);
  // The next one is drawn as if nothing had been.
  assert.match(await drawnBy(page, LOCKED), /Admin token/);
  assert.equal(reported.length, 1);
});

test("the style is inside the page, and the content security policy lets this one in and no other", async (t) => {
  const at = await served(t);
  const page = await fetch(at.address);
  const [, style] = /<style>([^]*?)<\/style>/.exec(await page.text())!;
  const hash = createHash("sha256").update(style!).digest("base64");
  const policy = page.headers.get("content-security-policy")!;
  assert.ok(policy.split("; ").includes(`style-src 'sha256-${hash}'`), policy);
  assert.ok(style!.length > 1_000);
});

test("of the seconds before the last it tells what is drawn over time, and no more: waits, waiting and shed", async (t) => {
  const at = await served(t);
  await busy(at);
  at.pages.feed.tick();
  const { ticks } = (await insideOf(at.address)).inside;
  const fields = ticks.map(({ verdict, resources }) => [
    verdict !== undefined,
    ...new Set(resources.flatMap(({ lanes }) => lanes.map((lane) => lane.length))),
  ]);
  assert.deepEqual(fields, [
    [false, PAST_FIELDS],
    [false, PAST_FIELDS],
    [true, LANE_FIELDS.length],
  ]);
  assert.deepEqual(
    new Set(LANE_FIELDS.slice(0, PAST_FIELDS)),
    new Set<LaneField>(["waiting", "waitP99Ms", "shed"]),
  );
});

test("its files are named after what is in them and kept by the browser; the page itself is not", async (t) => {
  const at = await served(t);
  const page = await fetch(at.address);
  assert.equal(page.headers.get("cache-control"), "no-store");
  const path = /src="\.\/(assets\/[^"]+\.js)"/.exec(await page.text())![1]!;
  const script = await fetch(at.address + path);
  assert.match(script.headers.get("cache-control")!, /immutable/);
  const again = await fetch(at.address + path, { headers: { "if-none-match": script.headers.get("etag")! } });
  assert.equal(again.status, 304);
  assert.equal((await fetch(`${at.address}assets/gone.js`)).status, 404);
});

test("where looking takes the token the page comes with nothing in it, until there is a session", async (t) => {
  const at = await served(t, { token: TOKEN, privateReads: true });
  assert.deepEqual((await insideOf(at.address)).inside, { state: null, ticks: [], budgets: [] });
  const body = JSON.stringify({ token: TOKEN });
  const headers = { "content-type": "application/json" };
  const begun = await fetch(`${at.address}api/session`, { method: "POST", headers, body });
  const cookie = begun.headers.getSetCookie()[0]!.split(";")[0]!;
  const asked = async (init: RequestInit): Promise<unknown> =>
    (await fetch(`${at.address}api/session`, init)).json();
  assert.deepEqual(await asked({ headers: { cookie } }), { signedIn: true, actions: true });
  assert.deepEqual(await asked({}), { signedIn: false, actions: true });
  const page = await fetch(at.address, { headers: { cookie } });
  assert.match(await page.text(), /"name":"critical"/);
});

test("budgets are told as they are now: what is left of each kind, and how many wait for it", async (t) => {
  const policy = await parsePolicy(
    "resources: { ai: { limit: 4, provider: anthropic, upstream: 'http://127.0.0.1:1', budgets: { inputTokens: 100/min } } }",
  );
  const at = await served(t, { policy });
  const { resources } = at.laneway.snapshot();
  assert.deepEqual(resources[0]!.budgets, []);
  const ai = at.laneway.resource("ai");
  (await ai.acquire({ cost: { inputTokens: 90 } })).release();
  at.pages.feed.tick();
  const [budget] = (JSON.parse(at.pages.feed.text) as Snapshot).budgets;
  assert.deepEqual(
    [budget?.resource, budget?.waiting, budget?.allowances.map(({ kind, perMinute }) => [kind, perMinute])],
    ["ai", 0, [["inputTokens", 100]]],
  );
});

test("shed ones are found together, and each says why in words", async (t) => {
  const at = await served(t);
  await busy(at);
  const found = async (outcome: string): Promise<Journey[]> => {
    const reply = await fetch(`${at.address}api/journeys?outcome=${outcome}`);
    return ((await reply.json()) as { journeys: Journey[] }).journeys;
  };
  assert.deepEqual(
    (await found("shed")).map(({ id, why }) => [id, why]),
    [["req-shed", "the queue of the resource was full"]],
  );
  assert.deepEqual(
    (await found("notable")).map(({ id }) => id),
    ["req-shed"],
  );
  assert.deepEqual(
    (await found("finished")).map(({ id, why }) => [id, why]),
    [["req-two-tries", null]],
  );
});

test("who waits for a budget while seats are free is not told to wait for seats", () => {
  const standing = {
    resource: "ai",
    lane: "batch",
    waiting: 900,
    waitP99Ms: 2_000,
    objectiveMs: 1_000,
    perMinute: 300,
    got: 1,
    due: 6,
    forBudget: true,
  };
  assert.equal(
    verdictOf([standing], false).text,
    "batch waits 2.0 s at p99, its objective is 1.0 s: it waits for a budget, not for seats.",
  );
  assert.equal(
    verdictOf([{ ...standing, objectiveMs: 9_000 }], false).text,
    "All lanes are within their objectives. batch yields: 900 wait for a budget, clear in about 3 min.",
  );
});

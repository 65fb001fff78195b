import assert from "node:assert/strict";
import { test } from "node:test";
import type { Browser, BrowserContextOptions, Page, Route } from "playwright-core";
import { chromium, opened, takenOver } from "./browser.ts";
import { busy, ODD, policyOf, served, TOKEN } from "./served.ts";

interface Held {
  readonly page: Page;
  readonly complaints: () => string[];
  /** Lets the script come, and waits for it. */
  readonly release: () => Promise<void>;
}

/** Opens an address and holds its script back: what is there is what the server has drawn. */
async function heldBack(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Held> {
  const { page, complaints } = await opened(browser, "about:blank", options);
  const held = Promise.withResolvers<Route>();
  await page.route(/\.js$/, held.resolve);
  await page.goto(address, { waitUntil: "commit" });
  const route = await held.promise;
  await page.locator("footer, form").first().waitFor();
  return {
    page,
    // Its own host is another one than that of the empty page before it.
    complaints: () => complaints.filter((text) => !text.startsWith(`asked ${address}`)),
    release: async () => {
      await route.continue();
      await takenOver(page);
    },
  };
}

test("without scripts it shows the numbers, the verdict and the lines of the moment, and says so", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { token: TOKEN });
  await busy(at);
  const { page, complaints } = await opened(browser, at.address, { javaScriptEnabled: false });
  const told = await page.locator("noscript p").innerText();
  assert.match(told, /^Without scripts this page shows the moment at which it was loaded/);
  assert.match(await page.locator(".verdict").innerText(), /bulk on db yields: 30 wait/);
  const row = page.getByRole("row", { name: /bulk/ }).first();
  assert.match(await row.innerText(), /\b4\b[\s\S]*\b30\b/);
  const widths: number[] = [];
  for (const bar of await page.locator(".bar").all()) widths.push((await bar.boundingBox())!.width);
  const parts: number[] = [];
  for (const part of await page.locator(".bar .part").all()) parts.push((await part.boundingBox())!.width);
  // One seat of six and four of six; the other resource has none in use.
  assert.deepEqual(
    parts.map((width) => Math.round((width / widths[0]!) * 60)),
    [10, 40],
  );
  // From nobody to 30 of at most 33, which is nine tenths of the height.
  const [from, to] = await page.evaluate<[[number, number], [number, number]]>(`{
    const line = document.querySelectorAll(".lines")[1].querySelector("path.lane-2");
    const { height } = line.ownerSVGElement.viewBox.baseVal;
    [0, line.getTotalLength()].map((at) => line.getPointAtLength(at)).map(({ x, y }) => [x, 1 - y / height]);
  }`);
  assert.deepEqual(
    [from, to].map(([, y]) => Math.round(y * 10)),
    [0, 9],
  );
  assert.equal(await page.getByRole("button").count(), 0);
  assert.equal(await page.getByText("live", { exact: true }).isVisible(), false);
  assert.deepEqual(complaints, []);
});

test("the script takes over what was drawn: no element is made again, nothing moves, and the focus stays", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { token: TOKEN });
  await busy(at);
  const { page, complaints, release } = await heldBack(browser, at.address);
  assert.equal(await page.locator(".lines").count(), 2);
  await page.evaluate(`{
    for (const element of document.querySelectorAll("#page *")) element.wasDrawn = true;
    document.querySelector("tr[data-lane=bulk] a").focus();
    globalThis.shifts = [];
    globalThis.observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
  }`);
  const before = await boxes(page);
  await release();
  await page.locator(".chart canvas").first().waitFor();
  const made = await page.evaluate<string[]>(
    `[...document.querySelectorAll("#page *")].filter((element) => !element.wasDrawn && !element.closest(".uplot")).map(({ outerHTML }) => outerHTML)`,
  );
  assert.deepEqual(made, []);
  assert.equal(await page.locator(".lines, .labels").count(), 0);
  assert.equal(await page.locator("table:not(.for-readers)").count(), 1);
  const after = await boxes(page);
  assert.deepEqual(
    after.map(([name]) => name),
    before.map(([name]) => name),
  );
  // Text that is laid out anew may differ by less than can be seen.
  const moved = after.filter((box, i) =>
    box.some((part, n) => Math.abs(Number(part) - Number(before[i]![n])) > 0.1),
  );
  assert.deepEqual(moved, []);
  assert.equal(await page.evaluate("[...shifts, ...observer.takeRecords()].length"), 0);
  assert.equal(await page.locator("tr[data-lane=bulk] a:focus").count(), 1);
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Pause updates" }).click();
  await page.getByText(/^held at/).waitFor();
  assert.deepEqual(complaints(), []);
});

/** Where everything is that is seen, but for what is in the charts: its name, its corner and its size. */
function boxes(page: Page): Promise<[string, ...number[]][]> {
  return page.evaluate(`[...document.querySelectorAll("#page *")]
    .filter((element) => !element.parentElement.closest(".canvas") && !element.closest(".for-readers"))
    .map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return [element.localName, x, y, width, height];
    })`);
}

test("the lines of the sketch are where the canvas has them", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at);
  for (let i = 0; i < 3; i++) at.pages.feed.tick();
  for (const viewport of [
    { width: 1280, height: 900 },
    { width: 400, height: 900 },
  ]) {
    const { page, release } = await heldBack(browser, at.address, { viewport });
    const drawn = await page.evaluate<number[]>(`{
      const { x, right } = document.querySelectorAll(".canvas")[1].getBoundingClientRect();
      const frame = document.querySelectorAll(".lines")[1].getBoundingClientRect();
      const top = document.querySelectorAll(".canvas")[1].getBoundingClientRect().y;
      [frame.x - x, right - frame.right, frame.y - top, frame.height];
    }`);
    await release();
    await page.locator(".chart .u-over").nth(1).waitFor();
    const plotted = await page.evaluate<number[]>(`{
      const { x, right, y } = document.querySelectorAll(".canvas")[1].getBoundingClientRect();
      const over = document.querySelectorAll(".u-over")[1].getBoundingClientRect();
      [over.x - x, right - over.right, over.y - y, over.height];
    }`);
    for (const [i, place] of plotted.entries())
      assert.ok(Math.abs(place - drawn[i]!) < 1, `canvas ${plotted.join(" ")}, sketch ${drawn.join(" ")}`);
  }
});

test("where the address names another view, or another resource, the page draws that one over it", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at);
  const policy = await opened(browser, `${at.address}#/policy`);
  await policy.page.getByRole("heading", { level: 1, name: "Policy" }).waitFor();
  assert.equal(await policy.page.locator(".charts").count(), 0);
  assert.equal(await policy.page.locator("header.top").count(), 1);
  const mail = await opened(browser, `${at.address}#/lanes?resource=mail`);
  await mail.page.getByText("No request has come to mail yet.").waitFor();
  assert.equal(await mail.page.locator(".resource-line.chosen", { hasText: "mail" }).count(), 1);
  assert.equal(await mail.page.locator("table:not(.for-readers)").count(), 1);
  assert.deepEqual([...policy.complaints, ...mail.complaints], []);
});

test("no time of day is drawn until the reader's time zone is known", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at);
  const html = await (await fetch(at.address)).text();
  assert.doesNotMatch(html.slice(0, html.indexOf("laneway-data")), /\d\d:\d\d/);
  // Three quarters of an hour beside everybody else.
  const { page } = await opened(browser, at.address, { timezoneId: "Asia/Kathmandu" });
  const told = page.locator("table.for-readers tbody th").last();
  await page.locator(".chart canvas").first().waitFor();
  const { ticks } = (await (await fetch(`${at.address}api/state`)).json()) as { ticks: { at: number }[] };
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Kathmandu", timeStyle: "medium" });
  assert.equal(await told.innerText(), clock.format(ticks.at(-1)!.at));
});

test("a token that is typed before the script has come is sent nowhere, and is still there for it", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { token: TOKEN, privateReads: true });
  await busy(at);
  const { page, complaints, release } = await heldBack(browser, at.address);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.getByLabel("Admin token").fill(TOKEN);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate("location.href"), at.address);
  assert.deepEqual(asked, []);
  assert.equal(await page.locator("table").count(), 0);
  await release();
  assert.equal(await page.getByLabel("Admin token").inputValue(), TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("row", { name: /bulk/ }).first().waitFor();
  assert.deepEqual(complaints(), []);
});

test("a lane called <script> is drawn as text, before the script and by it", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { policy: await policyOf({ odd: true }) });
  await busy(at, { lane: ODD });
  for (const javaScriptEnabled of [false, true]) {
    const { page, complaints } = await opened(browser, at.address, { javaScriptEnabled });
    page.on("dialog", () => complaints.push("a script ran"));
    await page.getByRole("row", { name: ODD }).first().waitFor();
    assert.match(await page.locator(".verdict").innerText(), /<script>alert\(1\)<\/script> on db yields/);
    assert.deepEqual(complaints, []);
  }
});

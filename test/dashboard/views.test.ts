import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { chromium, opened, takenOver } from "./browser.ts";
import { busy, ODD, policyOf, served, TOKEN } from "./served.ts";

const VIEWS = ["#/lanes", "#/resources", "#/requests?id=req-two-tries", "#/policy"] as const;
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

/** What aXe finds wrong, as "rule: element". Run through the debugger, so that the page's own policy stays as it is. */
async function violations(page: Page): Promise<string[]> {
  const path = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(readFileSync(path, "utf8"));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations: found } = await axe.run();
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
}

async function show(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  await page.locator(`nav a[href="${hash.split("?")[0]}"][aria-current=page]`).waitFor();
  if (hash.includes("id=")) await page.locator(".journey").waitFor();
}

for (const colorScheme of ["light", "dark"] as const)
  test(`every view, ${colorScheme}, passes aXe and logs no error, wide and on a phone`, async (t) => {
    const browser = await chromium(t);
    if (browser === undefined) return;
    const at = await served(t, { token: TOKEN });
    await busy(at);
    for (const device of [{}, PHONE]) {
      const { page, complaints } = await opened(browser, at.address, { colorScheme, ...device });
      for (const view of VIEWS) {
        await show(page, view);
        assert.deepEqual(await violations(page), [], `${view} ${JSON.stringify(device)}`);
        const content = await page.evaluate<number>("document.documentElement.scrollWidth");
        // A phone's `innerWidth` grows with whatever is too wide.
        const { width } = page.viewportSize()!;
        assert.ok(content <= width, `${view} is ${content} wide in a window of ${width}`);
      }
      assert.deepEqual(complaints, []);
      const paper = await page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
      const brightness = Number(/\d+/.exec(paper)![0]);
      assert.ok(colorScheme === "dark" ? brightness < 60 : brightness > 200, paper);
      await page.context().close();
    }
  });

test("the first paint has the numbers, the verdict and five minutes of lines in it, before any other request", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at);
  const context = await browser.newContext();
  // Nothing but the page and its two files is answered.
  await context.route(/\/api\//, (route) => route.abort());
  const page = await context.newPage();
  await page.goto(at.address);
  const row = page.getByRole("row", { name: /bulk/ });
  assert.match(await row.first().innerText(), /\b4\b[\s\S]*\b30\b/);
  assert.match(await page.locator(".verdict").innerText(), /bulk on db yields: 30 wait/);
  await takenOver(page);
  const drawn = await page.evaluate<boolean>(`{
    const canvas = document.querySelectorAll(".chart canvas")[1];
    canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0);
  }`);
  assert.ok(drawn);
});

test("a lane called <script> is shown as text, in the page, its dialog and its journey", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { policy: await policyOf({ odd: true }), token: TOKEN });
  await busy(at, { lane: ODD });
  const { page, complaints } = await opened(browser, at.address);
  page.on("dialog", () => complaints.push("a script ran"));
  await page.getByRole("row", { name: ODD }).first().waitFor();
  await show(page, "#/requests?id=req-shed");
  assert.match(await page.locator(".journey").innerText(), /<script>alert\(1\)<\/script> on db/);
  assert.deepEqual(complaints, []);
});

test("a journey tells its way: rule, queue, tries, first byte and end; and why one was refused", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  await busy(at);
  const { page } = await opened(browser, `${at.address}#/requests?id=req-two-tries`);
  const steps = page.locator(".journey .steps");
  await steps.waitFor();
  assert.deepEqual(await steps.locator("li > b").allInnerTexts(), [
    "Received",
    "Lane",
    "Queue",
    "Admitted",
    "1st try",
    "2nd try",
    "First byte",
    "End",
  ]);
  const text = await steps.innerText();
  for (const part of [
    "chat",
    "chosen by laneway.yaml:7 path /chat",
    "it did not wait",
    "529 overloaded after 40 ms",
  ])
    assert.ok(text.includes(part), `${part} in ${text}`);
  await page.getByRole("searchbox").fill("REQ-SHED");
  await page.getByRole("link", { name: "req-shed" }).click();
  await page.getByText("the queue of the resource was full", { exact: false }).waitFor();
  assert.match(await steps.innerText(), /seats then held by[\s\S]*critical 1[\s\S]*bulk 4/);
});

test("where nothing has come yet the page says what to send, and a search that finds nothing what is kept", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const inProgram = await served(t);
  const other = await opened(browser, inProgram.address);
  await other.page.getByText("No request has come to db yet.").waitFor();
  assert.equal(await other.page.getByText("curl -i").count(), 0);
  const at = await served(t, { gateway: "http://127.0.0.1:8090" });
  const { page } = await opened(browser, at.address);
  await page.getByText("No request has come to db yet.").waitFor();
  await page.getByText("curl -i http://127.0.0.1:8090/").waitFor();
  await show(page, "#/requests?text=nobody");
  await page.getByText("None of those that are kept matches.").waitFor();
});

test("shadow mode and a refused edit stand on top of every view", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { policy: { ...(await policyOf()), enforce: false } });
  Object.defineProperty(at.laneway, "refusedEdit", {
    get: () => new Error("laneway.yaml:3:1 error unknown key <b>"),
  });
  at.pages.feed.tick();
  const { page } = await opened(browser, at.address);
  for (const view of VIEWS.filter((one) => !one.includes("id="))) {
    await show(page, view);
    await page.getByText("Shadow mode.").waitFor();
    await page.getByText("laneway.yaml:3:1 error unknown key <b>").waitFor();
  }
});

test("it works under any prefix, and where looking takes the token it asks for that first", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { prefix: "/admin/lanes/", token: TOKEN, privateReads: true });
  await busy(at);
  const { page, complaints } = await opened(browser, at.address.slice(0, -1));
  assert.equal(await page.locator("table").count(), 0);
  await page.getByLabel("Admin token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("the token is wrong").waitFor();
  await page.getByLabel("Admin token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("row", { name: /bulk/ }).first().waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  // The browser itself logs the refused guess.
  assert.deepEqual(
    complaints.filter((text) => !text.includes("401")),
    [],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { chromium, opened } from "./browser.ts";
import { busy, served, TOKEN } from "./served.ts";

async function signIn(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Admin token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.getByText("signed in").waitFor();
}

test("without a token the page offers no action and says how to change that", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t);
  const { page } = await opened(browser, `${at.address}#/policy`);
  await page.getByText("set gateway.adminToken in the policy", { exact: false }).waitFor();
  assert.equal(await page.getByRole("button", { name: /Change|Limit|Sign in/ }).count(), 0);
});

test("a pause says how many it holds back and the command that does the same, is listed with its end, and can be ended", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { token: TOKEN });
  await busy(at);
  const { page, complaints } = await opened(browser, at.address);
  await signIn(page);
  await page.getByRole("button", { name: "Change lane bulk of db" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("bulk has 30 waiting and 4 running").waitFor();
  await dialog.getByText("laneway override db --lane bulk --state paused --for 15m").waitFor();
  await dialog.getByLabel("For minutes").fill("30");
  await dialog.getByText("--for 30m").waitFor();
  await dialog.getByRole("button", { name: "Pause for 30 min" }).click();
  await page.getByText("Done: db, lane bulk: paused").waitFor();
  assert.equal(at.laneway.overrides.length, 1);
  await page.locator("tr[data-lane=bulk]", { hasText: "paused" }).waitFor();
  await page.getByRole("link", { name: /^Policy/ }).click();
  await page.getByRole("row", { name: /db, lane bulk: paused .* 30 min left/ }).waitFor();
  await page.getByRole("row", { name: /session done/ }).waitFor();
  await page.getByRole("button", { name: "End: db, lane bulk: paused" }).click();
  await page.getByText("Ended: db, lane bulk: paused.").waitFor();
  await page.getByText("None is in force").waitFor();
  assert.deepEqual(at.laneway.overrides, []);
  assert.deepEqual(complaints, []);
});

test("a limit and a reservation are set in seats, and what the server refuses is shown in the form", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { token: TOKEN });
  await busy(at);
  const { page } = await opened(browser, `${at.address}#/resources`);
  await signIn(page);
  await page.getByRole("button", { name: "Change the limit of db" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("spinbutton", { name: /^Seats/ }).fill("3");
  await dialog.getByText("db has 6 seats, 5 of them in use, and would have 3. 2 of them end").waitFor();
  await dialog.getByRole("button", { name: "Set the limit for 15 min" }).click();
  await page.getByText("Done: db: limit 3").waitFor();
  assert.equal(at.laneway.resource("db").snapshot().limit, 3);
  await page.getByRole("link", { name: "Lanes", exact: true }).click();
  await page.getByRole("button", { name: "Change lane normal of db" }).click();
  await dialog.getByLabel(/Set the reservation/).check();
  await dialog.getByRole("spinbutton", { name: /^Seats/ }).fill("99999");
  await dialog.getByRole("button", { name: "Set the reservation for 15 min" }).click();
  await dialog.getByRole("alert").filter({ hasText: "expected" }).waitFor();
});

test("by keys alone: views, help, a row's pause, and the focus is where it was when the dialog closes", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { token: TOKEN });
  await busy(at);
  const { page } = await opened(browser, at.address);
  const { keyboard } = page;
  await keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  for (const [key, title] of [
    ["2", "Resources"],
    ["3", "Requests"],
    ["4", "Policy"],
    ["1", "Lanes"],
  ] as const) {
    await keyboard.press(key);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
  }
  await keyboard.press("j");
  await keyboard.press("j");
  await keyboard.press("j");
  await page.locator("tr[data-lane=bulk] a:focus").waitFor();
  const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
  assert.equal(outline, "solid");
  await keyboard.press("p");
  await page.getByLabel("Admin token").waitFor();
  await keyboard.type(TOKEN);
  await keyboard.press("Enter");
  await page.getByText("signed in").waitFor();
  await page.locator("tr[data-lane=bulk] a:focus").waitFor();
  await keyboard.press("p");
  await page.getByRole("dialog", { name: "Change lane bulk of db" }).waitFor();
  await keyboard.press("Enter");
  await page.getByText("Done: db, lane bulk: paused").waitFor();
  await keyboard.press("/");
  await page.locator("#search:focus").waitFor();
  await keyboard.type("req-shed");
  await page.getByRole("link", { name: "req-shed" }).waitFor();
});

test("a session that ended with its process is asked for again, and the change is not lost", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const at = await served(t, { token: TOKEN });
  await busy(at);
  const { page } = await opened(browser, at.address);
  await signIn(page);
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Change lane bulk of db" }).click();
  await page.getByRole("button", { name: "Pause for 15 min" }).click();
  await page.getByLabel("Admin token").fill(TOKEN);
  await keyboardSubmit(page);
  await page.getByRole("button", { name: "Pause for 15 min" }).click();
  await page.getByText("Done: db, lane bulk: paused").waitFor();
});

async function keyboardSubmit(page: Page): Promise<void> {
  await page.keyboard.press("Enter");
  await page.getByText("signed in").waitFor();
}

/** A real Chromium for the tests of the live page, and pages in it that keep what went wrong. */

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { needsPackage, needsProgram } from "../needs.ts";

const HERE = "test/dashboard";

/** Whether there is a Chromium, and what drives it; the test is skipped when not. */
export function hasChromium(t: TestContext): boolean {
  return needsProgram(t, "chromium", "apt-get install chromium") && needsPackage(t, HERE, "playwright-core");
}

/** Starts Chromium, which ends with the test; undefined when it is not there and the test is skipped. */
export async function chromium(t: TestContext, args?: readonly string[]): Promise<Browser | undefined> {
  if (!hasChromium(t)) return undefined;
  const browser = await launched(args);
  t.after(() => browser.close());
  return browser;
}

/** The same without a test around it, for who closes it. */
export async function launched(args: readonly string[] = []): Promise<Browser> {
  const { chromium: kind } = createRequire(import.meta.url)(
    "playwright-core",
  ) as typeof import("playwright-core");
  return kind.launch({
    // Playwright brings none of its own here.
    executablePath: spawnSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).stdout.trim(),
    // Tests run as root in containers, where Chromium's sandbox cannot.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb", ...args],
  });
}

/** A page and what it complained of: errors, what its security policy stopped, and requests to other hosts. */
export interface Opened {
  readonly page: Page;
  readonly complaints: string[];
}

/** Opens an address in a window of its own. */
export async function opened(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  const { host } = new URL(address);
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.host !== host) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(address);
  if (options.javaScriptEnabled !== false) await takenOver(page);
  return { page, complaints };
}

/** Until its script has taken over what the server has drawn: before that nobody answers a key. */
export async function takenOver(page: Page): Promise<void> {
  await page.locator("#laneway-data").waitFor({ state: "detached" });
}

/** Where a server listens. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

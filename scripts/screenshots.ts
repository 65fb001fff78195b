/**
 * Takes the pictures of the live page in docs/images, light and dark, from a real run of the demo. Needs Chromium and the
 * packages of test/dashboard.
 *
 *     node scripts/screenshots.ts [folder]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { startDemo } from "../src/cli/demo/run.ts";
import { demoScenario } from "../src/cli/demo/scenario.ts";
import { launched } from "../test/dashboard/browser.ts";

const SECONDS = 60;
const SEED = 7;
const IMAGES = fileURLToPath(new URL("../docs/images", import.meta.url));
/** What is shown of each view, and how large. */
const PICTURES = [
  { name: "lanes", hash: "#/lanes", height: 625 },
  { name: "resources", hash: "#/resources", height: 520 },
  { name: "journey", hash: "#/requests?lane=batch", height: 640 },
] as const;
const WIDTH = 1_240;

const folder = resolve(process.argv[2] ?? IMAGES);
const policies = await mkdtemp(join(tmpdir(), "laneway-screenshots-"));
const stop = new AbortController();
// The policy's path is in the picture, as short as a reader's own.
process.chdir(policies);
const run = startDemo(demoScenario(SECONDS, SEED), "laneway-demo", stop.signal);
run.done.catch(() => undefined);
const browser = await launched();
try {
  const { on } = await run.pages;
  // The batch is there, and has been for a while.
  await waitUntil(() => run.state().nowMs > (SECONDS / 2) * 1_000);
  for (const colorScheme of ["light", "dark"] as const) {
    for (const { name, hash, height } of PICTURES) {
      const page = await browser.newPage({
        colorScheme,
        viewport: { width: WIDTH, height },
        deviceScaleFactor: 1.5,
      });
      await page.goto(on + hash);
      await page.getByText("live", { exact: true }).waitFor();
      if (name === "journey") {
        await page.locator("tbody tr").nth(3).getByRole("link").click();
        await page.locator(".journey").waitFor();
      }
      await page.screenshot({ path: join(folder, `page-${name}-${colorScheme}.png`) });
      await page.context().close();
    }
  }
} finally {
  await browser.close();
  stop.abort(new Error("the pictures are taken"));
  await run.done.catch(() => undefined);
  await rm(policies, { recursive: true });
}

async function waitUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(250);
}

/**
 * Takes the pictures of a report in docs/images, light and dark, from a real run: `laneway verify` against the two servers
 * of examples/verify, which listen on ports 3000 and 3001. Needs Chromium, the packages of test/dashboard, a build, and a
 * machine on which nothing else runs: a run in which the generator was late is no picture for anybody. The first valid run
 * is the one to keep, held or missed: taken again until the verdict pleases, it would show nothing.
 *
 *     node scripts/verify-screenshots.ts [folder]
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { launched } from "../test/dashboard/browser.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const EXAMPLE = "examples/verify";
const WIDTH = 1_240;
/** Exit codes of a run that says something: every objective held, or one missed. */
const VALID = [0, 3];
/** What is shown: from the top of one part of the page to the end of another. */
const PICTURES = [
  { name: "report", from: "header", until: ".lanes" },
  { name: "lanes", from: "section[aria-label^='Each lane']", until: "section[aria-label^='Each lane']" },
  { name: "calls", from: "section[aria-label^='What became']", until: "section[aria-label^='What became']" },
] as const;
const MARGIN = 8;

const folder = resolve(process.argv[2] ?? join(ROOT, "docs/images"));
const out = await mkdtemp(join(tmpdir(), "laneway-verify-"));
const servers: ChildProcess[] = [];
try {
  const on = await serve();
  const off = await serve("--no-lanes");
  const policy = `${EXAMPLE}/laneway.yaml`;
  const run = started("src/cli/main.ts", "verify", on, "--compare", off, "--policy", policy, "--out", out);
  run.stdout!.pipe(process.stderr);
  const [code] = (await once(run, "close")) as [number];
  if (!VALID.includes(code)) throw new Error(`laneway verify ended with ${code}: found no valid run to show`);
  await take(pathToFileURL(join(out, "index.html")).href);
} finally {
  for (const server of servers) server.kill();
  await rm(out, { recursive: true });
}

/** Starts one of the example's servers and gives its address, which is the last word of its first line. */
async function serve(...flags: readonly string[]): Promise<string> {
  const server = started(`${EXAMPLE}/server.ts`, ...flags);
  servers.push(server);
  const ended = once(server, "exit").then(([code]) => {
    throw new Error(`${EXAMPLE}/server.ts ended with ${code} before it listened`);
  });
  ended.catch(() => undefined);
  const [line] = (await Promise.race([once(createInterface(server.stdout!), "line"), ended])) as [string];
  return line.split(" ").at(-1)!;
}

function started(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
}

async function take(address: string): Promise<void> {
  const browser = await launched();
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.newPage({
        colorScheme,
        viewport: { width: WIDTH, height: 900 },
        deviceScaleFactor: 1.5,
      });
      await page.goto(address);
      for (const { name, from, until } of PICTURES) {
        const first = (await page.locator(from).first().boundingBox())!;
        const last = (await page.locator(until).first().boundingBox())!;
        const y = Math.max(0, first.y - MARGIN);
        await page.screenshot({
          path: join(folder, `verify-${name}-${colorScheme}.png`),
          clip: { x: 0, y, width: WIDTH, height: last.y + last.height + MARGIN - y },
          fullPage: true,
        });
      }
      await page.close();
    }
  } finally {
    await browser.close();
  }
}

/**
 * Is the live page there at once, small, and cheap for the process that serves it? Needs Chromium, the built page and the
 * packages of test/dashboard. Takes half a minute.
 */

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { launched } from "../test/dashboard/browser.ts";
import { median, under } from "./question.ts";
import type { BenchRow } from "./row.ts";

const ASSETS = new URL("../dist/dashboard/assets/", import.meta.url);
const LOADS = 10;
const PAGES = 50;
const WATCHED_MS = 15_000;

/** The instant of the first paint that has something on it. */
const PAINTED = `new Promise((resolve) => new PerformanceObserver((list) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (paint !== undefined) resolve(paint.startTime);
}).observe({ type: "paint", buffered: true }))`;

/** Runs all; rows for the report. */
export async function dashboardBench(): Promise<BenchRow[]> {
  const child = fork(new URL("dashboard-process.ts", import.meta.url));
  try {
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    return [
      under("the live page's script, gzipped", scriptKilobytes(), 40, "KiB"),
      under(
        "first paint with five minutes of three resources in it, the median of ten loads",
        await firstPaintMs(port),
        200,
        "ms",
      ),
      under(
        `${PAGES} open pages: processor time of their server`,
        await watchedPercent(child, port),
        2,
        "% of a core",
      ),
    ];
  } finally {
    child.kill();
  }
}

function scriptKilobytes(): number {
  const scripts = readdirSync(ASSETS).filter((name) => name.endsWith(".js"));
  const bytes = scripts.map((name) => gzipSync(readFileSync(new URL(name, ASSETS)), { level: 9 }).length);
  return bytes.reduce((sum, one) => sum + one, 0) / 1_024;
}

/** From the start of the navigation to the first paint that has anything on it, which has everything on it. */
async function firstPaintMs(port: number): Promise<number> {
  const browser = await launched();
  try {
    const figures: number[] = [];
    // The first is the browser's own start.
    for (let i = 0; i <= LOADS; i++) {
      const page = await browser.newPage({ viewport: { width: 1_280, height: 900 } });
      await page.goto(`http://127.0.0.1:${port}/`);
      const at = await page.evaluate<number>(PAINTED);
      const rows = await page.locator("[data-lane]").count();
      if (rows === 0) throw new Error("bench: the first paint had no lanes on it");
      if (i > 0) figures.push(at);
      await page.context().close();
    }
    return median(figures);
  } finally {
    await browser.close();
  }
}

/** What the server uses while so many streams are read, its own ticks included. */
async function watchedPercent(child: ChildProcess, port: number): Promise<number> {
  const streams: IncomingMessage[] = [];
  for (let i = 0; i < PAGES; i++) {
    const [stream] = (await once(
      get(`http://127.0.0.1:${port}/api/events`, { agent: false }),
      "response",
    )) as [IncomingMessage];
    streams.push(stream.resume());
  }
  const before = await worked(child);
  const start = performance.now();
  await sleep(WATCHED_MS);
  const after = await worked(child);
  const passed = performance.now() - start;
  for (const stream of streams) stream.destroy();
  if (after.listeners !== PAGES)
    throw new Error(`bench: expected ${PAGES} readers, found ${after.listeners}`);
  return ((after.microseconds - before.microseconds) / 1_000 / passed) * 100;
}

async function worked(child: ChildProcess): Promise<{ microseconds: number; listeners: number }> {
  child.send("worked");
  return ((await once(child, "message")) as [{ microseconds: number; listeners: number }])[0];
}

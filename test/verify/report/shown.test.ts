import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { showMs } from "../../../src/verify/plot/plot.ts";
import { writeReport } from "../../../src/verify/report/write.ts";
import { grouped, servedText } from "../../../src/verify/report/words.ts";
import type { LaneResult, VerifyReport } from "../../../src/verify/report/result.ts";
import { hasChromium, launched, opened } from "../../dashboard/browser.ts";
import type { Opened } from "../../dashboard/browser.ts";
import { compared, kinds, ODD, planted, withLane } from "./planted.ts";

type Browser = Awaited<ReturnType<typeof launched>>;
type Page = Opened["page"];

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const AXE = new URL("../../dashboard/package.json", import.meta.url);

let shared: Browser | undefined;
after(() => shared?.close());

/** One Chromium for all, whose start takes longer than most of these tests; its windows end with the test. */
async function chromium(t: TestContext): Promise<Browser | undefined> {
  if (!hasChromium(t)) return undefined;
  const browser = (shared ??= await launched());
  t.after(() => Promise.all(browser.contexts().map((context) => context.close())));
  return browser;
}

/** The report as a reader opens it: from a disk. */
async function written(
  t: TestContext,
  report: VerifyReport,
): Promise<{ address: string; json: VerifyReport }> {
  const folder = await mkdtemp(join(tmpdir(), "laneway-report-"));
  t.after(() => rm(folder, { recursive: true }));
  const [page, json] = await writeReport(folder, report);
  return {
    address: pathToFileURL(page!).href,
    json: JSON.parse(readFileSync(json!, "utf8")) as VerifyReport,
  };
}

/** What aXe finds wrong. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(createRequire(AXE).resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations: found } = await axe.run();
    return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
}

/** Each theme and each width is looked at with something of everything in it; odd kinds need no more than that. */
const LOOKED_AT = ["two runs", "one run", "invalid", "nothing served"] as const;

for (const [colorScheme, device] of [
  ["light", {}],
  ["dark", PHONE],
  ["dark", {}],
  ["light", PHONE],
] as const)
  test(`a report, ${colorScheme}, ${device === PHONE ? "on a phone" : "on a desk"}, passes aXe`, async (t) => {
    const browser = await chromium(t);
    if (browser === undefined) return;
    const all = (colorScheme === "light") === (device !== PHONE);
    for (const kind of all ? LOOKED_AT : LOOKED_AT.slice(0, 1)) {
      const { address } = await written(t, kinds()[kind]!);
      const { page } = await opened(browser, address, { colorScheme, ...device });
      assert.deepEqual(await violations(page), [], kind);
      await page.context().close();
    }
  });

test("every kind of report asks for nothing, and is as wide as its window on a phone", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const { page, complaints } = await opened(browser, "about:blank", PHONE);
  for (const [kind, report] of Object.entries(kinds())) {
    const { address } = await written(t, report);
    await page.goto(address);
    // Not `innerWidth`: on a phone that grows with what is too wide.
    const content = await page.evaluate<number>("document.documentElement.scrollWidth");
    assert.ok(content <= PHONE.viewport.width, `${kind} is ${content} wide`);
    assert.deepEqual(complaints, [], kind);
  }
});

test("every kind of page is well-formed to the letter: a parser of XML takes it", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const page = await browser.newPage();
  for (const [kind, report] of Object.entries(kinds())) {
    const { address } = await written(t, report);
    const text = readFileSync(new URL(address), "utf8");
    const fault = await page.evaluate<string | undefined>(
      `new DOMParser().parseFromString(${JSON.stringify(text)}, "application/xhtml+xml").querySelector("parsererror")?.textContent`,
    );
    assert.equal(fault ?? "", "", kind);
  }
});

/** The cells of a row of the table of lanes. */
async function cellsOf(page: Page, name: string | RegExp, nth = 0): Promise<string[]> {
  const row = page.getByRole("region", { name: "Lanes" }).getByRole("row", { name }).nth(nth);
  return (await row.locator("td").allInnerTexts()).slice(0, 10);
}

function expected(lane: LaneResult): string[] {
  const count = (value: number): string => (value === 0 ? "–" : grouped(value));
  const time = (spread: LaneResult["waitMs"], value: number): string =>
    spread.count === 0 ? "–" : showMs(value);
  return [
    count(lane.offered),
    count(lane.served),
    servedText(lane),
    count(lane.refused),
    count(lane.failed),
    count(lane.unanswered + lane.unsent),
    time(lane.latencyMs, lane.latencyMs.p50),
    time(lane.latencyMs, lane.latencyMs.p99),
    time(lane.latencyMs, lane.latencyMs.max),
    time(lane.waitMs, lane.waitMs.p99),
  ];
}

test("the numbers of the page are those of report.json, lane by lane, in both runs", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const { address, json } = await written(t, compared());
  const { page } = await opened(browser, address);
  const [on, off] = json.runs;
  for (const [index, lane] of on.lanes.entries()) {
    assert.deepEqual(await cellsOf(page, /lanes on/, index), expected(lane));
    assert.deepEqual(await cellsOf(page, /lanes off/, index), expected(off!.lanes[index]!));
  }
  const cards = await page.locator(".card dd").allInnerTexts();
  const [first, control] = json.runs.map(({ lanes }) => lanes[0]!);
  assert.deepEqual(cards, [
    showMs(first!.latencyMs.p99),
    servedText(first!),
    showMs(control!.latencyMs.p99),
    servedText(control!),
  ]);
});

test("each promise stands with what was found of it, in both runs, and is judged in valid runs alone", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const { address, json } = await written(t, compared());
  const { page } = await opened(browser, address);
  const region = page.getByRole("region", { name: "Each promise" });
  const rows = await region.locator("tbody tr").allInnerTexts();
  const wanted = json.runs[0].lanes.flatMap(({ lane, objectives }, index) =>
    objectives.map(({ objective, measured }, at) => {
      const control = json.runs[1]!.lanes[index]!.objectives[at]!.measured;
      return [lane, objective, `✓ held ${measured}`, `▲ missed ${control}`].join(" ");
    }),
  );
  assert.deepEqual(
    rows.map((row) => row.trim().replace(/\s+/g, " ")),
    wanted,
  );
  await page.goto((await written(t, kinds()["invalid"]!)).address);
  assert.equal(await page.getByText(/held|missed/).count(), 0);
  assert.ok((await page.getByText("not judged").count()) > 4);
});

test("under a plot its numbers are a table, second by second as in report.json", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const report = planted();
  const gap = report.runs[0].lanes[0]!.seconds.map((second, at) => {
    const { p99: _p99, ...rest } = second;
    return at === 7 ? { ...rest, served: 0, refused: second.offered } : second;
  });
  const { address, json } = await written(t, withLane(report, 0, { seconds: gap }));
  const { page } = await opened(browser, address);
  await page.getByText("Numbers").first().click();
  const rows = page.getByRole("region", { name: "p99 of each lane" }).locator("tbody tr");
  assert.equal(await rows.count(), 60);
  for (const at of [0, 7, 31, 59]) {
    const wanted = json.runs[0].lanes.map(({ seconds }) => {
      const { p99 } = seconds[at]!;
      return p99 === undefined ? "none served" : showMs(p99);
    });
    assert.deepEqual(await rows.nth(at).locator("td").allInnerTexts(), wanted);
  }
});

test("the first screen is the verdict, both numbers of the most important lane, and its curves", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const { address } = await written(t, compared());
  const { page } = await opened(browser, address, { viewport: { width: 1280, height: 720 } });
  for (const shown of [".verdict", ".card >> nth=0", ".card >> nth=1", ".plot >> nth=0"]) {
    const box = (await page.locator(shown).boundingBox())!;
    assert.ok(box.height > 40 && box.y + box.height <= 720, `${shown} ends at ${box.y + box.height}`);
  }
  const lines = await page.locator(".plot >> nth=0").locator("polyline").count();
  assert.equal(lines, 2);
});

test("a name that looks like markup is shown as text wherever it stands", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const { address } = await written(t, kinds()["odd names"]!);
  const { page, complaints } = await opened(browser, address);
  assert.equal(await page.locator("script").count(), 0);
  assert.ok((await page.getByText(ODD).count()) >= 5);
  assert.ok((await page.title()).includes(ODD));
  assert.deepEqual(complaints, []);
});

test("on paper it is light, whatever the screen was, and nothing is cut off", async (t) => {
  const browser = await chromium(t);
  if (browser === undefined) return;
  const { address } = await written(t, compared());
  const { page } = await opened(browser, address, { colorScheme: "dark" });
  await page.emulateMedia({ media: "print" });
  const [ink, overflow] = await page.evaluate<[string, string]>(
    `[getComputedStyle(document.body).color, getComputedStyle(document.querySelector(".lanes").parentElement).overflowX]`,
  );
  assert.ok(Number(/\d+/.exec(ink)![0]) < 60, ink);
  assert.equal(overflow, "visible");
});

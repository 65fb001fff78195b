import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { spawnSync } from "node:child_process";
import { gatewayFamilies } from "../../src/gateway/metrics.ts";
import { Counters } from "../../src/gateway/report.ts";
import { collect } from "../../src/metrics/collect.ts";
import { counter, histogram } from "../../src/metrics/family.ts";
import { MetricsPage } from "../../src/metrics/page.ts";
import { pressureFamily } from "../../src/metrics/pressure.ts";
import { formatFor, metricsText } from "../../src/metrics/text.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { folderWith } from "../cli/command.ts";
import { needsProgram } from "../needs.ts";

const POLICY = `
lanes: [{ name: critical, objective: { wait: 100ms, success: 99.9% } }, { name: bulk }]
resources:
  ai: { limit: 2, budgets: { requests: 60/min, outputTokens: 1000/min } }
  http: { limit: { adaptive: true, min: 3, max: 30 } }
`;
const TRACE = "0af7651916cd43dd8448eb211c80319c";

async function lanewayOn(policy: string = POLICY): Promise<{ laneway: Laneway; clock: TestClock }> {
  const clock = new TestClock();
  return { clock, laneway: new Laneway(await parsePolicy(policy), { clock, random: () => 0.5 }) };
}

/** The page's samples by name and labels. */
function samplesOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]),
  );
}

function readOf(page: MetricsPage, accept?: string): Map<string, string> {
  return samplesOf(page.read(accept).body);
}

test("every lane has every outcome, result and reason at 0 before the first task, and every claim is there", async () => {
  const { laneway } = await lanewayOn();
  const samples = readOf(new MetricsPage(laneway));
  for (const resource of ["ai", "http"])
    for (const lane of ["critical", "bulk"]) {
      const of = `resource="${resource}",lane="${lane}"`;
      for (const outcome of ["admitted", "rejected", "evicted", "timed_out", "cancelled"])
        assert.equal(samples.get(`laneway_admissions_total{${of},outcome="${outcome}"}`), "0");
      for (const result of ["finished", "failed"])
        assert.equal(samples.get(`laneway_tasks_total{${of},result="${result}"}`), "0");
      for (const reason of ["lane-full", "flow-share", "queue", "task", "predicted", "nested", "draining"])
        assert.equal(samples.get(`laneway_shed_total{${of},reason="${reason}"}`), "0");
      for (const name of ["overdue", "aged_picks", "preemptions", "requeues"])
        assert.equal(samples.get(`laneway_${name}_total{${of}}`), "0");
      for (const name of ["queue_wait", "run", "duration"]) {
        assert.equal(samples.get(`laneway_${name}_seconds_bucket{${of},le="0.1"}`), "0");
        assert.equal(samples.get(`laneway_${name}_seconds_bucket{${of},le="+Inf"}`), "0");
        assert.equal(samples.get(`laneway_${name}_seconds_count{${of}}`), "0");
      }
    }
  for (const claimed of ["critical", "bulk", "unknown"])
    assert.equal(samples.get(`laneway_lane_claims_total{claimed="${claimed}",granted="bulk"}`), "0");
  for (const [name, value] of [
    ['laneway_limit{resource="http"}', "20"],
    ['laneway_limit_bound{resource="http",bound="min"}', "3"],
    ['laneway_limit_bound{resource="http",bound="max"}', "30"],
    ['laneway_objective_wait_seconds{resource="ai",lane="critical"}', "0.1"],
    ['laneway_objective_success_ratio{resource="ai",lane="critical"}', "0.999"],
    ['laneway_budget_per_minute{resource="ai",kind="outputTokens"}', "1000"],
    ['laneway_budget_left_ratio{resource="ai",kind="requests"}', "1"],
    ['laneway_budget_used_total{resource="ai",lane="bulk",kind="requests"}', "0"],
    ['laneway_budget_waiting{resource="ai"}', "0"],
    ["laneway_enforced", "1"],
  ] as const)
    assert.equal(samples.get(name), value, name);
  assert.ok(![...samples.keys()].some((name) => /budget.*resource="http"/.test(name)));
});

test("what happens is counted: waits by bucket, refusals by reason, budgets used and left, seats held", async () => {
  const { laneway, clock } = await lanewayOn();
  const page = new MetricsPage(laneway);
  const ai = laneway.resource("ai");
  const cost = { requests: 1, outputTokens: 100 };
  const runs = [300, 300, 300].map((ms) => ai.run(() => clock.sleep(ms), { lane: "bulk", cost }));
  await clock.advance(100);
  const during = readOf(page);
  assert.equal(during.get('laneway_running{resource="ai",lane="bulk"}'), "2");
  assert.equal(during.get('laneway_seats_in_use{resource="ai",lane="bulk"}'), "2");
  assert.equal(during.get('laneway_queue_depth{resource="ai",lane="bulk"}'), "1");
  assert.equal(during.get('laneway_oldest_waiter_seconds{resource="ai",lane="bulk"}'), "0.1");
  await assert.rejects(
    ai.run(() => 1, { lane: "critical", timeoutMs: 0 }),
    { reason: "passed" },
  );
  await clock.advance(600);
  await Promise.all(runs);
  const at = readOf(page);
  for (const [name, value] of [
    ['admissions_total{resource="ai",lane="bulk",outcome="admitted"}', "3"],
    ['admissions_total{resource="ai",lane="critical",outcome="rejected"}', "1"],
    ['shed_total{resource="ai",lane="critical",reason="passed"}', "1"],
    ['tasks_total{resource="ai",lane="bulk",result="finished"}', "3"],
    ['queue_wait_seconds_bucket{resource="ai",lane="bulk",le="0.001"}', "2"],
    ['queue_wait_seconds_bucket{resource="ai",lane="bulk",le="0.25"}', "2"],
    ['queue_wait_seconds_bucket{resource="ai",lane="bulk",le="0.5"}', "3"],
    ['queue_wait_seconds_bucket{resource="ai",lane="bulk",le="+Inf"}', "3"],
    ['queue_wait_seconds_sum{resource="ai",lane="bulk"}', "0.3"],
    ['run_seconds_sum{resource="ai",lane="bulk"}', "0.9"],
    ['duration_seconds_sum{resource="ai",lane="bulk"}', "1.2"],
    ['duration_seconds_count{resource="ai",lane="critical"}', "0"],
    ['budget_used_total{resource="ai",lane="bulk",kind="outputTokens"}', "300"],
    ['budget_used_total{resource="ai",lane="bulk",kind="requests"}', "3"],
    ['queue_depth{resource="ai",lane="bulk"}', "0"],
  ] as const)
    assert.equal(at.get(`laneway_${name}`), value, name);
  assert.ok(Number(at.get('laneway_budget_left_ratio{resource="ai",kind="outputTokens"}')) < 0.75);
});

test("the page is well formed: one help and type for each name, no series twice", async () => {
  const { laneway } = await lanewayOn();
  await laneway.resource("ai").run(() => 1, { lane: "critical" });
  const text = new MetricsPage(laneway).read(undefined).body;
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const keys = samples.map((line) => line.slice(0, line.lastIndexOf(" ")));
  assert.equal(new Set(keys).size, keys.length);
  const helped = text.match(/^# HELP (\S+)/gm)!;
  assert.equal(new Set(helped).size, helped.length);
  assert.equal(text.match(/^# TYPE \S+ (counter|gauge|histogram)$/gm)!.length, helped.length);
  for (const line of samples)
    assert.match(line, /^[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)+\})? -?\d+(\.\d+)?(e[+-]\d+)?$/);
});

test("promtool finds nothing to object to", async (t) => {
  if (!needsProgram(t, "promtool", "apt-get install prometheus")) return;
  const { laneway } = await lanewayOn();
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: new MetricsPage(laneway).read(undefined).body,
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout + stderr], [0, ""]);
});

test("labels come from the policy and closed lists: flows, models and budgets that callers name add no series", async () => {
  const { laneway } = await lanewayOn();
  const page = new MetricsPage(laneway);
  const names = [...readOf(page).keys()];
  for (let i = 0; i < 50; i++)
    await laneway
      .resource("ai")
      .run(() => 1, { flow: `tenant-${i}`, budget: `model-${i}`, id: `id-${i}`, rule: `rule ${i}` });
  assert.deepEqual([...readOf(page).keys()], names);
});

test("a claim's own text is no label: a lane, an urgency, or unknown, and the counts add up", async () => {
  const { laneway } = await lanewayOn();
  const claim = (claimed: string): { claimed: string; granted: string; count: number } => ({
    claimed,
    granted: "bulk",
    count: 2,
  });
  const claims = ["bulk", "unknown", "u=5", "u=5, i", "nonsense", "u=55", "gone-lane"].map(claim);
  const samples = readOf(new MetricsPage(laneway, { claims: () => claims }));
  const found = [...samples].filter(
    ([name, value]) => name.startsWith("laneway_lane_claims_total") && value !== "0",
  );
  assert.deepEqual(found, [
    ['laneway_lane_claims_total{claimed="bulk",granted="bulk"}', "2"],
    ['laneway_lane_claims_total{claimed="unknown",granted="bulk"}', "10"],
    ['laneway_lane_claims_total{claimed="u=5",granted="bulk"}', "2"],
  ]);
});

test("a reloaded policy is read: new lanes and resources appear, those that are gone go", async () => {
  const { laneway } = await lanewayOn();
  const page = new MetricsPage(laneway);
  page.read("application/openmetrics-text");
  laneway.update(await parsePolicy("lanes: [{ name: only }]\nresources: { db: { limit: 3 } }"));
  const { body } = page.read("application/openmetrics-text");
  assert.deepEqual([...new Set(body.match(/resource="\w+",lane="\w+"/g))], ['resource="db",lane="only"']);
  page.close();
});

test("the format follows accept: OpenMetrics for who wants it at least as much, plain text for all others", () => {
  const prometheus =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  for (const [accept, format] of [
    [prometheus, "openmetrics"],
    ["application/openmetrics-text", "openmetrics"],
    ["Application/OpenMetrics-Text ; q=0.4, text/plain;q=0.3", "openmetrics"],
    ["application/openmetrics-text;q=0.2, text/plain", "prometheus"],
    ["application/openmetrics-text;q=0", "prometheus"],
    ["application/openmetrics-text;q=nonsense", "prometheus"],
    ["text/html", "prometheus"],
    ["*/*", "prometheus"],
    [undefined, "prometheus"],
  ] as const)
    assert.equal(formatFor(accept), format, accept);
});

test("OpenMetrics names a counter without _total, ends with EOF, and hangs a trace on the bucket it fell into", () => {
  const exemplars = [undefined, { traceId: TRACE, seconds: 0.002, at: 1_700_000_000.5 }];
  const counts = [3, 2, ...Array.from({ length: 17 }, () => 0)];
  const families = [
    counter("laneway_x_total", "X.", [{ labels: { a: "b\n" }, value: 2 }]),
    counter("laneway_none_total", "None.", []),
    histogram("laneway_y_seconds", "Y.", [
      { labels: {}, totals: { counts, count: 5, sumMs: 12 }, exemplars },
    ]),
  ];
  const open = metricsText(families, "openmetrics");
  assert.ok(
    open.startsWith(
      '# HELP laneway_x X.\n# TYPE laneway_x counter\nlaneway_x_total{a="b\\n"} 2\n# HELP laneway_y_seconds',
    ),
    open,
  );
  assert.ok(
    open.includes(
      `laneway_y_seconds_bucket{le="0.001"} 3\nlaneway_y_seconds_bucket{le="0.0025"} 5 # {trace_id="${TRACE}"} 0.002 1700000000.500\n`,
    ),
    open,
  );
  assert.ok(
    open.endsWith('le="+Inf"} 5\nlaneway_y_seconds_sum 0.012\nlaneway_y_seconds_count 5\n# EOF\n'),
    open,
  );
  const plain = metricsText(families);
  assert.ok(plain.startsWith("# HELP laneway_x_total X.\n# TYPE laneway_x_total counter\n"));
  assert.ok(!plain.includes(TRACE) && !plain.includes("EOF"));
});

test("pressure is told where the kernel tells it, in seconds, and left out elsewhere", async (t) => {
  const root = await folderWith(t, {});
  assert.deepEqual(pressureFamily(join(root, "nowhere")).samples, []);
  mkdirSync(join(root, "group"));
  writeFileSync(
    join(root, "group", "cpu.pressure"),
    "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=20\n",
  );
  writeFileSync(join(root, "group", "memory.pressure"), "nonsense\n");
  assert.deepEqual(pressureFamily(join(root, "group")).samples, [
    { labels: { source: "cpu", who: "some" }, value: 1.5 },
    { labels: { source: "cpu", who: "full" }, value: 0.00002 },
  ]);
});

test("families are the same whoever reads them: as many names as the page has", async () => {
  const { laneway } = await lanewayOn();
  const names = collect(laneway).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^laneway_[a-z0-9_]+$/);
  for (const { name, type } of collect(laneway))
    assert.equal(name.endsWith("_total"), type === "counter", name);
});

test("the reference tells every metric of the gateway, and no other, with its labels", async () => {
  const { laneway } = await lanewayOn();
  const families = [...collect(laneway), ...gatewayFamilies(new Counters(), laneway.policy)];
  const page = readFileSync(new URL("../../docs/reference/metrics.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(laneway_\w+)` \| (.*?) \|/gm)].map(([, name, labels]) => [
    name,
    labels,
  ]);
  assert.deepEqual(
    rows.map(([name]) => name).toSorted((a, b) => a!.localeCompare(b!)),
    families.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b)),
  );
  for (const family of families) {
    const first = family.type === "histogram" ? family.series[0] : family.samples[0];
    if (first === undefined) continue;
    const labels = Object.keys(first.labels).map((label) => `\`${label}\``);
    const told = rows.find(([name]) => name === family.name)![1]!.trim();
    assert.equal(told, labels.join(", ") || "–", family.name);
  }
});

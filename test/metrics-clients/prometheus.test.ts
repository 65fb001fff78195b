import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { httpLanes } from "../../src/adapters/http.ts";
import { prometheusMetrics } from "../../src/adapters/prometheus.ts";
import type { MetricsRegistry } from "../../src/adapters/prometheus.ts";
import { MetricsPage } from "../../src/metrics/page.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { listen } from "../conformance/client.ts";
import { needsPackage } from "../needs.ts";

/** What is used of the clients here: this file is checked without them too. */
interface Registry extends MetricsRegistry {
  metrics(): Promise<string>;
  getMetricsAsJSON(): Promise<unknown[]>;
  resetMetrics(): void;
  setDefaultLabels(labels: object): void;
}
interface Client {
  readonly Registry: {
    new (contentType?: string): Registry;
    readonly OPENMETRICS_CONTENT_TYPE: string;
  };
  readonly Counter: new (options: object) => { inc(by: number): void };
  readonly register: Registry;
}

const CLIENTS = ["prom-client", "@prometheus-io/client"];

async function clientNamed(t: TestContext, name: string): Promise<Client | undefined> {
  return needsPackage(t, "test/metrics-clients", name) ? ((await import(name)) as Client) : undefined;
}

async function busyLaneway(): Promise<Laneway> {
  const clock = new TestClock();
  const policy =
    "lanes: [{ name: critical }, { name: bulk }]\nresources: { db: { limit: 1, budgets: { requests: 60/min } } }";
  const laneway = new Laneway(await parsePolicy(policy), { clock, random: () => 0.5 });
  const runs = ["bulk", "critical", "bulk"].map((lane) =>
    laneway.resource("db").run(() => clock.sleep(30), { lane }),
  );
  await clock.advance(200);
  await Promise.all(runs);
  return laneway;
}

/** Lines in one order: what a registry puts first is its own affair. */
function sorted(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}

for (const name of CLIENTS) {
  test(`${name}: a registry tells what the gateway's own page tells, line for line`, async (t) => {
    const client = await clientNamed(t, name);
    if (client === undefined) return;
    const laneway = await busyLaneway();
    const registry = new client.Registry();
    prometheusMetrics(laneway, { registry });
    const own = new MetricsPage(laneway).read(undefined).body;
    const named = (lines: string[]): string[] => lines.filter((line) => !line.includes("pressure"));
    const ours = named(sorted(own));
    const theirs = named(sorted(await registry.metrics())).filter(
      (line) => !line.startsWith("#") || ours.includes(line),
    );
    assert.deepEqual(theirs, ours);
    assert.ok(theirs.includes('laneway_queue_wait_seconds_bucket{resource="db",lane="bulk",le="0.025"} 1'));
  });

  test(`${name}: a registry in OpenMetrics' format names counters as that wants it, again and again`, async (t) => {
    const client = await clientNamed(t, name);
    if (client === undefined) return;
    const laneway = await busyLaneway();
    const registry = new client.Registry(client.Registry.OPENMETRICS_CONTENT_TYPE);
    const remove = prometheusMetrics(laneway, { registry });
    for (let i = 0; i < 2; i++) {
      const text = await registry.metrics();
      assert.match(text, /^# TYPE laneway_admissions counter$/m);
      assert.ok(
        text.includes('laneway_admissions_total{resource="db",lane="bulk",outcome="admitted"} 2\n'),
        text.slice(0, 500),
      );
      assert.ok(text.endsWith("# EOF\n"));
    }
    remove();
    assert.ok(!(await registry.metrics()).includes("laneway"));
  });

  test(`${name}: in OpenMetrics' format buckets carry the trace of their last request, until it is taken off`, async (t) => {
    const client = await clientNamed(t, name);
    if (client === undefined) return;
    const laneway = new Laneway(await parsePolicy("resources: { http: { limit: 2 } }"));
    const registry = new client.Registry(client.Registry.OPENMETRICS_CONTENT_TYPE);
    const remove = prometheusMetrics(laneway, { registry });
    const url = await listen(t, createServer(httpLanes(laneway, (_req, res) => void res.end("ok"))));
    const ask = async (trace: string): Promise<void> => {
      const response = await fetch(url, { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
      await response.text();
    };
    const [first, second] = ["1".repeat(32), "2".repeat(32)];
    await ask(first);
    const exemplars = async (): Promise<string[]> =>
      [...(await registry.metrics()).matchAll(/_bucket\{.*\} \d+ # \{trace_id="(\d+)"\} \S+ [\d.]+$/gm)].map(
        ([, trace]) => trace!,
      );
    let found: string[] = [];
    // The seat comes back when the reply is over, which its reader may know before.
    while (found.length < 3) found = await exemplars();
    assert.deepEqual([...new Set(found)], [first]);
    remove();
    prometheusMetrics(laneway, { registry });
    await ask(second);
    assert.ok(!(await exemplars()).includes(first));
  });

  test(`${name}: default labels are added, a reset loses nothing, and what was put on comes off`, async (t) => {
    const client = await clientNamed(t, name);
    if (client === undefined) return;
    const laneway = await busyLaneway();
    const registry = new client.Registry();
    const remove = prometheusMetrics(laneway, { registry });
    registry.setDefaultLabels({ pod: "a" });
    registry.resetMetrics();
    assert.match(await registry.metrics(), /laneway_limit\{[^}]*pod="a"[^}]*\} 1/);
    assert.ok((await registry.getMetricsAsJSON()).length > 20);
    remove();
    assert.deepEqual(await registry.getMetricsAsJSON(), []);
    prometheusMetrics(laneway, { registry });
  });

  test(`${name}: twice on one registry is refused by it, and leaves the first as it was`, async (t) => {
    const client = await clientNamed(t, name);
    if (client === undefined) return;
    const laneway = await busyLaneway();
    const registry = new client.Registry();
    prometheusMetrics(laneway, { registry });
    assert.throws(() => prometheusMetrics(laneway, { registry }), /already been registered/);
    assert.match(await registry.metrics(), /laneway_limit/);
  });

  test(`${name}: a name that is taken takes nothing else: what was put on before it comes off again`, async (t) => {
    const client = await clientNamed(t, name);
    if (client === undefined) return;
    const registry = new client.Registry();
    new client.Counter({ name: "laneway_limit", help: "Taken.", registers: [registry] }).inc(1);
    const laneway = await busyLaneway();
    assert.throws(() => prometheusMetrics(laneway, { registry }), /already been registered/);
    assert.equal((await registry.getMetricsAsJSON()).length, 1);
  });

  test(`${name}: each reading is a new one`, async (t) => {
    const client = await clientNamed(t, name);
    if (client === undefined) return;
    const registry = new client.Registry();
    const laneway = await busyLaneway();
    prometheusMetrics(laneway, { registry });
    const finished = async (): Promise<string | undefined> =>
      /laneway_tasks_total\{resource="db",lane="critical",result="finished"\} (\d+)/.exec(
        await registry.metrics(),
      )?.[1];
    assert.equal(await finished(), "1");
    await laneway.resource("db").run(() => 1, { lane: "critical" });
    assert.equal(await finished(), "2");
  });
}

test("a registry has to be given: nothing is put on a global one, and what is none is refused", async (t) => {
  const client = await clientNamed(t, "prom-client");
  if (client === undefined) return;
  const laneway = await busyLaneway();
  prometheusMetrics(laneway, { registry: new client.Registry() });
  assert.deepEqual(await client.register.getMetricsAsJSON(), []);
  const message =
    /^prometheusMetrics: registry: expected a Registry of prom-client or @prometheus-io\/client, found/;
  for (const wrong of [undefined, {}, { registry: undefined }, { registry: { metrics: () => "" } }])
    assert.throws(() => prometheusMetrics(laneway, wrong as never), { code: "LANEWAY_INVALID", message });
});

test("the program's own metrics stand beside ours on the same registry", async (t) => {
  const client = await clientNamed(t, "@prometheus-io/client");
  if (client === undefined) return;
  const registry = new client.Registry();
  new client.Counter({ name: "orders_total", help: "Orders.", registers: [registry] }).inc(3);
  prometheusMetrics(await busyLaneway(), { registry });
  const text = await registry.metrics();
  assert.ok(text.includes("orders_total 3") && text.includes("laneway_limit"));
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { ruleFile } from "../../src/cli/alerts/rules.ts";
import type { Gateway } from "../../src/gateway/index.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { ask, eventually, gatewayOn, startUpstream } from "../gateway/fixture.ts";
import { needsProgram } from "../needs.ts";
import { startPrometheus } from "./prometheus-server.ts";
import type { Prometheus } from "./prometheus-server.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const POLICY = (upstream: string): string => `
lanes:
  - { name: critical, reservation: 1, objective: { wait: 100ms, success: 99.9% } }
  - { name: normal, objective: { wait: 3s } }
  - { name: bulk, queue: { max: 1 } }
trust: { callers: [ { cidr: 127.0.0.0/8, upTo: normal } ] }
resources:
  http: { upstream: "${upstream}", limit: { adaptive: true, min: 2, max: 4 } }
  claude: { provider: anthropic, upstream: "${upstream}", limit: 8, budgets: { requests: 100/min, outputTokens: 1000/min } }
`;

interface Dashboard {
  readonly uid: string;
  readonly id?: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

const DASHBOARD = JSON.parse(
  readFileSync(new URL("../../docs/grafana/laneway.json", import.meta.url), "utf8"),
) as Dashboard;

/** An upstream that answers nobody while the door is shut. */
class Door {
  #held: ServerResponse[] | undefined = undefined;

  readonly handler = (_req: unknown, res: ServerResponse): void => {
    if (this.#held === undefined) res.end("ok");
    else this.#held.push(res);
  };

  shut(): void {
    this.#held = [];
  }

  open(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const res of held) res.end("ok");
  }
}

/** Requests of all lanes, more at once than there are seats and places, some of which claim what they may not. */
async function load({ url, laneway }: Gateway, door: Door): Promise<void> {
  const rejected = (): number => laneway.resource("http").snapshot().lanes.at(-1)!.rejected;
  const before = rejected();
  const lanes = ["critical", "normal", "nonsense", ...Array.from({ length: 9 }, () => "bulk")];
  door.shut();
  const asked = lanes.map(
    async (lane) =>
      await ask(url, {
        headers: { "x-priority": lane, traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
      }),
  );
  await eventually(() => rejected() > before);
  door.open();
  await Promise.all(asked);
}

async function valueOf(prometheus: Prometheus, expr: string): Promise<number> {
  return Number((await prometheus.query(expr))[0]?.value[1] ?? Number.NaN);
}

test("a Prometheus scrapes a gateway under load; rules and every expression of the dashboard work on it", async (t) => {
  if (!needsProgram(t, "prometheus", "apt-get install prometheus")) return;
  const door = new Door();
  const upstream = await startUpstream(t, door.handler);
  const policy = POLICY(upstream.url);
  const gateway = await gatewayOn(t, policy, { admin: "127.0.0.1:0" });
  const rules = ruleFile(await parsePolicy(policy));
  const prometheus = await startPrometheus(t, new URL(gateway.adminUrl!).host, JSON.stringify(rules));

  // Rates need two scrapes with load between them, ratios two rounds of rules.
  const recorded = 'count(laneway:queue_wait_seconds:p95_5m{lane="bulk"} >= 0)';
  while (!((await valueOf(prometheus, recorded)) > 0)) await load(gateway, door);

  await t.test("what it has scraped is what the gateway has counted", async () => {
    const counted = gateway.laneway
      .resource("http")
      .snapshot()
      .lanes.reduce((sum, lane) => sum + lane.admitted, 0);
    const scraped = 'sum(laneway_admissions_total{resource="http",outcome="admitted"})';
    let found = 0;
    while (found < counted) found = await valueOf(prometheus, scraped);
    assert.equal(found, counted);
    assert.equal(
      await valueOf(prometheus, 'sum(laneway_queue_wait_seconds_count{resource="http"})'),
      counted,
    );
    assert.ok((await valueOf(prometheus, 'sum(laneway_shed_total{lane="bulk",reason="lane-full"})')) > 0);
  });

  await t.test("it finds all rules in order, and records what they tell", async () => {
    interface Rules {
      readonly groups: readonly {
        readonly rules: readonly {
          readonly name: string;
          readonly health: string;
          readonly lastError?: string;
        }[];
      }[];
    }
    const total = rules.groups.flatMap((group) => group.rules).length;
    let known: Rules["groups"][number]["rules"] = [];
    do known = (await prometheus.api<Rules>("rules")).groups.flatMap((group) => group.rules);
    while (known.some(({ health }) => health === "unknown"));
    assert.deepEqual(
      known.filter(({ health }) => health !== "ok"),
      [],
    );
    assert.equal(known.length, total);
    for (const name of ["task_errors:ratio_rate5m", "late_waits:ratio_rate5m", "late_waits:increase1h"])
      assert.ok((await prometheus.query(`laneway:${name}`)).length > 0, name);
  });

  await t.test("every expression of the dashboard has an answer", async () => {
    // Nothing is tried again here, and not every host tells its pressure.
    const mayBeEmpty = /laneway_(retries|fallbacks|pressure_seconds)_total/;
    const expressions = DASHBOARD.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ title, expr })),
    );
    assert.ok(expressions.length > 20);
    for (const { title, expr } of expressions) {
      const found = await prometheus.query(
        expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|resource|lane)\b/g, ".*"),
      );
      assert.ok(found.length > 0 || mayBeEmpty.test(expr), `${title}: ${expr}`);
    }
    for (const { query } of DASHBOARD.templating.list) {
      const [, series, label] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
      if (series === undefined) continue;
      const found = await prometheus.query(`count by (${label}) (${series.replaceAll(/\$\w+/g, ".*")})`);
      assert.ok(found.length > 0, query);
    }
  });

  await t.test("it keeps the traces that hang on the buckets", async () => {
    const query = "laneway_duration_seconds_bucket";
    const now = Date.now() / 1_000;
    const found = await prometheus.api<{ exemplars: { labels: { trace_id: string } }[] }[]>(
      "query_exemplars",
      {
        query,
        start: `${now - 3_600}`,
        end: `${now + 60}`,
      },
    );
    const traces = found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
    assert.deepEqual([...new Set(traces)], [TRACE]);
  });
});

test("the dashboard can be installed anywhere: a fixed uid, no id, a data source to choose, no fixed rate windows", () => {
  assert.deepEqual([DASHBOARD.uid, DASHBOARD.id], ["laneway", undefined]);
  assert.ok(DASHBOARD.templating.list.some(({ name }) => name === "datasource"));
  for (const { targets = [] } of DASHBOARD.panels)
    for (const { expr } of targets) {
      assert.equal(/\[\d/.test(expr), false, expr);
      assert.equal(expr.includes("rate("), expr.includes("[$__rate_interval]"), expr);
    }
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, get } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { ExemplarStore } from "../../src/metrics/exemplars.ts";
import { BOUNDS } from "../../src/metrics/family.ts";
import { MetricsPage } from "../../src/metrics/page.ts";
import { Allowance, currentTraceId, traceIdOf, watchTraces } from "../../src/metrics/traces.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

test("a trace is a traceparent's, and nothing else", () => {
  assert.equal(traceIdOf(`00-${TRACE}-b7ad6b7169203331-01`), TRACE);
  assert.equal(traceIdOf(`cc-${TRACE}-b7ad6b7169203331-01-more`), TRACE);
  for (const wrong of [
    undefined,
    "",
    TRACE,
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${TRACE}-x-01`,
    [TRACE],
  ])
    assert.equal(traceIdOf(wrong), undefined);
});

test("a request's trace becomes the exemplar of its bucket once OpenMetrics was asked for, on any server", async (t) => {
  const laneway = new Laneway(await parsePolicy("resources: { http: { limit: 2 } }"));
  const page = new MetricsPage(laneway);
  t.after(() => page.close());
  const url = await serverOf(t, laneway);
  await ask(url, TRACE);
  assert.ok(
    !page.read("application/openmetrics-text").body.includes("trace_id"),
    "kept before anybody asked",
  );
  await ask(url, TRACE);
  await ask(url, undefined);
  const { body } = page.read("application/openmetrics-text");
  for (const name of ["queue_wait", "run", "duration"])
    assert.equal(
      body.match(
        new RegExp(
          `laneway_${name}_seconds_bucket\\{[^}]*\\} \\d+ # \\{trace_id="${TRACE}"\\} \\S+ \\d+\\.\\d{3}`,
          "g",
        ),
      )?.length,
      1,
      name,
    );
  page.close();
  assert.equal(await ask(url, "1".repeat(32)), "none");
  assert.ok(!page.read("application/openmetrics-text").body.includes("1".repeat(32)));
});

test("an exemplar lies in its bucket, bounds included, is the last one, and stands in for nothing that was refused", async () => {
  const clock = new TestClock();
  const policy = "lanes: [{ name: critical }, { name: bulk }]\nresources: { http: { limit: 2 } }";
  const laneway = new Laneway(await parsePolicy(policy), { clock, random: () => 0.5 });
  let trace: string | undefined;
  const store = new ExemplarStore(() => trace);
  store.follow(laneway);
  store.follow(laneway);
  const http = laneway.resource("http");
  for (const ms of [100, 100.5, 700_000]) {
    trace = `trace of ${ms}`;
    const run = assert.doesNotReject(
      http.run(() => clock.sleep(ms), { lane: "critical", timeoutMs: 1_000_000 }),
    );
    await clock.advance(ms);
    await run;
  }
  trace = undefined;
  await http.run(() => 1, { lane: "critical" });
  trace = "refused";
  await assert.rejects(http.run(() => 1, { lane: "bulk", timeoutMs: 0 }));
  const runs = store.of("http", "critical")!.runs.map((exemplar) => exemplar?.traceId);
  assert.deepEqual(
    runs.flatMap((id, i) => (id === undefined ? [] : [[BOUNDS[i], id]])),
    [
      ["0.1", "trace of 100"],
      ["0.25", "trace of 100.5"],
      ["+Inf", "trace of 700000"],
    ],
  );
  assert.equal(store.of("http", "bulk"), undefined);
  laneway.update(await parsePolicy("resources: { db: { limit: 3 } }"));
  store.follow(laneway);
  assert.equal(store.of("http", "critical"), undefined);
  store.close();
});

/** A server that runs each request in the lane of its policy, without any adapter. */
async function serverOf(t: TestContext, laneway: Laneway): Promise<string> {
  const server = createServer((_req, res) => {
    void laneway
      .resource("http")
      .run(async () => await Promise.resolve())
      .then(() => res.end(currentTraceId() ?? "none"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The trace that the server has found, on the connection of the request before. */
async function ask(url: string, trace: string | undefined): Promise<string> {
  const headers = trace === undefined ? {} : { traceparent: `00-${trace}-b7ad6b7169203331-01` };
  const [response] = (await once(get(url, { headers, agent: ONE_CONNECTION }), "response")) as [
    IncomingMessage,
  ];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

const ONE_CONNECTION = new Agent({ keepAlive: true, maxSockets: 1 });
after(() => ONE_CONNECTION.destroy());

test("a trace is its own request's: the next one on the connection has none, and nobody's is looked at unasked", async (t) => {
  const url = await serverOf(t, new Laneway(await parsePolicy("resources: { http: { limit: 2 } }")));
  assert.equal(await ask(url, TRACE), "none");
  const [one, two] = [watchTraces(), watchTraces()];
  assert.equal(await ask(url, TRACE), TRACE);
  assert.equal(await ask(url, undefined), "none");
  assert.equal(await ask(url, "nonsense"), "none");
  one();
  one();
  assert.equal(await ask(url, TRACE), TRACE);
  two();
  assert.equal(await ask(url, TRACE), "none");
});

test("requests that arrive in one piece each have their own trace, or none", async (t) => {
  const url = await serverOf(t, new Laneway(await parsePolicy("resources: { http: { limit: 2 } }")));
  t.after(watchTraces());
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const asking = (headers: string): string => `GET / HTTP/1.1\r\nhost: a\r\n${headers}\r\n`;
  const traced = `traceparent: 00-${TRACE}-b7ad6b7169203331-01\r\n`;
  socket.end(asking(traced) + asking("") + asking(`${traced}connection: close\r\n`));
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  const found = [...text.matchAll(/\r\n\r\n(?:[0-9a-f]+\r\n)?(none|[0-9a-f]{32})/g)].map(
    ([, trace]) => trace,
  );
  assert.deepEqual(found, [TRACE, "none", TRACE]);
});

test("an allowance is so many in each second, and no more", () => {
  const allowance = new Allowance(3);
  const taken = (now: number, times: number): number =>
    Array.from({ length: times }, () => allowance.take(now)).filter(Boolean).length;
  assert.deepEqual(
    [taken(5, 2), taken(900, 5), taken(1_004, 1), taken(1_005, 5), taken(60_000, 2)],
    [2, 1, 0, 3, 2],
  );
});

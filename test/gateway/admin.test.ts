import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, eventually, gatewayOn, startUpstream, stateOf } from "./fixture.ts";

const NOWHERE = 'resources: { http: { upstream: "http://127.0.0.1:1" } }';

test("the admin port answers health, readiness, metrics and a snapshot", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => {
    res.end("ok");
  });
  const gateway = await gatewayOn(
    t,
    `resources: { http: { upstream: "${upstream.url}", limit: 3 }, main-db: { limit: 7 } }`,
    { admin: "127.0.0.1:0" },
  );
  await ask(gateway.url, { headers: { "x-priority": "bulk" } });
  await ask(gateway.url, { headers: { "x-priority": 'odd"\\one' } });
  await upstream.stop();
  await ask(gateway.url);
  await eventually(() => stateOf(gateway).seatsInUse === 0);
  assert.equal((await ask(`${gateway.adminUrl}/healthz`)).text, "ok\n");
  assert.equal((await ask(`${gateway.adminUrl}/readyz`)).text, "ready\n");
  const snapshot = await ask(`${gateway.adminUrl}/api/snapshot`);
  assert.deepEqual(snapshot.json(), JSON.parse(JSON.stringify(gateway.laneway.snapshot())));
  assert.deepEqual(
    snapshot
      .json()
      .resources.map((resource: { name: string; limit: number }) => [resource.name, resource.limit]),
    [
      ["http", 3],
      ["main-db", 7],
    ],
  );
  const metrics = await ask(`${gateway.adminUrl}/metrics?x`);
  assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  for (const line of [
    'laneway_admissions_total{resource="http",lane="bulk",outcome="admitted"} 1',
    'laneway_admissions_total{resource="http",lane="normal",outcome="admitted"} 2',
    'laneway_tasks_total{resource="http",lane="normal",result="finished"} 1',
    'laneway_tasks_total{resource="http",lane="normal",result="failed"} 1',
    'laneway_queue_depth{resource="http",lane="critical"} 0',
    'laneway_seats_in_use{resource="main-db",lane="bulk"} 0',
    'laneway_limit{resource="main-db"} 7',
    'laneway_lane_claims_total{claimed="bulk",granted="bulk"} 1',
    'laneway_lane_claims_total{claimed="unknown",granted="normal"} 1',
    'laneway_upstream_failures_total{resource="http",reason="unreachable"} 1',
  ])
    assert.ok(metrics.text.includes(`${line}\n`), `${line} in\n${metrics.text}`);
});

test("the admin port is read-only and says what there is", async (t) => {
  const { adminUrl } = await gatewayOn(t, NOWHERE, { admin: "127.0.0.1:0" });
  const missing = await ask(`${adminUrl}/nothing`);
  assert.deepEqual(
    [missing.status, missing.json().paths.slice(0, 2), missing.json().paths.includes("/api/snapshot")],
    [404, ["/healthz", "/readyz"], true],
  );
  for (const path of ["/healthz", "/metrics", "/api/snapshot"]) {
    const posted = await ask(adminUrl + path, { body: "x" });
    assert.deepEqual([posted.status, posted.headers["allow"]], [405, "GET, HEAD"]);
    const head = await ask(adminUrl + path, { method: "HEAD" });
    assert.deepEqual(
      [head.status, head.body.length, Number(head.headers["content-length"]) > 0],
      [200, 0, true],
    );
  }
});

test("the admin port answers no page that made a name of its own point to it", async (t) => {
  const { adminUrl } = await gatewayOn(t, NOWHERE, { admin: "localhost:0" });
  const { port } = new URL(adminUrl!);
  const status = async (host: string): Promise<number> =>
    (await ask(`${adminUrl}/api/snapshot`, { headers: { host } })).status;
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST`, `[::1]:${port}`, "10.0.0.7"])
    assert.equal(await status(host), 200, host);
  for (const host of [`evil.example:${port}`, "localhost.evil.example", "127.0.0.1.evil.example"])
    assert.equal(await status(host), 403, host);
});

test("an admin port that others could reach is refused, and nothing is left listening", async (t) => {
  for (const admin of ["0.0.0.0:0", "[::]:0", "10.0.0.1:0"]) {
    await assert.rejects(gatewayOn(t, NOWHERE, { admin }), {
      code: "LANEWAY_INVALID",
      message: `admin: expected a loopback address such as 127.0.0.1:8081, or a gateway.adminToken in the policy, found "${admin}"; health checks from outside have probes`,
    });
  }
});

test("the probes port answers health and readiness by any name, and nothing else", async (t) => {
  const { probesUrl } = await gatewayOn(t, NOWHERE, { probes: "127.0.0.1:0" });
  const status = async (path: string): Promise<number> =>
    (await ask(probesUrl + path, { headers: { host: "pod.cluster.local" } })).status;
  assert.deepEqual(
    [
      await status("/healthz"),
      await status("/readyz"),
      await status("/metrics"),
      await status("/api/snapshot"),
    ],
    [200, 200, 404, 404],
  );
});

test("the proxy port forwards every path, the admin's own too", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.end(`the upstream's ${req.url}`);
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  assert.equal((await ask(`${gateway.url}/metrics`)).text, "the upstream's /metrics");
  assert.equal(gateway.adminUrl, undefined);
});

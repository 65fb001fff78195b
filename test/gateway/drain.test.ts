import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import { ask, begin, eventually, gatewayOn, startUpstream, stateOf, Wire } from "./fixture.ts";

test("a drain turns readiness off, refuses newcomers, and finishes what runs and what waits", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `{ resources: { http: { upstream: "${upstream.url}", limit: 1 } }, gateway: { drainTimeout: 30s } }`,
    { admin: "127.0.0.1:0", probes: "127.0.0.1:0" },
  );
  const keptOpen = new Wire(gateway.url);
  keptOpen.send("GET /running HTTP/1.1\r\nhost: a\r\n\r\n");
  const running = await upstream.next();
  const waiting = ask(`${gateway.url}/waiting`);
  await eventually(() => stateOf(gateway).waiting === 1);
  assert.equal((await ask(`${gateway.adminUrl}/readyz`)).status, 200);

  let drained = false;
  const draining = gateway.drain().then(() => (drained = true));
  for (const base of [gateway.adminUrl, gateway.probesUrl]) {
    assert.equal((await ask(`${base}/readyz`)).status, 503);
    assert.equal((await ask(`${base}/healthz`)).status, 200);
  }
  for (const [path, status] of [
    ["/", 503],
    ["/v1/messages", 529],
    ["/v1/responses", 503],
  ] as const) {
    const newcomer = await ask(gateway.url + path, { body: "{}" });
    assert.deepEqual(
      [newcomer.status, newcomer.headers["connection"], newcomer.headers["retry-after"]],
      [status, "close", "1"],
    );
  }
  running.res.end("ran");
  const second = await upstream.next();
  assert.equal(second.req.url, "/waiting");
  assert.equal(drained, false);
  second.res.end("waited");
  assert.equal((await waiting).text, "waited");
  assert.match(await keptOpen.untilClosed(), /^HTTP\/1\.1 200 [^]*connection: close[^]*ran/i);
  await draining;
  const refused = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  assert.equal(((await once(refused, "error")) as NodeJS.ErrnoException[])[0]!.code, "ECONNREFUSED");
});

test("a drain waits until the last byte has left, also to a client that reads slowly", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => {
    res.end(Buffer.alloc(20_000_000));
  });
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const client = begin(gateway.url);
  const [res] = await once(client, "response");
  const draining = gateway.drain();
  let bytes = 0;
  for await (const chunk of res) bytes += chunk.length;
  assert.equal(bytes, 20_000_000);
  await draining;
});

test("after the drain's time-out what waits is refused, and what still runs is cut off", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `{ resources: { http: { upstream: "${upstream.url}", limit: 1 } }, gateway: { drainTimeout: 50ms } }`,
    { clock },
  );
  const running = begin(gateway.url);
  const arrival = await upstream.next();
  const waiting = ask(`${gateway.url}/v1/messages`, { body: "{}" });
  await eventually(() => stateOf(gateway).waiting === 1);
  const draining = gateway.drain();
  await clock.advance(50);
  const reply = await waiting;
  assert.deepEqual([reply.status, reply.json().error.type], [529, "overloaded_error"]);
  await draining;
  await arrival.cutOff;
  assert.equal(running.destroyed, true);
});

test("a gateway with nothing to finish is drained at once", async (t) => {
  const gateway = await gatewayOn(t, 'resources: { http: { upstream: "http://127.0.0.1:1" } }');
  const idle = new Wire(gateway.url);
  await once(idle.socket, "connect");
  await gateway.drain();
  await idle.untilClosed();
});

test("a drain refuses newcomers whatever they ask for, also where nothing is enforced", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `{ enforce: false, resources: { gpt: { provider: openai, upstream: "${upstream.url}" }, claude: { provider: anthropic, upstream: "${upstream.url}" } } }`,
  );
  const running = ask(`${gateway.url}/v1/responses`);
  const arrival = await upstream.next();
  const draining = gateway.drain();
  assert.deepEqual(
    (
      await Promise.all(["/v1/responses", "/v1/messages", "/nowhere"].map((path) => ask(gateway.url + path)))
    ).map(({ status }) => status),
    [503, 529, 503],
  );
  arrival.res.end();
  await Promise.all([running, draining]);
});

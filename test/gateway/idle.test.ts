import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { IdleWatch } from "../../src/gateway/idle.ts";
import type { Watched } from "../../src/gateway/idle.ts";
import { answer, claudePolicy, messageBody, messageEvents, messageReply } from "./ai-fixture.ts";
import { ask, begin, eventually, gatewayOn, read, settled, startUpstream, stateOf } from "./fixture.ts";

const SSE = { "content-type": "text/event-stream" };

test("a stream that falls silent is cut after the idle time-out, and its seat is free", async (t) => {
  const upstream = await startUpstream(t);
  const claude = { idleTimeout: "50ms", budgets: { outputTokens: "80000/min" } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude));
  const client = begin(`${gateway.url}/v1/messages`, { body: messageBody({ stream: true }) });
  const { res, cutOff } = await upstream.next();
  res.writeHead(200, SSE).write(messageEvents()[0]);
  const [reply] = (await once(client, "response")) as [IncomingMessage];
  await assert.rejects(read(reply), { code: "ECONNRESET" });
  await cutOff;
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  assert.equal(stateOf(gateway, "claude").lane.failed, 1);
});

test("a reply whose headers came and nothing else is cut too", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { idleTimeout: "50ms" }));
  const client = begin(`${gateway.url}/v1/messages`, { body: messageBody() });
  const { res } = await upstream.next();
  res.writeHead(200, { "content-length": "10" }).flushHeaders();
  const [reply] = (await once(client, "response")) as [IncomingMessage];
  await assert.rejects(read(reply), { code: "ECONNRESET" });
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
});

test("silence before the first byte is a thought, however long: only the lane's time-out ends it", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { idleTimeout: "1ms", limit: 2 }));
  const thinking = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  const { res } = await upstream.next();
  // One that begins and is silent is cut meanwhile, so the watch has looked.
  const cut = begin(`${gateway.url}/v1/messages`, { body: messageBody() });
  const silent = await upstream.next();
  silent.res.writeHead(200, SSE).flushHeaders();
  await once(cut, "response");
  await silent.cutOff;
  answer(res, 200, messageReply());
  assert.equal((await thinking).status, 200);
});

test("a reply is silent for as long as nothing moves, not for as long as it lasts", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const watch = new IdleWatch();
  let cut = 0;
  const reply: Watched = {
    moved: false,
    quietSince: 0,
    place: -1,
    idleTimeoutMs: 1_000,
    silent: () => cut++,
  };
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 250) {
      now += 250;
      t.mock.timers.tick(250);
    }
  };
  watch.add(reply);
  for (let i = 0; i < 20; i++) {
    pass(1_000);
    reply.moved = true;
  }
  assert.equal(cut, 0);
  pass(1_000);
  assert.equal(cut, 0);
  pass(250);
  assert.equal(cut, 1);
  watch.delete(reply);
  pass(5_000);
  assert.equal(cut, 1);
});

test("whoever of the replies watched is done leaves the others under watch", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const watch = new IdleWatch();
  const cut: number[] = [];
  const replies = [0, 1, 2, 3].map((n): Watched => {
    const silent = (): void => {
      cut.push(n);
      watch.delete(replies[n]!);
    };
    return { moved: false, quietSince: 0, place: -1, idleTimeoutMs: 1_000, silent };
  });
  for (const reply of replies) watch.add(reply);
  watch.delete(replies[1]!);
  watch.delete(replies[1]!);
  watch.add(replies[2]!);
  for (let look = 0; look < 8; look++) {
    now += 250;
    t.mock.timers.tick(250);
  }
  assert.deepEqual(
    cut.sort((a, b) => a - b),
    [0, 2, 3],
  );
});

test("a thousand streams that stand still, clients that do not read among them: memory is bounded, and a critical call is served", async (t) => {
  const STREAMS = 1_000;
  // Those fill the system's own buffers between the two ends as well, some megabytes each: of a thousand, all it has.
  const POURED = 20;
  const chunk = Buffer.from(`data: ${"x".repeat(16_000)}\n\n`);
  let poured = 0;
  const pour = (res: ServerResponse): void => {
    // As fast as it is taken: what is not taken must stay with the upstream.
    let taken = true;
    while (taken && !res.destroyed) {
      taken = res.write(chunk);
      poured += chunk.length;
    }
    res.once("drain", () => pour(res));
  };
  const upstream = await startUpstream(t, (req, res) => {
    req.resume();
    if (req.headers["x-whole"] !== undefined) return answer(res, 200, messageReply());
    res.writeHead(200, SSE);
    if (req.headers["x-pour"] !== undefined) return pour(res);
    res.write(messageEvents()[0]);
    return undefined;
  });
  const gateway = await gatewayOn(
    t,
    claudePolicy(
      upstream.url,
      { limit: STREAMS + 10, lanes: { critical: { reservation: 10, lendable: 0 } } },
      { trust: { callers: [{ cidr: "127.0.0.0/8", upTo: "critical" }] } },
    ),
  );
  const before = process.memoryUsage();
  const clients: ClientRequest[] = [];
  let begun = 0;
  for (let i = 0; i < STREAMS; i++) {
    const client = begin(`${gateway.url}/v1/messages`, {
      body: messageBody({ stream: true }),
      headers: { "x-priority": "bulk", ...(i < POURED ? { "x-pour": "1" } : {}) },
    });
    client.on("response", (res: IncomingMessage) => {
      res.on("error", () => {});
      begun++;
    });
    clients.push(client);
  }
  await eventually(() => begun === STREAMS);
  await settled(() => poured);
  const reply = await ask(`${gateway.url}/v1/messages`, {
    body: messageBody(),
    headers: { "x-priority": "critical", "x-whole": "1" },
  });
  assert.deepEqual([reply.status, reply.headers["laneway-lane"]], [200, "critical"]);
  const after = process.memoryUsage();
  const grownMiB = (kind: "rss" | "external" | "heapUsed"): number =>
    Math.round((after[kind] - before[kind]) / 1_048_576);
  t.diagnostic(
    `MiB more, both ends and the gateway in one process: rss ${grownMiB("rss")}, buffers ${grownMiB("external")}, heap ${grownMiB("heapUsed")}`,
  );
  // Poured streams hold a few buffers of 64 KiB at each of the two ends; a gateway that did not wait would hold gigabytes.
  assert.ok(grownMiB("external") < 400 && grownMiB("rss") < 800);
  for (const client of clients) client.destroy();
  await eventually(() => stateOf(gateway, "claude", "bulk").seatsInUse === 0);
});

test("a body that does not arrive within five minutes is given up, however slowly it drips", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `{ resources: { http: { upstream: "${upstream.url}", limit: 1 } } }`);
  t.mock.timers.enable({ apis: ["setInterval"] });
  let now = performance.now();
  t.mock.method(performance, "now", () => now);
  const client = request(gateway.url, { method: "POST", headers: { "content-length": "10" } });
  client.on("error", () => undefined);
  client.write("12345");
  const reply = once(client, "response") as Promise<[IncomingMessage]>;
  let status: number | undefined;
  void reply.then(([response]) => {
    status = response.statusCode;
    response.resume();
  });
  await eventually(() => {
    now += 60_000;
    t.mock.timers.tick(250);
    return status !== undefined;
  });
  assert.equal(status, 408);
  assert.equal(upstream.seen, 0);
  client.destroy();
});

import assert from "node:assert/strict";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { TestClock } from "../../src/testing/clock.ts";
import { seeded } from "../../src/testing/random.ts";
import { claudePolicy, errorBody, messageBody, messageEvents, messageReply } from "./ai-fixture.ts";
import { begin, eventually, gatewayOn } from "./fixture.ts";

const CALLS = 1_000;
const AT_ONCE = 50;

/** Turns of the event loop: the only time there is here. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

test("clients that leave at a thousand random moments lose no seat, no budget and no socket", async (t) => {
  const random = seeded(7);
  const between = (from: number, to: number): number => from + Math.floor(random.next() * (to - from));
  const clock = new TestClock();
  let under = 0;
  const upstream = createServer((req, res) => {
    under++;
    res.on("close", () => under--);
    req.resume();
    const kind = random.next();
    void (async () => {
      await turns(between(0, 40));
      if (kind < 0.15) return void res.destroy();
      if (kind < 0.45)
        return void res
          .writeHead(kind < 0.3 ? 529 : 429, { "retry-after-ms": `${between(1, 20)}` })
          .end(errorBody("overloaded_error"));
      if (kind < 0.6)
        return void res.writeHead(200, { "content-type": "application/json" }).end(messageReply());
      res.writeHead(200, { "content-type": "text/event-stream" });
      for (const event of messageEvents()) {
        if (res.destroyed) return;
        res.write(event);
        await turns(between(0, 10));
      }
      if (kind < 0.95) res.end();
      else res.destroy();
    })();
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  t.after(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const gateway = await gatewayOn(
    t,
    claudePolicy(
      url,
      {
        limit: 6,
        keys: ["sk-a", "sk-b"],
        budgets: { requests: "1000000/min", inputTokens: "100000000/min", outputTokens: "100000000/min" },
        retry: { attempts: 3, budget: "100%" },
        commitAfter: "5ms",
        fallback: { model: "claude-haiku-4-5" },
      },
      { lanes: [{ name: "normal", queue: { max: 10_000 } }] },
    ),
    { clock },
  );
  const claude = gateway.laneway.resource("claude");
  let answered = 0;
  let left = 0;
  const call = async (): Promise<void> => {
    const client = begin(`${gateway.url}/v1/messages`, {
      body: messageBody({ stream: random.next() < 0.6, max_tokens: 20 }),
    });
    client.on("response", (res) => {
      res.on("error", () => {});
      res.resume();
      res.on("end", () => answered++);
    });
    const closed = new Promise((resolve) => client.once("close", resolve));
    await turns(between(0, 120));
    if (random.next() < 0.9) {
      if (!client.destroyed) left++;
      client.destroy();
    }
    await closed;
  };
  // Back-offs pass in simulated time, a little of it in each turn of the event loop.
  let over = false;
  const passing = (async () => {
    while (!over) await clock.advance(5);
  })();
  for (let i = 0; i < CALLS; i += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, call));
  await eventually(() => under === 0 && claude.snapshot().seatsInUse + claude.snapshot().waiting === 0);
  over = true;
  await passing;
  t.diagnostic(`${left} left, ${answered} were answered`);
  assert.ok(left > 500 && answered > 20);
  const { lanes, budgets } = claude.snapshot();
  const lane = lanes[0]!;
  assert.equal(lane.running, 0);
  assert.deepEqual(
    budgets.map(({ waiting }) => waiting).filter((waiting) => waiting > 0),
    [],
  );
  // Every task is counted once, and every seat can still be had.
  assert.equal(lane.admitted, lane.finished + lane.failed);
  const held = Array.from({ length: 6 }, () => claude.tryAcquire());
  assert.ok(held.every((permit) => permit !== undefined));
  for (const permit of held) permit.release();
  // No more connections than calls that ever ran at once, idle ones included.
  assert.ok((await connectionsOf(upstream)) <= 6 + 6);
  await gateway.drain();
});

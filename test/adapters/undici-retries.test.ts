import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { Agent, fetch as undiciFetch, request } from "undici";
import type { Dispatcher } from "undici";
import { undiciLanes } from "../../src/adapters/undici.ts";
import type { UndiciLanesOptions } from "../../src/adapters/undici.ts";
import { runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { NOTHING, taken, until } from "./provided.ts";
import { upstream } from "./upstream.ts";

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

interface Retried {
  readonly origin: string;
  readonly seen: IncomingMessage[];
  readonly clock: TestClock;
  readonly resource: Resource;
  readonly dispatcher: Dispatcher;
  /** Resolves once a call waits for its next try. */
  back(): Promise<void>;
  /** Lets time pass until the service has seen so many requests. */
  sent(count: number): Promise<void>;
}

/** A service, and one seat for calls to it that are tried up to three times, in simulated time. */
async function retried(t: TestContext, answer: Answer, options: UndiciLanesOptions = {}): Promise<Retried> {
  let count = 0;
  const { origin, seen } = await upstream(t, (sent, response) => answer(sent, response, ++count));
  const clock = new TestClock();
  const lanes = [{ name: "high", timeoutMs: 60_000 }, { name: "bulk" }];
  const resource = new Resource({ name: "reports", limit: 1, lanes, clock });
  const agent = new Agent();
  t.after(() => agent.destroy());
  const dispatcher = agent.compose(undiciLanes(resource, { retry: { attempts: 3 }, ...options }));
  const back = (): Promise<void> => until(() => taken(resource).waiting === 1 && taken(resource).seats === 0);
  const sent = async (wanted: number): Promise<void> => {
    while (seen.length < wanted) await clock.advance(100);
  };
  return { origin, seen, clock, resource, dispatcher, back, sent };
}

const BUSY: Answer = (_request, response) => {
  response.writeHead(503, { "retry-after": "20" });
  response.end("busy");
};

/** Refuses the first so many requests, and serves the rest. */
function busyUntil(served: number): Answer {
  return (sent, response, count) => {
    sent.resume();
    if (count < served) BUSY(sent, response, count);
    else response.end("report");
  };
}

/** Longer than the back-off, and than what a refused client is asked to wait. */
const A_WHILE_MS = 29_000;

describe("calls by undici with retries", () => {
  test("an error that may pass is not seen: the call goes back to its own place, not before retry-after", async (t) => {
    const { origin, seen, clock, resource, dispatcher, back, sent } = await retried(t, busyUntil(3));
    const reply = request(`${origin}/report`, { dispatcher });
    await back();
    // Its seat serves others meanwhile.
    resource.tryAcquire()!.release();
    await clock.advance(19_999);
    assert.equal(seen.length, 1);
    await sent(3);
    const { statusCode, body } = await reply;
    assert.deepEqual([statusCode, await body.text(), seen.length], [200, "report", 3]);
    assert.deepEqual(taken(resource), NOTHING);
    const [, bulk] = resource.snapshot().lanes;
    assert.deepEqual([bulk!.admitted, bulk!.finished, bulk!.failed], [2, 2, 0]);
  });

  test("its own place is before those of its lane that came later", async (t) => {
    const { origin, clock, resource, dispatcher, back } = await retried(t, busyUntil(2));
    const order: string[] = [];
    const first = request(origin, { dispatcher }).then(({ body }) => body.text());
    await back();
    const held = resource.tryAcquire({ lane: "high" })!;
    const later = resource.acquire({ lane: "bulk" }).then((permit) => {
      order.push("later");
      permit.release();
    });
    await clock.advance(A_WHILE_MS);
    resource.onRecord(({ lane, waitMs }) => order.push(`${lane} after ${waitMs > 0 ? "a wait" : "none"}`));
    held.release();
    await Promise.all([first, later]);
    assert.deepEqual(order, ["high after none", "bulk after a wait", "later", "bulk after a wait"]);
  });

  test("the last reply passes unchanged, once the tries are used up", async (t) => {
    const { origin, seen, clock, dispatcher, back } = await retried(t, BUSY);
    const reply = request(origin, { dispatcher, responseHeaders: "raw" });
    for (const _again of [2, 3]) {
      await back();
      await clock.advance(A_WHILE_MS);
    }
    const { statusCode, headers, body } = await reply;
    assert.deepEqual([statusCode, await body.text(), seen.length], [503, "busy", 3]);
    assert.ok(JSON.stringify(headers).includes("retry-after"));
  });

  test("what may do harm twice, or can be read once, is sent once", async (t) => {
    const { origin, seen, resource, dispatcher } = await retried(t, (sent, response) => {
      sent.resume();
      response.writeHead(502).end("bad");
    });
    const once: readonly (() => Promise<unknown>)[] = [
      () => request(origin, { dispatcher, method: "POST", body: "x" }).then(({ body }) => body.text()),
      () => request(origin, { dispatcher, method: "PATCH", body: "x" }).then(({ body }) => body.text()),
      () =>
        request(origin, { dispatcher, method: "PUT", body: Readable.from(["x"]) }).then(({ body }) =>
          body.text(),
        ),
      () => undiciFetch(origin, { dispatcher, method: "PUT", body: "x" }).then((reply) => reply.text()),
    ];
    for (const [index, send] of once.entries()) {
      assert.equal(await send(), "bad");
      assert.equal(seen.length, index + 1);
    }
    assert.deepEqual(taken(resource), NOTHING);
  });

  test("an idempotent call is sent again with its body of text or bytes, and so is a fetch without one", async (t) => {
    const bodies: string[] = [];
    const { origin, clock, dispatcher, back } = await retried(t, (sent, response) => {
      let body = "";
      sent.on("data", (chunk: Buffer) => (body += chunk.toString()));
      sent.on("end", () => {
        bodies.push(`${sent.method} ${body}`);
        if (bodies.length % 2 === 1) response.writeHead(502).end();
        else response.end("done");
      });
    });
    const put = async (body: string | Uint8Array): Promise<string> =>
      (await request(origin, { dispatcher, method: "PUT", body })).body.text();
    const sends = [
      () => put("text"),
      () => put(Buffer.from("bytes")),
      async () => (await undiciFetch(origin, { dispatcher })).text(),
    ];
    for (const send of sends) {
      const reply = send();
      await back();
      await clock.advance(A_WHILE_MS);
      assert.equal(await reply, "done");
    }
    assert.deepEqual(bodies, ["PUT text", "PUT text", "PUT bytes", "PUT bytes", "GET ", "GET "]);
  });

  test("a status that will not change is passed on at once", async (t) => {
    const { origin, seen, dispatcher } = await retried(t, (sent, response) =>
      response.writeHead(Number(sent.url!.slice(1))).end(),
    );
    for (const status of [400, 401, 404, 409, 500, 501])
      assert.equal((await request(`${origin}/${status}`, { dispatcher })).statusCode, status);
    assert.equal(seen.length, 6);
  });

  test("a connection that fails is tried again, and fails as it does without lanes in the end", async (t) => {
    const { origin, seen, resource, dispatcher, sent } = await retried(t, ({ socket }) => socket.destroy());
    const failed = assert.rejects(request(origin, { dispatcher }), { code: "UND_ERR_SOCKET" });
    await sent(3);
    await failed;
    assert.equal(seen.length, 3);
    assert.deepEqual(taken(resource), NOTHING);
  });

  test("a reply that has begun well is never sent for again", async (t) => {
    const { origin, seen, resource, dispatcher } = await retried(t, (_request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("rep", () => response.destroy());
    });
    const { body } = await request(origin, { dispatcher });
    await assert.rejects(body.text());
    assert.equal(seen.length, 1);
    assert.deepEqual(taken(resource), NOTHING);
  });

  test("a caller that leaves between two tries is forgotten, and no other try is made", async (t) => {
    const { origin, seen, clock, resource, dispatcher, back } = await retried(t, BUSY);
    const leave = new Error("left");
    const byRequest = new AbortController();
    const asked = request(origin, { dispatcher, signal: byRequest.signal });
    await back();
    byRequest.abort(leave);
    await assert.rejects(asked, leave);
    assert.deepEqual([taken(resource), seen.length], [NOTHING, 1]);
    // Another service behind another resource: this one is known to refuse.
    const other = await retried(t, BUSY);
    const byFetch = new AbortController();
    const fetched = undiciFetch(other.origin, { dispatcher: other.dispatcher, signal: byFetch.signal });
    await other.back();
    byFetch.abort(leave);
    await assert.rejects(fetched, leave);
    await until(() => taken(other.resource).waiting === 0);
    await clock.advance(A_WHILE_MS);
    await other.clock.advance(A_WHILE_MS);
    assert.deepEqual([taken(other.resource), other.seen.length, seen.length], [NOTHING, 1, 1]);
  });

  test("a caller that leaves while a try is under way is not tried for again", async (t) => {
    const caller = new AbortController();
    const { origin, seen, resource, dispatcher } = await retried(t, () => caller.abort(new Error("left")));
    await assert.rejects(request(origin, { dispatcher, signal: caller.signal }), { message: "left" });
    await until(() => taken(resource).seats === 0);
    assert.deepEqual([taken(resource), seen.length], [NOTHING, 1]);
  });

  test("when its time is up before its next try, the caller gets the reply it had, however long", async (t) => {
    const long = "x".repeat(300_000);
    const { origin, seen, clock, resource, dispatcher, back } = await retried(t, (_request, response) => {
      response.writeHead(503, { "retry-after": "90" });
      response.end(long);
    });
    const reply = request(origin, { dispatcher, headers: { "laneway-lane": "high" } });
    await back();
    await clock.advance(60_001);
    const { statusCode, body } = await reply;
    assert.deepEqual([statusCode, (await body.text()) === long, seen.length], [503, true, 1]);
    assert.deepEqual(taken(resource), NOTHING);
  });

  test("a long error reply is not read to its end before the next try", async (t) => {
    let cut = false;
    const { origin, clock, dispatcher, back } = await retried(t, (_request, response, count) => {
      if (count > 1) return void response.end("report");
      response.on("close", () => (cut = !response.writableFinished));
      response.writeHead(502);
      return void response.write("x".repeat(100_000));
    });
    const reply = request(origin, { dispatcher });
    await back();
    await clock.advance(A_WHILE_MS);
    assert.equal(await (await reply).body.text(), "report");
    await until(() => cut);
  });

  test("retries are paid from the budget of their lane; beyond it the reply is passed on at once", async (t) => {
    const retry = { attempts: 2, budget: 0 };
    const { origin, seen, clock, dispatcher } = await retried(
      t,
      (_request, response) => response.writeHead(502).end(),
      { retry },
    );
    for (let index = 0; index < 15; index++) {
      let status = 0;
      void request(origin, { dispatcher }).then(({ statusCode }) => (status = statusCode));
      while (status === 0) await clock.advance(100);
      assert.equal(status, 502);
    }
    // Ten are allowed to every lane, and one more for what was forgotten of them meanwhile.
    assert.ok(seen.length >= 25 && seen.length <= 26, `${seen.length}`);
  });

  test("what an origin is told, each try tells anew; to others no try says anything", async (t) => {
    const friend = await upstream(t, (_request, response) => response.writeHead(502).end());
    const { origin, seen, dispatcher, resource, clock } = await retried(t, busyUntil(2), {
      forwardTo: [friend.origin],
    });
    const ask = (url: string): Promise<Dispatcher.ResponseData> =>
      runInLane({ lane: "bulk", deadline: performance.now() + 9_000 }, () =>
        request(url, { dispatcher, headers: { "x-laneway-lane": "high" } }),
      );
    const told = ask(friend.origin);
    while (friend.seen.length < 3) await clock.advance(100);
    await (await told).body.dump();
    const deadlines = friend.seen.map(({ headers }) => Number(headers["x-laneway-deadline-ms"]));
    assert.deepEqual(
      friend.seen.map(({ headers }) => headers["x-laneway-lane"]),
      ["bulk", "bulk", "bulk"],
    );
    assert.ok(
      deadlines[0]! <= 9_000 && deadlines[0]! >= deadlines[2]! && deadlines[2]! > 0,
      deadlines.join(),
    );
    const untold = ask(origin);
    while (seen.length < 2) await clock.advance(1_000);
    await (await untold).body.dump();
    assert.deepEqual(
      seen.map(({ headers }) => [headers["x-laneway-lane"], headers["x-laneway-deadline-ms"]]),
      [
        [undefined, undefined],
        [undefined, undefined],
      ],
    );
    assert.deepEqual(taken(resource), NOTHING);
  });
});

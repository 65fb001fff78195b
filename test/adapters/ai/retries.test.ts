import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { aiFetch } from "../../../src/adapters/ai.ts";
import type { Resource } from "../../../src/node/resource.ts";
import { TestClock } from "../../../src/testing/clock.ts";
import type { Behaviour } from "../../../src/verify/stand-in/behaviour.ts";
import { ask, Hold, NOTHING, provide, QUESTION, taken, until } from "../provided.ts";
import type { Provided } from "../provided.ts";

/** A stand-in whose calls meet one behaviour after another, and then none; and a clock that the test moves. */
async function scripted(
  t: TestContext,
  behaviours: readonly (Behaviour | undefined)[],
  options: Parameters<typeof provide>[1] = {},
): Promise<Provided & { readonly clock: TestClock; readonly url: string }> {
  const clock = new TestClock();
  const provided = await provide(t, { ...options, resource: { clock, ...options.resource } });
  const left = [...behaviours];
  provided.standIn.script(() => left.shift());
  return { ...provided, clock, url: `${provided.standIn.url}/v1/messages` };
}

/** Moves simulated time on until the promise settles: whatever backs off comes back. */
async function settled<Value>(clock: TestClock, promise: Promise<Value>): Promise<Value> {
  let isSettled = false;
  const mark = (): void => void (isSettled = true);
  promise.then(mark, mark);
  while (!isSettled) await clock.advance(10);
  return promise;
}

/** One waits, and for its time only: the seat is free. */
const backsOff = (resource: Resource): boolean =>
  taken(resource).running === 0 && taken(resource).waiting === 1;

const OVERLOADED: Behaviour = { status: 529 };

test("a failing call is sent again, the same, until it succeeds, and counts as one task", async (t) => {
  const { clock, url, resource, calls } = await scripted(t, [OVERLOADED, { status: 500 }, undefined]);
  const response = await settled(clock, aiFetch(resource)(url, ask()));
  assert.equal(response.status, 200);
  await response.text();
  assert.equal(calls.length, 3);
  assert.deepEqual(new Set(calls.map(({ body }) => body.toString())).size, 1);
  const [chat, batch] = resource.snapshot().lanes;
  assert.deepEqual([chat!.admitted + batch!.admitted, batch!.finished], [1, 1]);
  assert.deepEqual(taken(resource), NOTHING);
});

test("while a call backs off its seat serves others, and then it goes before those that came later", async (t) => {
  const hold = new Hold();
  const seen: string[] = [];
  const { clock, url, resource, standIn } = await scripted(t, [], {
    resource: { limit: 1 },
    standIn: { pace: ({ user }) => (user === "second" ? hold.pace() : Promise.resolve()) },
  });
  standIn.script(({ body }) => {
    const { metadata } = JSON.parse(body.toString()) as { metadata: { user_id: string } };
    seen.push(metadata.user_id);
    return seen.length === 1 ? OVERLOADED : undefined;
  });
  const fetchInLane = aiFetch(resource, { flow: "one" });
  const call = async (user: string): Promise<void> =>
    void (await (await fetchInLane(url, ask({ ...QUESTION, metadata: { user_id: user } }))).text());
  const first = call("first");
  await until(() => seen.length === 1 && backsOff(resource));
  const second = call("second");
  await until(() => hold.held === 1);
  const third = call("third");
  await until(() => taken(resource).waiting === 2);
  await clock.advance(1_000);
  hold.release();
  await Promise.all([first, second, third]);
  assert.deepEqual(seen, ["first", "second", "first", "third"]);
});

test("the tries are what `attempts` says; the last reply passes unchanged but for telling the SDK to stop", async (t) => {
  const body = '{"type":"error","error":{"type":"overloaded_error","message":"Over\\u006coaded"}}';
  const { clock, url, resource, calls } = await scripted(
    t,
    Array.from({ length: 9 }, () => ({
      ...OVERLOADED,
      body,
      headers: { "x-odd": "1", "request-id": "req_9" },
    })),
  );
  const response = await settled(clock, aiFetch(resource)(url, ask()));
  assert.equal(calls.length, 3);
  assert.deepEqual([response.status, response.url], [529, url]);
  assert.deepEqual(
    ["x-odd", "request-id", "x-should-retry"].map((name) => response.headers.get(name)),
    ["1", "req_9", "false"],
  );
  assert.equal(await response.text(), body);
  assert.deepEqual(taken(resource), NOTHING);
});

test("with one attempt nothing is retried here, and the SDK is left to its own rules", async (t) => {
  const { url, resource, calls } = await scripted(t, [OVERLOADED, OVERLOADED]);
  const response = await aiFetch(resource, { retry: { attempts: 1 } })(url, ask());
  assert.deepEqual([response.status, response.headers.get("x-should-retry")], [529, null]);
  assert.equal(calls.length, 1);
});

test("a mistake in the request is not repeated and passes byte for byte", async (t) => {
  const body = '{ "type" : "error" }';
  const { url, resource, calls } = await scripted(t, [{ status: 400, body }]);
  const response = await aiFetch(resource)(url, ask());
  assert.deepEqual(
    [response.status, response.headers.get("x-should-retry"), await response.text()],
    [400, null, body],
  );
  assert.equal(calls.length, 1);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a 429 about money is not repeated, neither here nor by the SDK", async (t) => {
  const { url, resource, calls } = await scripted(t, [{ status: 429, code: "enforced_spend_limit_reached" }]);
  const response = await aiFetch(resource)(url, ask());
  assert.deepEqual([response.status, response.headers.get("x-should-retry")], [429, "false"]);
  assert.match(await response.text(), /enforced_spend_limit_reached/);
  assert.equal(calls.length, 1);
  // Also where the SDK is left to its own rules.
  const poor = await scripted(t, [{ status: 429, code: "enforced_spend_limit_reached" }]);
  const alone = await aiFetch(poor.resource, { retry: { attempts: 1 } })(poor.url, ask());
  assert.equal(alone.headers.get("x-should-retry"), "false");
  await alone.text();
});

test("a rate limit holds back the model for all who ask for it, not its own call alone, and no other model", async (t) => {
  const { clock, url, resource, calls } = await scripted(t, [
    { status: 429, headers: { "retry-after": "5" } },
  ]);
  const fetchInLane = aiFetch(resource);
  const first = fetchInLane(url, ask());
  await until(() => calls.length === 1 && taken(resource).waiting === 1);
  const second = fetchInLane(url, ask());
  await until(() => taken(resource).waiting === 2);
  await (await fetchInLane(url, ask({ ...QUESTION, model: "claude-haiku-4-5" }))).text();
  await clock.advance(4_900);
  assert.equal(calls.length, 2);
  await clock.advance(200);
  for (const response of await Promise.all([first, second])) {
    assert.equal(response.status, 200);
    await response.text();
  }
  assert.equal(calls.length, 4);
});

test("a connection that is cut before the reply begins is made again; what cannot be reached is told as such", async (t) => {
  const { clock, url, resource, calls } = await scripted(t, [{ cutAfterEvents: 0, reset: true }]);
  const response = await settled(clock, aiFetch(resource)(url, ask()));
  assert.equal(response.status, 200);
  await response.text();
  assert.equal(calls.length, 2);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const gone = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/messages`;
  await new Promise((resolve) => server.close(resolve));
  const refused = await settled(clock, aiFetch(resource)(gone, ask()));
  assert.deepEqual(
    ["laneway-reason", "x-should-retry"].map((name) => refused.headers.get(name)),
    ["unreachable", "false"],
  );
  assert.equal(refused.status, 502);
  assert.match(await refused.text(), /"api_error".*cannot be reached \(ECONNREFUSED\)/);
  await assert.rejects(aiFetch(resource, { retry: { attempts: 1 } })(gone, ask()), {
    name: "TypeError",
    message: "fetch failed",
  });
  assert.deepEqual(taken(resource), NOTHING);
});

test("a body that can be sent only once is sent once", async (t) => {
  const { url, resource, calls } = await scripted(t, [OVERLOADED, undefined]);
  const { body, ...rest } = ask();
  const stream = new Blob([body as string]).stream();
  const response = await aiFetch(resource)(url, { ...rest, body: stream, duplex: "half" });
  assert.deepEqual([response.status, response.headers.get("x-should-retry")], [529, null]);
  assert.equal(calls.length, 1);
  await response.text();
});

test("a key that is refused is set aside, and the call made with another", async (t) => {
  const { resource, standIn, clock } = await scripted(t, []);
  const keys: string[] = [];
  standIn.script(({ header }) => {
    keys.push(header("x-api-key") ?? "");
    return keys.at(-1) === "bad" ? { status: 401 } : undefined;
  });
  const fetchInLane = aiFetch(resource, { keys: ["bad", "good"] });
  for (let call = 0; call < 5; call++) {
    const response = await settled(clock, fetchInLane(`${standIn.url}/v1/messages`, ask()));
    assert.equal(response.status, 200);
    await response.text();
  }
  assert.ok(keys.filter((key) => key === "bad").length <= 1, keys.join());
});

test("out of time before the next try, the caller gets the upstream's own last words", async (t) => {
  const { clock, url, resource, calls } = await scripted(
    t,
    [{ status: 529, headers: { "retry-after": "60" } }],
    { resource: { lanes: [{ name: "chat", timeoutMs: 10_000 }] } },
  );
  const response = await settled(clock, aiFetch(resource)(url, ask()));
  assert.deepEqual([response.status, response.headers.get("x-should-retry")], [529, "false"]);
  assert.match(await response.text(), /overloaded_error/);
  assert.equal(calls.length, 1);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a call that its SDK sends again keeps the credit for the time it has waited", async (t) => {
  const hold = new Hold();
  const order: string[] = [];
  const { clock, url, resource } = await scripted(t, [], {
    resource: { limit: 1, lanes: [{ name: "chat", queue: { timeoutMs: 5_000 } }] },
    standIn: {
      pace: ({ user }) => {
        order.push(user);
        return user === "long" ? hold.pace() : Promise.resolve();
      },
    },
  });
  const fetchInLane = aiFetch(resource);
  const call = async (user: string, headers = {}): Promise<number> => {
    const response = await fetchInLane(url, ask({ ...QUESTION, metadata: { user_id: user } }, headers));
    await response.text();
    return response.status;
  };
  const long = call("long");
  await until(() => hold.held === 1);
  const returning = call("returning");
  await until(() => taken(resource).waiting === 1);
  await clock.advance(3_000);
  const newcomer = call("newcomer");
  await until(() => taken(resource).waiting === 2);
  await clock.advance(2_000);
  assert.equal(await returning, 529);
  const again = call("returning", { "x-stainless-retry-count": "1" });
  await until(() => taken(resource).waiting === 2);
  hold.release();
  assert.deepEqual(await Promise.all([long, again, newcomer]), [200, 200, 200]);
  assert.deepEqual(order, ["long", "returning", "newcomer"]);
});

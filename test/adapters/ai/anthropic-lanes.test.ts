import assert from "node:assert/strict";
import { test } from "node:test";
import { anthropicLanes } from "../../../src/adapters/ai.ts";
import type { AnthropicRequest } from "../../../src/adapters/ai.ts";
import { TestClock } from "../../../src/testing/clock.ts";
import { ask, Hold, NOTHING, provide, QUESTION, taken, until } from "../provided.ts";

/** The request as the SDK hands it over; headers of the SDK's own beside the caller's. */
function request(url: string, headers: Record<string, string> = {}): AnthropicRequest {
  const { method, body, headers: own } = ask(QUESTION, { "x-stainless-timeout": "600", ...headers });
  return {
    url: `${url}/v1/messages`,
    method: method!,
    body: body as string,
    headers: new Headers(own),
    signal: new AbortController().signal,
  };
}

/** The rest of the chain: the SDK's own fetch. */
const next = ({ url, ...init }: AnthropicRequest): Promise<Response> => fetch(url, init as RequestInit);

const CONTEXT = { options: {} };

test("a call goes through its lane, and the lane's header goes no further", async (t) => {
  const { standIn, resource, calls } = await provide(t);
  const lanes: string[] = [];
  resource.onRecord(({ lane }) => lanes.push(lane));
  const middleware = anthropicLanes(resource, { lane: "chat" });
  for (const headers of [{}, { "laneway-lane": "batch" }]) {
    const response = await middleware(request(standIn.url, headers), next, CONTEXT);
    assert.equal(taken(resource).seats, 1);
    assert.equal(((await response.json()) as { type: string }).type, "message");
  }
  assert.deepEqual(lanes, ["chat", "batch"]);
  assert.deepEqual(
    calls.map(({ header }) => header("laneway-lane")),
    [undefined, undefined],
  );
  assert.deepEqual(taken(resource), NOTHING);
});

test("the SDK's call for an access token takes no seat", async (t) => {
  const { standIn, resource } = await provide(t, { resource: { limit: 1 } });
  using _held = await resource.acquire();
  const response = await anthropicLanes(resource)(request(standIn.url), next, {});
  assert.equal(response.status, 200);
  await response.text();
});

test("the SDK's time-out does not run in the queue: it is no deadline here", async (t) => {
  const { standIn, resource } = await provide(t, { resource: { limit: 1 } });
  const held = await resource.acquire();
  const waiting = anthropicLanes(resource)(
    request(standIn.url, { "x-stainless-timeout": "0.001" }),
    next,
    CONTEXT,
  );
  await until(() => taken(resource).waiting === 1);
  // Longer than it says, in real time: a round trip to the upstream.
  for (let round = 0; round < 10; round++) await (await fetch(`${standIn.url}/`)).text();
  held.release();
  assert.equal((await waiting).status, 200);
  await (await waiting).text();
});

test("each try is a call of `next` of its own, and the SDK is told to stop when we have", async (t) => {
  const clock = new TestClock();
  const { standIn, resource, calls } = await provide(t, { resource: { clock } });
  standIn.script(() => ({ status: 529 }));
  const answer = anthropicLanes(resource)(request(standIn.url), next, CONTEXT);
  let response: Response | undefined;
  void answer.then((value) => (response = value));
  while (response === undefined) await clock.advance(10);
  assert.deepEqual(
    [response.status, response.headers.get("x-should-retry"), calls.length],
    [529, "false", 3],
  );
  assert.deepEqual(taken(resource), NOTHING);
});

test("a signal of the SDK ends the wait with its reason, and a connection that fails is told once", async (t) => {
  const { standIn, resource } = await provide(t, { resource: { limit: 1 } });
  const held = await resource.acquire();
  const caller = new AbortController();
  const waiting = anthropicLanes(resource)({ ...request(standIn.url), signal: caller.signal }, next, CONTEXT);
  await until(() => taken(resource).waiting === 1);
  caller.abort(new Error("the user left"));
  await assert.rejects(waiting, { message: "the user left" });
  held.release();
  assert.deepEqual(taken(resource), NOTHING);
});

test("a key of ours is put in, and a refusal keeps its credit until the SDK comes back with the same options", async (t) => {
  const hold = new Hold();
  const order: string[] = [];
  const clock = new TestClock();
  const lanes = [{ name: "chat", queue: { timeoutMs: 5_000 } }];
  const { standIn, resource, calls } = await provide(t, {
    standIn: {
      pace: ({ user }) => {
        order.push(user);
        return user === "long" ? hold.pace() : Promise.resolve();
      },
    },
    resource: { limit: 1, lanes, clock },
  });
  const middleware = anthropicLanes(resource, { keys: ["our-key"] });
  const call = (user: string, options: object, retries = 0): Promise<Response> => {
    const body = JSON.stringify({ ...QUESTION, metadata: { user_id: user } });
    const given = request(standIn.url, { "x-stainless-retry-count": `${retries}` });
    return middleware({ ...given, body }, next, { options });
  };
  const long = call("long", {});
  await until(() => hold.held === 1);
  const options = {};
  const returning = call("returning", options);
  await clock.advance(3_000);
  const newcomer = call("newcomer", {});
  await until(() => taken(resource).waiting === 2);
  await clock.advance(2_000);
  const refused = await returning;
  assert.deepEqual([refused.status, refused.headers.get("laneway-wait-ms")], [529, "5000"]);
  const again = call("returning", options, 1);
  await until(() => taken(resource).waiting === 2);
  hold.release();
  await (await long).text();
  await (await again).text();
  await (await newcomer).text();
  assert.deepEqual(order, ["long", "returning", "newcomer"]);
  assert.ok(calls.every(({ header }) => header("x-api-key") === "our-key"));
});

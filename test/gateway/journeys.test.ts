import assert from "node:assert/strict";
import { test } from "node:test";
import type { Journey } from "../../src/admin/wire.ts";
import type { Gateway } from "../../src/gateway/index.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, claudePolicy, errorBody, messageBody, messageReply } from "./ai-fixture.ts";
import { ask, eventually, gatewayOn, startUpstream, stateOf } from "./fixture.ts";

async function journeysOf({ adminUrl }: Gateway): Promise<Journey[]> {
  return (await ask(`${adminUrl}/api/journeys`)).json().journeys as Journey[];
}

test("a journey tells the tries of a call and what came of each; one that was served at once has none", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { limit: 2 }), {
    clock,
    admin: "127.0.0.1:0",
  });
  const retried = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  answer((await upstream.next()).res, 529, errorBody("overloaded_error"));
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  await clock.advance(9_000);
  answer((await upstream.next()).res, 200, messageReply());
  const served = await retried;
  assert.equal(served.status, 200);
  const atOnce = ask(`${gateway.url}/v1/messages`, { body: messageBody() });
  answer((await upstream.next()).res, 200, messageReply());
  await atOnce;
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 0);
  const [second, first] = await journeysOf(gateway);
  assert.equal(first!.id, served.headers["laneway-request-id"]);
  assert.deepEqual(
    [first!.outcome, first!.tries.map(({ result }) => result), typeof first!.firstByteMs],
    ["finished", ["529", "200"], "number"],
  );
  assert.deepEqual([second!.outcome, second!.tries, typeof second!.firstByteMs], ["finished", [], "number"]);
});

test("a refused request is found by the id that its client was told, with the line of the policy that chose its lane", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `classify: [{ path: /export/**, lane: bulk }]
lanes: [{ name: critical }, { name: bulk, queue: { max: 0 } }]
resources: { http: { upstream: "${upstream.url}", limit: 1 } }`,
    { admin: "127.0.0.1:0" },
  );
  const held = ask(`${gateway.url}/export/1`);
  const arrival = await upstream.next();
  const refused = await ask(`${gateway.url}/export/2`);
  assert.equal(refused.status, 503);
  const [journey] = await journeysOf(gateway);
  assert.equal(journey!.id, refused.headers["laneway-request-id"]);
  assert.deepEqual(
    [journey!.lane, journey!.reason, journey!.ahead],
    ["bulk", "lane-full", { critical: 0, bulk: 1 }],
  );
  assert.match(journey!.rule!, /:1 path \/export\/\*\*$/);
  arrival.res.end();
  await held;
});

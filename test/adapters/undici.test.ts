import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Agent, fetch as undiciFetch, request } from "undici";
import { undiciLanes } from "../../src/adapters/undici.ts";
import { isLanewayError } from "../../src/core/errors.ts";
import { runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { NOTHING, taken, until } from "./provided.ts";
import { upstream } from "./upstream.ts";

function laned(t: TestContext, resource: Resource, options?: Parameters<typeof undiciLanes>[1]): Agent {
  const agent = new Agent();
  t.after(() => agent.destroy());
  return agent.compose(undiciLanes(resource, options)) as Agent;
}

function reports(limit = 1): Resource {
  return new Resource({
    name: "reports",
    limit,
    lanes: [{ name: "high" }, { name: "bulk", queue: { max: 1 } }],
  });
}

test("a call holds its seat until its reply is over, and the next of the highest lane goes then", async (t) => {
  const replies: ServerResponse[] = [];
  const { origin, seen } = await upstream(t, (_request, response) => {
    response.write("rep");
    replies.push(response);
  });
  const resource = reports();
  const dispatcher = laned(t, resource);
  const first = await request(origin, { dispatcher });
  const bulk = request(origin, { dispatcher, headers: { "laneway-lane": "bulk" } });
  const high = runInLane("high", () => request(origin, { dispatcher }));
  await until(() => taken(resource).waiting === 2);
  assert.equal(seen.length, 1);
  const lanes: string[] = [];
  resource.onRecord(({ lane }) => lanes.push(lane));
  for (const reply of [first, high, bulk]) {
    const { body } = await reply;
    replies.shift()!.end("ort");
    assert.equal(await body.text(), "report");
  }
  assert.deepEqual(lanes, ["bulk", "high", "bulk"]);
  assert.deepEqual(
    seen.map(({ headers }) => headers["laneway-lane"]),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(taken(resource), NOTHING);
});

test("headers pass in every form that undici takes", async (t) => {
  const { origin, seen } = await upstream(t, (_request, response) => response.end());
  const dispatcher = laned(t, reports());
  const forms = [
    { "X-One": "1", "x-two": ["2", "3"], "Laneway-Lane": "high" },
    ["X-One", "1", "x-two", "2", "x-two", "3", "laneway-lane", "high"],
    new Map<string, string | string[]>([
      ["X-One", "1"],
      ["x-two", ["2", "3"]],
    ]),
  ];
  for (const headers of forms)
    await (
      await request(origin, { dispatcher, headers: headers as unknown as Record<string, string> })
    ).body.dump();
  for (const { headers } of seen)
    assert.deepEqual([headers["x-one"], headers["x-two"], headers["laneway-lane"]], ["1", "2, 3", undefined]);
  assert.equal(seen.length, 3);
});

test("fetch takes its lane and flow from the context, and its refusal has the error of the lanes as cause", async (t) => {
  const { origin, seen } = await upstream(t, (_request, response) => response.end("here"));
  const resource = reports();
  const records: string[] = [];
  resource.onRecord(({ lane, flow }) => records.push(`${lane} ${flow}`));
  const dispatcher = laned(t, resource);
  const reply = await runInLane({ lane: "high", flow: "one" }, () => undiciFetch(origin, { dispatcher }));
  assert.equal(await reply.text(), "here");
  assert.deepEqual(records, ["high one"]);
  const held = await resource.acquire();
  const inBulk = (): Promise<unknown> => runInLane("bulk", () => undiciFetch(origin, { dispatcher }));
  const waiting = inBulk();
  await until(() => taken(resource).waiting === 1);
  await assert.rejects(inBulk(), ({ cause }: Error) => isLanewayError(cause) && cause.reason === "lane-full");
  held.release();
  await ((await waiting) as Response).text();
  assert.equal(seen.length, 2);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a caller that leaves the queue is forgotten, and one that leaves its reply gives the seat back", async (t) => {
  const { origin, seen } = await upstream(t, (_request, response) => void response.write("part"));
  const resource = reports();
  const dispatcher = laned(t, resource);
  const first = await request(origin, { dispatcher });
  const caller = new AbortController();
  const waiting = request(origin, { dispatcher, signal: caller.signal });
  await until(() => taken(resource).waiting === 1);
  caller.abort(new Error("left"));
  await assert.rejects(waiting, { message: "left" });
  assert.deepEqual([seen.length, taken(resource).waiting], [1, 0]);
  first.body.on("error", () => {}).destroy();
  await until(() => taken(resource).seats === 0);
});

test("a connection that fails gives its seat back, and so does a request that undici refuses", async (t) => {
  const { origin } = await upstream(t, ({ socket }) => socket.destroy());
  const resource = reports();
  const dispatcher = laned(t, resource);
  await assert.rejects(request(origin, { dispatcher }));
  await assert.rejects(request(origin, { dispatcher, headers: { "bad header": "x" } }));
  assert.deepEqual(taken(resource), NOTHING);
});

test("a wrong option is refused by name", () => {
  assert.throws(() => undiciLanes(undefined as never), /undiciLanes: expected a Resource/);
  assert.throws(
    () => undiciLanes(reports(), { lanes: "x" } as object),
    /expected an option out of lane, flow, retry, forwardTo/,
  );
  assert.throws(() => undiciLanes(reports(), { retry: { attempts: 0 } }), /undiciLanes: retry\.attempts/);
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { Agent, interceptors, request as undiciRequest } from "undici";
import { lanedFetch } from "../../src/adapters/fetch.ts";
import { undiciLanes } from "../../src/adapters/undici.ts";
import { isLanewayError } from "../../src/core/errors.ts";
import { runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { NOTHING, taken } from "./provided.ts";
import { toldTo, upstream } from "./upstream.ts";

type Send = (
  url: string,
  headers?: Record<string, string>,
  method?: string,
) => Promise<{ status: number; text: string }>;
type Make = (t: TestContext, resource: Resource, forwardTo?: readonly string[]) => Send;

const byFetch: Make = (_t, resource, forwardTo) => {
  const send = lanedFetch(resource, forwardTo === undefined ? {} : { forwardTo });
  return async (url, headers = {}, method = "GET") => {
    const reply = await send(url, { headers, method });
    return { status: reply.status, text: await reply.text() };
  };
};

const byUndici: Make = (t, resource, forwardTo) => {
  const agent = new Agent();
  t.after(() => agent.destroy());
  const dispatcher = agent.compose(
    undiciLanes(resource, forwardTo === undefined ? {} : { forwardTo }),
    interceptors.redirect({ maxRedirections: 5 }),
  );
  return async (url, headers = {}, method = "GET") => {
    const { statusCode, body } = await undiciRequest(url, { dispatcher, headers, method: method as "GET" });
    return { status: statusCode, text: await body.text() };
  };
};

function billing(): Resource {
  return new Resource({
    name: "billing",
    limit: 2,
    lanes: [{ name: "high" }, { name: "normal" }, { name: "bulk" }],
  });
}

for (const [name, make] of [
  ["fetch", byFetch],
  ["undici", byUndici],
] as const) {
  describe(`calls by ${name}`, () => {
    test("tell lane and remaining time to the origins that may know, and to no other", async (t) => {
      const friend = await upstream(t, (_request, response) => response.end());
      const stranger = await upstream(t, (_request, response) => response.end());
      const send = make(t, billing(), [`${friend.origin}/`]);
      const deadline = performance.now() + 5_000;
      await runInLane({ lane: "bulk", deadline }, async () => {
        await send(`${friend.origin}/a`, { baggage: "tenant=7" });
        await send(`${stranger.origin}/a`, { baggage: "tenant=7" });
      });
      const [lane, left, baggage] = toldTo(friend.seen[0]!);
      assert.equal(lane, "bulk");
      assert.ok(Number(left) > 0 && Number(left) <= 5_000, left);
      assert.equal(baggage, `tenant=7,laneway.lane=bulk,laneway.deadline-ms=${left}`);
      assert.deepEqual(toldTo(stranger.seen[0]!), [undefined, undefined, "tenant=7"]);
    });

    test("say nothing where nothing surrounds them, and pass no claim on that their own caller made", async (t) => {
      const friend = await upstream(t, (_request, response) => response.end());
      const stranger = await upstream(t, (_request, response) => response.end());
      const forged = {
        "x-laneway-lane": "high",
        "x-laneway-deadline-ms": "9",
        baggage: "laneway.lane=high,a=1",
      };
      const send = make(t, billing(), [friend.origin]);
      for (const { origin } of [friend, stranger]) await send(origin, forged);
      for (const { seen } of [friend, stranger])
        assert.deepEqual(toldTo(seen[0]!), [undefined, undefined, "a=1"]);
      await runInLane("bulk", () => send(friend.origin, forged));
      assert.equal(toldTo(friend.seen[1]!)[0], "bulk");
    });

    test("tell each hop of a redirect only what it may know", async (t) => {
      const stranger = await upstream(t, (_request, response) => response.end("there"));
      const friend = await upstream(t, (request, response) => {
        const location = request.url === "/a" ? "/b" : `${stranger.origin}/c`;
        response.writeHead(302, { location }).end();
      });
      const send = make(t, billing(), [friend.origin]);
      const reply = await runInLane("bulk", () =>
        send(`${friend.origin}/a`, { authorization: "Bearer ours" }),
      );
      assert.deepEqual(reply, { status: 200, text: "there" });
      assert.deepEqual(
        friend.seen.map((request) => [request.url, toldTo(request)[0], request.headers.authorization]),
        [
          ["/a", "bulk", "Bearer ours"],
          ["/b", "bulk", "Bearer ours"],
        ],
      );
      assert.deepEqual(toldTo(stranger.seen[0]!), [undefined, undefined, undefined]);
      assert.equal(stranger.seen[0]!.headers.authorization, undefined);
    });

    test("take the origins of the policy that their resource belongs to, also after a reload", async (t) => {
      const friend = await upstream(t, (_request, response) => response.end());
      const policy = (forwardTo: string): string =>
        `trust: { forwardTo: [${forwardTo}] }\nresources: { billing: { limit: 2 } }`;
      const laneway = new Laneway(await parsePolicy(policy("")));
      const send = make(t, laneway.resource("billing"));
      await runInLane("bulk", () => send(friend.origin));
      laneway.update(await parsePolicy(policy(`"${friend.origin}"`)));
      await runInLane("bulk", () => send(friend.origin));
      assert.deepEqual(
        friend.seen.map((request) => toldTo(request)[0]),
        [undefined, "bulk"],
      );
    });

    test("are refused before they are sent while the next service refuses their lane, or one above it", async (t) => {
      const friend = await upstream(t, (request, response) => {
        const busy = request.headers["x-laneway-lane"] === "normal";
        response.writeHead(busy ? 503 : 200, busy ? { "retry-after": "30" } : {}).end();
      });
      const resource = billing();
      const send = make(t, resource, [friend.origin]);
      const inLane = (lane: string): Promise<{ status: number }> =>
        runInLane(lane, () => send(friend.origin));
      assert.equal((await inLane("bulk")).status, 200);
      assert.equal((await inLane("normal")).status, 503);
      for (const lane of ["normal", "bulk"])
        await assert.rejects(inLane(lane), (error: Error) => {
          const refusal = isLanewayError(error) ? error : error.cause;
          assert.ok(isLanewayError(refusal));
          assert.deepEqual(
            [refusal.code, refusal.reason, refusal.lane, refusal.resource],
            ["LANEWAY_REJECTED", "next-service", lane, "billing"],
          );
          return refusal.retryAfterMs! > 20_000 && refusal.retryAfterMs! <= 30_000;
        });
      assert.equal((await inLane("high")).status, 200);
      assert.equal(friend.seen.length, 3);
      assert.deepEqual(taken(resource), NOTHING);
    });

    test("that are refused for the next service's sake are counted and explained by their own resource", async (t) => {
      const friend = await upstream(t, (_request, response) =>
        response.writeHead(503, { "retry-after": "30" }).end(),
      );
      const resource = billing();
      const send = make(t, resource);
      const records: unknown[] = [];
      resource.onRecord(({ lane, flow, outcome, reason }) => records.push([lane, flow, outcome, reason]));
      await send(friend.origin, { "laneway-lane": "high" });
      await assert.rejects(send(friend.origin, { "laneway-lane": "bulk", "laneway-flow": "nightly" }));
      assert.deepEqual(
        resource.snapshot().lanes.map(({ admitted, rejected, reasons }) => [admitted, rejected, reasons]),
        [
          [1, 0, {}],
          [0, 0, {}],
          [0, 1, { "next-service": 1 }],
        ],
      );
      assert.deepEqual(records, [
        ["high", "", "failed", undefined],
        ["bulk", "nightly", "rejected", "next-service"],
      ]);
      assert.deepEqual([friend.seen.length, taken(resource)], [1, NOTHING]);
    });

    test("go on in shadow mode, and what would have been refused is counted", async (t) => {
      const friend = await upstream(t, (_request, response) =>
        response.writeHead(503, { "retry-after": "30" }).end(),
      );
      const resource = new Resource({ name: "billing", limit: 2, lanes: [{ name: "bulk" }], enforce: false });
      const send = make(t, resource);
      for (let count = 0; count < 3; count++) assert.equal((await send(friend.origin)).status, 503);
      assert.deepEqual(
        [friend.seen.length, resource.snapshot().lanes[0]!.reasons, taken(resource)],
        [3, { "next-service": 2 }, NOTHING],
      );
    });

    test("go on when most of what their lane sent was served, and when a refusal names no time", async (t) => {
      let refuse: Record<string, string> | undefined;
      const friend = await upstream(t, (_request, response) =>
        response.writeHead(refuse === undefined ? 200 : 429, refuse ?? {}).end(),
      );
      const send = make(t, billing());
      refuse = {};
      for (let count = 0; count < 3; count++) assert.equal((await send(friend.origin)).status, 429);
      refuse = undefined;
      for (let count = 0; count < 3; count++) await send(friend.origin);
      refuse = { "retry-after": "30" };
      for (let count = 0; count < 2; count++) assert.equal((await send(friend.origin)).status, 429);
    });

    test("count a refusal as failed, which a limit takes for congestion, and a caller's own mistake not", async (t) => {
      const friend = await upstream(t, (request, response) =>
        response.writeHead(Number(request.url!.slice(1)), { "retry-after": "0" }).end(),
      );
      const resource = billing();
      const send = make(t, resource);
      for (const status of [404, 503, 200, 429])
        await send(`${friend.origin}/${status}`, { "laneway-lane": "high" });
      const { finished, failed } = resource.snapshot().lanes[0]!;
      assert.deepEqual({ finished, failed }, { finished: 2, failed: 2 });
    });

    test("refuse a destination that is no origin", (t) => {
      assert.throws(
        () => make(t, billing(), ["http://billing.internal/api"]),
        /forwardTo: expected a list of origins/,
      );
    });
  });
}

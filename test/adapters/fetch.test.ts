import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { lanedFetch } from "../../src/adapters/fetch.ts";
import { isLanewayError } from "../../src/core/errors.ts";
import type { ResourceOptions } from "../../src/core/options.ts";
import { runInLane } from "../../src/node/context.ts";
import { Resource } from "../../src/node/resource.ts";
import { NOTHING, taken, until } from "./provided.ts";

async function serve(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
  options: Partial<ResourceOptions> = {},
): Promise<{ readonly url: string; readonly resource: Resource; readonly seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response, seen.length);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const lanes = [{ name: "high" }, { name: "bulk" }];
  return { url, resource: new Resource({ name: "reports", limit: 1, lanes, ...options }), seen };
}

test("a call holds its seat until its body ends, and the next in its lane goes then", async (t) => {
  const { url, resource, seen } = await serve(t, (_request, response) => response.end("report"));
  const fetchReports = lanedFetch(resource);
  const first = await fetchReports(url);
  const second = fetchReports(url, { headers: { "laneway-lane": "bulk" } });
  const third = fetchReports(url, { headers: { "laneway-lane": "high" } });
  await until(() => taken(resource).waiting === 2);
  assert.deepEqual([first.status, first.url, seen.length], [200, url, 1]);
  assert.equal(await first.text(), "report");
  await (await third).text();
  assert.equal(seen.length, 2);
  await (await second).text();
  assert.deepEqual(
    seen.map(({ headers }) => headers["laneway-lane"]),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(taken(resource), NOTHING);
});

test("the lane of the context is taken, and the option goes before it", async (t) => {
  const { url, resource } = await serve(t, (_request, response) => response.end());
  const lanes: string[] = [];
  resource.onRecord(({ lane, flow }) => lanes.push(`${lane} ${flow}`));
  await runInLane({ lane: "high", flow: "one" }, async () => (await lanedFetch(resource)(url)).text());
  await runInLane("high", async () =>
    (await lanedFetch(resource, { lane: "bulk", flow: "two" })(url)).text(),
  );
  assert.deepEqual(lanes, ["high one", "bulk two"]);
});

test("a refusal rejects with the error of the lanes, and a caller that leaves the queue with its own reason", async (t) => {
  const lanes = [{ name: "high", queue: { max: 1 } }];
  const { url, resource, seen } = await serve(t, (_request, response) => response.end(), { lanes });
  using _held = await resource.acquire();
  const fetchReports = lanedFetch(resource);
  const caller = new AbortController();
  const waiting = fetchReports(url, { signal: caller.signal });
  await until(() => taken(resource).waiting === 1);
  await assert.rejects(fetchReports(url), (error) => isLanewayError(error) && error.reason === "lane-full");
  caller.abort(new Error("left"));
  await assert.rejects(waiting, { message: "left" });
  assert.equal(seen.length, 0);
});

test("nothing is retried unless asked for; then idempotent methods are, and the last reply is untouched", async (t) => {
  const { url, resource, seen } = await serve(t, (_request, response) => {
    response.writeHead(503, { "retry-after-ms": "0" });
    response.end("down");
  });
  const plain = await lanedFetch(resource)(url);
  assert.deepEqual([plain.status, await plain.text(), seen.length], [503, "down", 1]);
  const retried = lanedFetch(resource, { retry: { attempts: 2 } });
  const got = await retried(url);
  assert.deepEqual(
    [got.status, got.headers.get("x-should-retry"), await got.text(), seen.length],
    [503, null, "down", 3],
  );
  const posted = await retried(url, { method: "POST", body: "once" });
  assert.deepEqual([posted.status, seen.length], [503, 4]);
  await posted.text();
  assert.deepEqual(taken(resource), NOTHING);
});

test("a connection that fails rejects as fetch does, retried or not", async (t) => {
  const { url, resource, seen } = await serve(t, (request) => request.socket.destroy());
  for (const attempts of [1, 2])
    await assert.rejects(lanedFetch(resource, { retry: { attempts } })(url), {
      name: "TypeError",
      message: "fetch failed",
    });
  assert.equal(seen.length, 3);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a rate budget of the resource holds its calls back", async (t) => {
  const budgets = { requests: 1 };
  const { url, resource, seen } = await serve(t, (_request, response) => response.end(), {
    budgets,
    limit: 5,
  });
  const fetchReports = lanedFetch(resource);
  await (await fetchReports(url)).text();
  const caller = new AbortController();
  const waiting = fetchReports(url, { signal: caller.signal });
  await until(() => taken(resource).waiting === 1);
  assert.deepEqual([taken(resource).seats, seen.length], [0, 1]);
  caller.abort(new Error("a minute is too long"));
  await assert.rejects(waiting, { message: "a minute is too long" });
});

test("a wrong option is refused by name", async (t) => {
  const { resource } = await serve(t, (_request, response) => response.end());
  assert.throws(() => lanedFetch(undefined as never), /lanedFetch: expected a Resource/);
  assert.throws(
    () => lanedFetch(resource, { keys: [] } as object),
    /expected an option out of lane, flow, retry, forwardTo, fetch/,
  );
  assert.throws(() => lanedFetch(resource, { retry: { attempts: 99 } }), /lanedFetch: retry\.attempts/);
});

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { httpLanes } from "../../src/adapters/http.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { defaultPolicy, parsePolicy, withResource, seatsAtStart } from "../../src/policy/policy.ts";
import { begin, fetchText, listen, snapshotOf, until } from "../conformance/client.ts";

const LEARNED = { adaptive: true, min: 2, max: 1_000, start: 20 };

test("one line protects a service: without any policy its requests have a limit that is learned", async (t) => {
  const replies: ServerResponse[] = [];
  const laneway = new Laneway(defaultPolicy());
  const url = await listen(t, createServer(httpLanes(laneway, (_req, res) => void replies.push(res))));
  // Of the twenty seats four are kept for the critical lane, whoever comes.
  const sent = Array.from({ length: 25 }, () => begin(url).on("error", () => {}));
  await until(() => replies.length === 16 && snapshotOf(laneway).waiting === 9);
  assert.deepEqual(laneway.policy.resources["http"]?.limit, LEARNED);
  // A seat that is free goes to the most important of those that wait.
  const first = fetchText(url);
  await until(() => snapshotOf(laneway).waiting === 10);
  for (const request of sent) request.destroy();
  await until(() => replies.length === 17);
  replies.at(-1)!.end("served");
  assert.equal((await first).body, "served");
  await until(() => snapshotOf(laneway).seatsInUse === 0);
});

test("an empty file means the same, and so does a resource http that gives no limit", async () => {
  for (const text of [
    "",
    "resources: {}",
    "resources: { http: {} }",
    "lanes: [{ name: pay, reservation: 2 }]",
  ]) {
    const { resources } = new Laneway(await parsePolicy(text)).policy;
    assert.deepEqual([Object.keys(resources), resources["http"]?.limit], [["http"], LEARNED], text);
  }
  const made = withResource(defaultPolicy(), { name: "http" });
  assert.deepEqual(made.resources["http"]?.limit, LEARNED);
});

test("what is not the program's own requests has no limit that nobody gave", async () => {
  await assert.rejects(
    parsePolicy("resources: { main-db: {} }"),
    /resources.main-db: the field "limit" is missing/,
  );
  const { resources } = await parsePolicy('resources: { http: { upstream: "http://127.0.0.1:3000" } }');
  assert.equal(resources["http"]?.limit, 100);
  const named = new Laneway(await parsePolicy("resources: { main-db: { limit: 5 } }"));
  assert.deepEqual([...named.resources.keys()], ["main-db"]);
});

test("a reload takes the limit away and gives it back, and drops nobody", async () => {
  const laneway = new Laneway(defaultPolicy());
  const before = laneway.resource("http");
  const permit = before.tryAcquire()!;
  laneway.update(await parsePolicy("resources: { http: { limit: 1 } }"));
  assert.equal(laneway.resource("http"), before);
  const waiting = before.acquire();
  assert.equal(before.snapshot().waiting, 1);
  laneway.update(await parsePolicy(""));
  assert.equal(laneway.resource("http"), before);
  (await waiting).release();
  permit.release();
  assert.equal(before.snapshot().seatsInUse, 0);
});

test("reservations that the program's own requests could never have are reported where the lanes stand", async () => {
  await assert.rejects(
    parsePolicy("lanes:\n  - { name: a, reservation: 2000 }\n  - { name: b }\n"),
    /:2:3: resources\.http: expected reservations of at most its limit, 1000 seats, found a 2000 = 2000/,
  );
});

test("a limit that is learned begins above the floors of its lanes, as the running resource does", async () => {
  const policy = await parsePolicy(
    "lanes: [{ name: a, reservation: 30, lendable: 0 }, { name: b }]\nresources: { http: { limit: adaptive } }",
  );
  assert.equal(seatsAtStart(policy.resources["http"]!), 31);
  assert.equal(new Laneway(policy).resource("http").snapshot().limit, 31);
});

import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parsePolicy } from "../../src/policy/policy.ts";
import { ask, gatewayOn, startUpstream } from "./fixture.ts";

const RULES = `
classify:
  - { path: /export/**, lane: bulk }
  - { path: /stranger/**, lane: normal, resource: stranger }
lanes: [{ name: high, timeout: 20s }, { name: normal, timeout: 10s }, { name: bulk, timeout: 60s }]
`;

/** What an upstream was told: lane, remaining time, baggage. */
function toldIn(headers: IncomingHttpHeaders): (string | undefined)[] {
  return ["x-laneway-lane", "x-laneway-deadline-ms", "baggage"].map((name) => headers[name]?.toString());
}

/** An upstream that serves everything, and what it was sent. */
async function serving(
  t: TestContext,
  statuses: number[] = [],
): Promise<{ url: string; sent: IncomingHttpHeaders[] }> {
  const sent: IncomingHttpHeaders[] = [];
  const { url } = await startUpstream(t, (req, res) => {
    sent.push(req.headers);
    res.writeHead(statuses.shift() ?? 200).end();
  });
  return { url, sent };
}

const resources = (friend: string, stranger: string, more = ""): string =>
  `resources: { http: { upstream: "${friend}"${more} }, stranger: { upstream: "${stranger}", retry: { attempts: 2, plainHttp: true } } }`;

test("an upstream in forwardTo is told the lane that the policy chose and the time that is left, no other is", async (t) => {
  const friend = await serving(t);
  const stranger = await serving(t);
  const trust = `trust: { forwardTo: ["${friend.url}"] }\n`;
  const { url } = await gatewayOn(t, RULES + trust + resources(`${friend.url}/base`, stranger.url));
  await ask(`${url}/export/all`, { headers: { baggage: "tenant=7" } });
  await ask(`${url}/stranger/all`, { headers: { baggage: "tenant=7" } });
  const [lane, left, baggage] = toldIn(friend.sent[0]!);
  assert.equal(lane, "bulk");
  assert.ok(Number(left) > 50_000 && Number(left) <= 60_000, left);
  assert.equal(baggage, `tenant=7, laneway.lane=bulk,laneway.deadline-ms=${left}`);
  assert.deepEqual(toldIn(stranger.sent[0]!), [undefined, undefined, "tenant=7"]);
});

test("what a client claims is not passed on: the upstream is told what the policy made of it", async (t) => {
  const friend = await serving(t);
  const stranger = await serving(t);
  const trust = `trust: { forwardTo: ["${friend.url}"] }\n`;
  const { url } = await gatewayOn(t, RULES + trust + resources(friend.url, stranger.url));
  const forged = {
    "x-laneway-lane": "high",
    baggage: "laneway.lane=high,laneway.deadline-ms=999999",
    connection: "x-laneway-lane",
  };
  for (const path of ["/any", "/stranger/any"]) await ask(url + path, { headers: forged });
  const [lane, left, baggage] = toldIn(friend.sent[0]!);
  assert.deepEqual([lane, baggage], ["normal", `laneway.lane=normal,laneway.deadline-ms=${left}`]);
  assert.deepEqual(toldIn(stranger.sent[0]!), [undefined, undefined, undefined]);
  await ask(`${url}/any`, { headers: { "x-laneway-lane": "bulk" } });
  assert.equal(toldIn(friend.sent[1]!)[0], "bulk");
});

test("the time that is told is never more than the one that sent the request has left", async (t) => {
  const friend = await serving(t);
  const trust = `trust: { forwardTo: ["${friend.url}"] }\n`;
  const { url } = await gatewayOn(t, RULES + trust + resources(friend.url, friend.url));
  const leftOf = async (sent: string): Promise<number> => {
    await ask(`${url}/any`, { headers: { "x-laneway-deadline-ms": sent } });
    return Number(toldIn(friend.sent.at(-1)!)[1]);
  };
  const short = await leftOf("3000");
  assert.ok(short > 0 && short <= 3_000, `${short}`);
  for (const more of ["90000", "-1", "soon", ""]) {
    const left = await leftOf(more);
    assert.ok(left > 3_000 && left <= 10_000, `${more}: ${left}`);
  }
});

test("each try and the upstream of a fallback are told anew, by what each of them may know", async (t) => {
  const friend = await serving(t, [503, 503]);
  const stranger = await serving(t);
  const trust = `trust: { forwardTo: ["${friend.url}"] }\n`;
  const retry = ", retry: { attempts: 2, plainHttp: true }, fallback: { resource: stranger }";
  const { url } = await gatewayOn(t, RULES + trust + resources(friend.url, stranger.url, retry));
  const reply = await ask(`${url}/export/all`);
  assert.deepEqual([reply.status, friend.sent.length, stranger.sent.length], [200, 2, 1]);
  const told = friend.sent.map(toldIn);
  assert.deepEqual(
    told.map(([lane]) => lane),
    ["bulk", "bulk"],
  );
  assert.ok(Number(told[1]![1]) <= Number(told[0]![1]));
  assert.deepEqual(toldIn(stranger.sent[0]!), [undefined, undefined, undefined]);
});

test("a reload decides for the next request who is told", async (t) => {
  const friend = await serving(t);
  const policy = (trust: string): string => `${trust}resources: { http: { upstream: "${friend.url}" } }`;
  const { url, laneway } = await gatewayOn(t, policy(""));
  await ask(url);
  laneway.update(await parsePolicy(policy(`trust: { forwardTo: ["${friend.url}"] }\n`)));
  await ask(url);
  assert.deepEqual(toldIn(friend.sent[0]!), [undefined, undefined, undefined]);
  assert.equal(toldIn(friend.sent[1]!)[0], "normal");
});

test("in shadow mode no time-out of this policy is told, for none is held", async (t) => {
  const friend = await serving(t);
  const trust = `enforce: false\ntrust: { forwardTo: ["${friend.url}"] }\n`;
  const { url } = await gatewayOn(t, RULES + trust + resources(friend.url, friend.url));
  await ask(`${url}/any`);
  await ask(`${url}/any`, { headers: { "x-laneway-deadline-ms": "5000" } });
  const [told, limited] = friend.sent.map(toldIn);
  assert.deepEqual(told, ["normal", undefined, "laneway.lane=normal"]);
  assert.ok(Number(limited![1]) <= 5_000, limited![1]);
});

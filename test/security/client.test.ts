/** What a hostile client tries against a gateway; SECURITY.md says what comes of it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { brotliCompressSync, constants, gunzipSync, gzipSync } from "node:zlib";
import { asking } from "../policy/request.ts";
import { valueMatcher } from "../../src/policy/pattern.ts";
import { ask, eventually, gatewayOn, settled, startUpstream, stateOf, Wire } from "../gateway/fixture.ts";
import { TestClock } from "../../src/testing/clock.ts";

const KEY = "sk-ours-and-nobody-elses";

test("one connection has at most a hundred requests without their answer; with more it is cut, and all is given back", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}", limit: 1000 } }`);
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  // Whether a cut is seen as an end or as a reset depends on what was under way.
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const many = (count: number): string => "GET /x HTTP/1.1\r\nhost: a\r\n\r\n".repeat(count);
  socket.write(many(100));
  await eventually(() => stateOf(gateway).seatsInUse === 100);
  assert.equal(socket.destroyed, false);
  socket.write(many(50_000));
  await closed;
  await eventually(() => stateOf(gateway).seatsInUse === 0 && stateOf(gateway).waiting === 0);
  assert.equal(stateOf(gateway).lane.admitted, 100);
});

test("a connection may send any number of requests ahead, as long as they are answered", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end("fine"));
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const wire = new Wire(gateway.url);
  for (let round = 1; round <= 30; round++) {
    wire.send("GET /x HTTP/1.1\r\nhost: a\r\n\r\n".repeat(10));
    await eventually(() => wire.received.split("fine").length > 10 * round);
  }
  assert.equal(wire.socket.destroyed, false);
  wire.socket.destroy();
});

test("no spelling of a header that is ours to set passes, for some servers take x_a for x-a", async (t) => {
  const upstream = await startUpstream(t, (req, res) => res.end(JSON.stringify(req.headers)));
  const policy = `{ trust: { header: x-my-claim }, resources: { a: { provider: anthropic, upstream: "${upstream.url}", keys: [${KEY}] } } }`;
  const gateway = await gatewayOn(t, policy);
  const forged = [
    ...["x_laneway_lane", "X-Laneway_Lane", "x_laneway_deadline_ms", "x_laneway-deadline-ms", "laneway_lane"],
    ...["Laneway_Anything", "x_my_claim", "X-My_Claim", "x_api_key", "X_Api-Key", "proxy_authorization"],
    ...["keep_alive", "transfer_encoding"],
  ];
  const headers = Object.fromEntries(forged.map((name) => [name, "critical"]));
  const reply = await ask(`${gateway.url}/v1/messages`, { headers: { ...headers, x_tenant: "7" } });
  const seen = reply.json() as Record<string, string>;
  assert.deepEqual(
    Object.keys(seen).filter((name) => name.includes("_")),
    ["x_tenant"],
  );
  assert.equal(Object.values(seen).includes("critical"), false);
});

test("a reply that shows our key is never asked for in a form in which the key could not be seen", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    const echo = JSON.stringify(req.headers);
    if (req.headers["accept-encoding"] === undefined) return res.end(echo);
    return res.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(echo));
  });
  const policy = `resources: { a: { provider: anthropic, upstream: "${upstream.url}", keys: [${KEY}] } }`;
  const gateway = await gatewayOn(t, policy);
  for (const path of ["/v1/messages", "/v1/files/f/content", "/v1/messages/batches/b/results", "/elsewhere"])
    for (const asks of ["accept-encoding", "Accept-Encoding", "accept_encoding"]) {
      const reply = await ask(gateway.url + path, {
        headers: { [asks]: "gzip, br", "anthropic-version": "1" },
      });
      const plain = reply.headers["content-encoding"] === "gzip" ? gunzipSync(reply.body) : reply.body;
      assert.equal(plain.includes(KEY), false, `${path} ${asks}`);
      assert.ok(plain.includes("*".repeat(KEY.length)), `${path} ${asks}: ${plain.toString()}`);
    }
});

test("no address in a request leads anywhere but to the policy's upstream", async (t) => {
  const upstream = await startUpstream(t, (req, res) => res.end(req.url));
  const elsewhere = await startUpstream(t, (_req, res) => res.end("elsewhere"));
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}/base" } }`);
  const { host } = new URL(elsewhere.url);
  for (const target of [
    `http://${host}/a`,
    `//${host}/a`,
    `/\\${host}/a`,
    `/../../a`,
    `/%2e%2e/a`,
    `/@${host}`,
    `/a?url=http://${host}`,
    `http://user@${host}/a`,
  ]) {
    const wire = new Wire(gateway.url);
    wire.send(
      `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nx-forwarded-host: ${host}\r\nconnection: close\r\n\r\n`,
    );
    const answer = await wire.untilClosed();
    // As it was sent, behind the base path: to resolve it is the upstream's business, in its own way.
    assert.match(answer, /^HTTP\/1\.1 (?:200 [^]*\/base\/|400 )/, target);
  }
  for (const refused of [`@${host}/`, `${host}/`, `ftp://${host}/a`]) {
    const wire = new Wire(gateway.url);
    wire.send(`GET ${refused} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    assert.match(await wire.untilClosed(), /^HTTP\/1\.1 400 /, refused);
  }
  assert.equal(elsewhere.seen, 0);
});

test("nothing is unpacked: a body that would be a thousand times as long passes as it is, and its model counts as none", async (t) => {
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(
    t,
    `{ classify: [{ model: x, lane: critical }], resources: { a: { provider: openai, upstream: "${upstream.url}" } } }`,
  );
  const text = Buffer.concat([
    Buffer.from('{"model":"x","messages":"'),
    Buffer.alloc(32_000_000, "a"),
    Buffer.from('"}'),
  ]);
  const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  const bomb = brotliCompressSync(text, fast);
  assert.ok(bomb.length * 1_000 < text.length);
  const headers = { "content-type": "application/json", "content-encoding": "br" };
  const asked = ask(`${gateway.url}/v1/chat/completions`, { body: bomb, headers });
  const { req, res } = await upstream.next();
  const sent: Buffer[] = [];
  for await (const chunk of req) sent.push(chunk as Buffer);
  assert.ok(Buffer.concat(sent).equals(bomb));
  res.end("{}");
  assert.equal((await asked).headers["laneway-lane"], "normal");
});

test("patterns of models and headers end soon on values made to confuse them", () => {
  // Tried in every way, forty stars on as many letters would take longer than there is time.
  assert.equal(valueMatcher(`${"a*".repeat(40)}b`)("a".repeat(32_000)), false);
  assert.equal(valueMatcher(`*${"a*".repeat(40)}`)("a".repeat(32_000)), true);
});

test("names in a body or a header that every object has mean nothing", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end("{}"));
  const gateway = await gatewayOn(
    t,
    `{ classify: [{ model: polluted, lane: critical }], trust: { callers: [{ key: a-key-of-theirs, upTo: critical }] },
       resources: { a: { provider: openai, upstream: "${upstream.url}" } } }`,
  );
  const bodies = ['{"__proto__":{"model":"polluted"}}', '{"constructor":{"prototype":{"model":"polluted"}}}'];
  for (const body of bodies) {
    const reply = await ask(`${gateway.url}/v1/chat/completions`, { body });
    assert.deepEqual([reply.status, reply.headers["laneway-lane"]], [200, "normal"]);
  }
  for (const claim of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const headers = { "x-priority": claim, "x-laneway-lane": claim, "x-api-key": claim };
    assert.equal((await ask(`${gateway.url}/v1/models`, { headers })).headers["laneway-lane"], "normal");
  }
  assert.equal(({} as { readonly model?: string }).model, undefined);
});

test("a large upload that drips holds its seat until its lane's time-out, and no longer", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const policy = `{ lanes: [{ name: normal, timeout: 30s }], resources: { http: { upstream: "${upstream.url}", limit: 1 } } }`;
  const gateway = await gatewayOn(t, policy, { clock });
  const wire = new Wire(gateway.url);
  wire.send("POST /large HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nx");
  const arrival = await upstream.next();
  await clock.advance(29_000);
  wire.send("x");
  await once(arrival.req, "data");
  assert.equal(stateOf(gateway).seatsInUse, 1);
  await clock.advance(1_001);
  await wire.until("HTTP/1.1 504 ");
  await arrival.cutOff;
  await eventually(() => stateOf(gateway).seatsInUse === 0);
  wire.socket.destroy();
});

test("a flow is what the policy says: an address, whatever a client claims, but a header where it names one", async () => {
  for (const [policy, flows] of [
    ["", 1],
    ["flow: { header: x-tenant }", 2],
  ] as const) {
    const classify = await asking(policy);
    const seen = ["a", "b"].map(
      (tenant) =>
        classify("/", {
          remoteAddress: "192.0.2.7",
          headers: { "x-tenant": tenant, "x-forwarded-for": tenant },
        }).flow,
    );
    assert.equal(new Set(seen).size, flows, policy);
  }
});

test("a rule goes by what the client chooses, and a claim by who it is", async () => {
  const classify = await asking(`
classify:
  - { host: payments.internal, lane: critical }
  - { header: { x-kind: urgent }, lane: critical }
trust: { callers: [{ key: a-key-of-the-chat-team, upTo: critical }] }
`);
  const lane = (headers: Readonly<Record<string, string>>, host = "a"): string =>
    classify("/", { headers, host }).lane;
  assert.equal(lane({}, "payments.internal"), "critical");
  assert.equal(lane({ "x-kind": "urgent" }), "critical");
  assert.equal(lane({ "x-priority": "critical" }), "normal");
  assert.equal(lane({ "x-priority": "critical", "x-api-key": "a-key-of-the-chat-team" }), "critical");
});

test("a path in another case is another path, and a rule for GET is none for HEAD", async () => {
  const classify = await asking("classify: [{ path: /export/**, method: GET, lane: bulk }]");
  assert.equal(classify("/export/all").lane, "bulk");
  assert.equal(classify("/Export/all").lane, "normal");
  assert.equal(classify("/export/all", { method: "HEAD" }).lane, "normal");
});

test("however many headers come, rules have all that the upstream sees", async (t) => {
  let seen = 0;
  const upstream = await startUpstream(t, (req, res) => {
    if (req.rawHeaders.includes("x-kind")) seen++;
    res.end("fine");
  });
  const rule = "classify: [{ header: { x-kind: export }, lane: bulk }]";
  const gateway = await gatewayOn(t, `{ ${rule}, resources: { http: { upstream: "${upstream.url}" } } }`);
  for (const count of [0, 500, 990, 1_500, 2_000, 2_030, 2_100, 5_000]) {
    const wire = new Wire(gateway.url);
    wire.send(
      `GET / HTTP/1.1\r\nhost: a\r\n${"a:1\r\n".repeat(count)}x-kind: export\r\nconnection: close\r\n\r\n`,
    );
    const answer = await wire.untilClosed();
    assert.match(answer, /^HTTP\/1\.1 (?:431 |200 [^]*laneway-lane: bulk)/, `${count} headers`);
  }
  assert.ok(seen > 0);
});

test("a target with a # is refused: where the path ends, servers do not agree", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end("fine"));
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  for (const target of ["/health#/../export", "/#", "/a?b#c", "http://a/b#c"]) {
    const wire = new Wire(gateway.url);
    wire.send(`GET ${target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    assert.match(await wire.untilClosed(), /^HTTP\/1\.1 400 /, target);
  }
  assert.equal(upstream.seen, 0);
});

test("bodies that are sent slowly take up what memory there is for bodies, and who takes it up gives it back by leaving", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end("{}"));
  const policy = `resources: { a: { provider: openai, upstream: "${upstream.url}", budgets: { requests: 1000000/min } } }`;
  const gateway = await gatewayOn(t, policy, { bodyMemory: 1_000_000 });
  const slow = new Wire(gateway.url);
  slow.send("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 999999\r\n\r\n");
  slow.send(Buffer.alloc(999_000, "x"));
  const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "x".repeat(10_000) }] });
  const statusOf = async (): Promise<number> =>
    (await ask(`${gateway.url}/v1/chat/completions`, { body })).status;
  await settled(() => slow.socket.writableLength);
  assert.equal(await statusOf(), 429);
  slow.socket.destroy();
  while ((await statusOf()) !== 200);
});

test("the ids of two replies tell how many requests came between them, and nothing of whose they were", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end("fine"));
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${upstream.url}" } }`);
  const countOf = async (): Promise<number> => {
    const id = (await ask(gateway.url, { headers: { "x-api-key": "somebody" } })).headers[
      "laneway-request-id"
    ];
    const [, count = ""] = /^lw_[0-9a-z]{1,6}_([0-9a-z]+)$/.exec(String(id)) ?? [];
    return Number.parseInt(count, 36);
  };
  const first = await countOf();
  await ask(gateway.url);
  assert.equal((await countOf()) - first, 2);
});

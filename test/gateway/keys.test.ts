import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parsePolicy } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { answer, claudePolicy, edit, errorBody, messageBody, messageReply } from "./ai-fixture.ts";
import { ask, begin, eventually, gatewayOn, read, startUpstream, stateOf } from "./fixture.ts";
import type { Reply } from "./fixture.ts";
import type { Gateway } from "../../src/gateway/index.ts";

const KEY_A = "sk-ours-aaaaaaaaaaaaaaaaaaaa";
const KEY_B = "sk-ours-bbbbbbbbbbbbbbbbbbbb";
const THEIRS = "sk-theirs-cccccccccccccccc";

const post = (gateway: Gateway, headers: Record<string, string> = {}, more = {}): Promise<Reply> =>
  ask(`${gateway.url}/v1/messages`, {
    body: messageBody(more),
    headers: { "x-api-key": THEIRS, ...headers },
  });

/** What the upstream was sent as a credential. */
function credential({ headers }: IncomingMessage): string | undefined {
  return headers["x-api-key"]?.toString() ?? headers.authorization?.replace(/^Bearer /, "");
}

async function gatewayWithKeys(
  t: TestContext,
  handler: (req: IncomingMessage, res: ServerResponse) => void,
  claude: object = {},
  more: object = {},
) {
  const upstream = await startUpstream(t, handler);
  const text = claudePolicy(upstream.url, { keys: [KEY_A], ...claude }, { ...more });
  return { upstream, gateway: await gatewayOn(t, text, { admin: "127.0.0.1:0" }) };
}

test("a policy's key takes the place of the caller's, in the style in which the caller brought its own", async (t) => {
  for (const [sent, expected] of [
    [{ "x-api-key": THEIRS }, { "x-api-key": KEY_A, authorization: undefined }],
    [{ authorization: `Bearer ${THEIRS}` }, { "x-api-key": undefined, authorization: `Bearer ${KEY_A}` }],
    [
      { "x-api-key": THEIRS, authorization: `Bearer ${THEIRS}`, "proxy-authorization": THEIRS },
      { "x-api-key": undefined, authorization: `Bearer ${KEY_A}` },
    ],
    [{}, { "x-api-key": KEY_A, authorization: undefined }],
  ] as const) {
    let seen: IncomingMessage | undefined;
    const { gateway } = await gatewayWithKeys(t, (req, res) => {
      seen = req;
      answer(res, 200, messageReply());
    });
    await ask(`${gateway.url}/v1/messages`, { body: messageBody(), headers: sent });
    assert.deepEqual(
      { "x-api-key": seen!.headers["x-api-key"], authorization: seen!.headers.authorization },
      expected,
    );
    assert.ok(!seen!.rawHeaders.join("\n").includes(THEIRS));
  }
});

test("without keys the caller's own credential passes as it came", async (t) => {
  const upstream = await startUpstream(t, (req, res) => answer(res, 200, JSON.stringify(req.headers)));
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const headers = { "x-api-key": THEIRS, authorization: "Bearer other" };
  const seen = (await ask(`${gateway.url}/v1/messages`, { body: messageBody(), headers })).json();
  assert.deepEqual([seen["x-api-key"], seen.authorization], [THEIRS, "Bearer other"]);
});

test("every kind of request goes up with the key: counts, lists, batches, files, streams of upload", async (t) => {
  const seen: (string | undefined)[] = [];
  const { gateway } = await gatewayWithKeys(t, (req, res) => {
    seen.push(`${req.method} ${req.url} ${credential(req)}`);
    req.resume();
    answer(res, 200, "{}");
  });
  const headers = { "x-api-key": THEIRS, "anthropic-version": "2023-06-01" };
  const paths: (readonly [string, string | undefined])[] = [
    ["/v1/messages/count_tokens", messageBody()],
    ["/v1/messages/batches", "{}"],
    ["/v1/messages/batches/b/results", undefined],
    ["/v1/models?limit=2", undefined],
    ["/v1/files", "x".repeat(100_000)],
    ["/v1/unheard-of", "{}"],
    ["/", undefined],
  ];
  for (const [path, body] of paths) {
    const question = body === undefined ? { headers } : { headers, body };
    assert.equal((await ask(gateway.url + path, question)).status, 200);
  }
  assert.deepEqual(
    seen,
    paths.map(([path, body]) => `${body === undefined ? "GET" : "POST"} ${path} ${KEY_A}`),
  );
});

test("an upstream that echoes the key shows it to nobody: header, status text, body, error, stream", async (t) => {
  const echo = (req: IncomingMessage): string => `you sent ${credential(req)}, twice ${credential(req)}.`;
  for (const mode of ["body", "length", "error", "pieces", "stream", "list"] as const) {
    const { gateway } = await gatewayWithKeys(t, (req, res) => {
      const text = echo(req);
      res.statusMessage = mode === "pieces" ? "OK" : `Hello ${credential(req)}`;
      res.setHeader("x-echo", `<${credential(req)}>`);
      res.setHeader("x-fine", "kept");
      if (mode === "error") return void res.writeHead(400).end(text);
      if (mode === "length") return void res.writeHead(200, { "content-length": text.length }).end(text);
      if (mode === "stream") res.writeHead(200, { "content-type": "text/event-stream" });
      if (mode !== "pieces" && mode !== "stream") return void res.end(text);
      // Borders inside the key: each piece is a packet of its own.
      const pieces = text.match(/[^]{1,7}/g)!;
      const next = (): void => {
        const piece = pieces.shift();
        if (piece === undefined) res.end();
        else res.write(piece, () => setImmediate(next));
      };
      return next();
    });
    const reply =
      mode === "list"
        ? await ask(`${gateway.url}/v1/messages/batches`, { headers: { "x-api-key": THEIRS } })
        : await post(gateway);
    const stars = "*".repeat(KEY_A.length);
    assert.equal(reply.text, `you sent ${stars}, twice ${stars}.`, mode);
    assert.equal(reply.headers["x-echo"], undefined);
    assert.equal(reply.headers["x-fine"], "kept");
    await gateway.drain();
  }
});

test("the status text of a reply shows no key", async (t) => {
  const { gateway } = await gatewayWithKeys(t, (req, res) => {
    res.statusMessage = `No ${credential(req)}`;
    answer(res, 200, "{}");
  });
  const client = begin(`${gateway.url}/v1/messages`, { body: messageBody() });
  const [res] = (await once(client, "response")) as [IncomingMessage];
  assert.ok(!res.statusMessage!.includes("sk-ours"));
  await read(res);
});

test("metrics, snapshot, log and the policy itself show no key", async (t) => {
  const logged: string[] = [];
  const upstream = await startUpstream(t, (_req, res) => answer(res, 401, errorBody("authentication_error")));
  const text = claudePolicy(upstream.url, {
    keys: [KEY_A],
    budgets: { requests: "100/min" },
    lanes: { bulk: { keys: [KEY_B] } },
  });
  const gateway = await gatewayOn(t, text, { admin: "127.0.0.1:0", log: (line) => logged.push(line) });
  const refused = await post(gateway);
  const shown = [
    (await ask(`${gateway.adminUrl}/metrics`)).text,
    (await ask(`${gateway.adminUrl}/api/snapshot`)).text,
    JSON.stringify(gateway.laneway.policy),
    refused.text,
    JSON.stringify(refused.rawHeaders),
    ...logged,
  ].join("\n");
  assert.match(shown, /"0\/claude-opus-4"/);
  assert.ok(!shown.includes("sk-ours"));
});

test("a key that the upstream refuses, and no other: our own 502, which no SDK repeats", async (t) => {
  const { gateway, upstream } = await gatewayWithKeys(t, (_req, res) =>
    answer(res, 401, errorBody("authentication_error", "invalid x-api-key")),
  );
  const reply = await post(gateway);
  assert.deepEqual([reply.status, reply.json().error.type], [502, "api_error"]);
  assert.match(reply.json().error.message, /"claude" refuses the key that the gateway sends/);
  assert.equal(reply.headers["x-should-retry"], "false");
  assert.equal(upstream.seen, 1);
  const metrics = (await ask(`${gateway.adminUrl}/metrics`)).text;
  assert.match(metrics, /laneway_upstream_failures_total\{resource="claude",reason="key"\} 1\n/);
});

test("a caller's own key that the upstream refuses is the caller's affair: the 401 passes", async (t) => {
  const body = errorBody("authentication_error", "invalid x-api-key");
  const { gateway } = await gatewayWithKeys(t, (_req, res) => answer(res, 401, body), {
    keys: undefined,
    lanes: { bulk: { keys: [KEY_B] } },
  });
  const reply = await post(gateway);
  assert.deepEqual([reply.status, reply.text], [401, body]);
});

test("a key that the upstream refuses is set aside, and the request is served with the other at once", async (t) => {
  const seen: (string | undefined)[] = [];
  const { gateway } = await gatewayWithKeys(
    t,
    (req, res) => {
      seen.push(credential(req));
      if (credential(req) === KEY_A) answer(res, 401, errorBody("authentication_error"));
      else answer(res, 200, messageReply());
    },
    { keys: [KEY_A, KEY_B] },
  );
  for (let i = 0; i < 4; i++) assert.equal((await post(gateway)).status, 200);
  assert.deepEqual(seen, [KEY_A, KEY_B, KEY_B, KEY_B, KEY_B]);
});

test("several keys share the load by what is left of each", async (t) => {
  const seen: Record<string, number> = { [KEY_A]: 0, [KEY_B]: 0 };
  const { gateway } = await gatewayWithKeys(
    t,
    (req, res) => {
      seen[credential(req)!]!++;
      answer(res, 200, messageReply());
    },
    { keys: [KEY_A, KEY_B], budgets: { requests: "1000/min" } },
  );
  for (let i = 0; i < 20; i++) await post(gateway);
  assert.ok(Math.abs(seen[KEY_A]! - seen[KEY_B]!) <= 2, JSON.stringify(seen));
});

test("a lane with a key of its own uses that alone, and the others never use it", async (t) => {
  const seen: string[] = [];
  const { gateway } = await gatewayWithKeys(
    t,
    (req, res) => {
      seen.push(credential(req)!);
      answer(res, 200, messageReply());
    },
    { lanes: { bulk: { keys: [KEY_B] } } },
  );
  for (const lane of ["normal", "bulk", "low", "bulk"]) await post(gateway, { "x-priority": lane });
  assert.deepEqual(seen, [KEY_A, KEY_B, KEY_A, KEY_B]);
});

test("in shadow mode too, the key goes up and the caller's credential does not", async (t) => {
  const upstream = await startUpstream(t);
  const claude = { keys: [KEY_A], budgets: { requests: "1/min" } };
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, claude, { enforce: false }));
  const calls = [post(gateway), post(gateway), post(gateway)];
  const arrivals = [await upstream.next(), await upstream.next(), await upstream.next()];
  for (const { req, res } of arrivals) {
    assert.equal(credential(req), KEY_A);
    answer(res, 200, messageReply());
  }
  for (const call of calls) assert.equal((await call).status, 200);
});

test("keys that change while a request waits: it goes up with the new one", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { keys: [KEY_A] }), { clock });
  const first = post(gateway);
  const held = await upstream.next();
  assert.equal(credential(held.req), KEY_A);
  const second = post(gateway);
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  await edit(gateway, claudePolicy(upstream.url, { keys: [KEY_B] }));
  answer(held.res, 503, "");
  const waited = await upstream.next();
  assert.equal(credential(waited.req), KEY_B);
  answer(waited.res, 200, messageReply());
  assert.equal((await second).status, 200);
  await clock.advance(9_000);
  const again = await upstream.next();
  assert.equal(credential(again.req), KEY_B, "its next try as well");
  answer(again.res, 200, messageReply());
  assert.equal((await first).status, 200);
});

test("a key that is gone while a request backs off on its account: another goes up, never the caller's", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url, { keys: [KEY_A, KEY_B], limit: 2 }), {
    clock,
  });
  const calls = [post(gateway), post(gateway)];
  const arrivals = [await upstream.next(), await upstream.next()];
  const withB = arrivals.find(({ req }) => credential(req) === KEY_B)!;
  await edit(gateway, claudePolicy(upstream.url, { keys: [KEY_A], limit: 2 }));
  answer(withB.res, 503, "");
  await eventually(() => stateOf(gateway, "claude").seatsInUse === 1);
  await clock.advance(9_000);
  const again = await upstream.next();
  assert.equal(credential(again.req), KEY_A);
  answer(again.res, 200, messageReply());
  answer(arrivals.find(({ req }) => credential(req) === KEY_A)!.res, 200, messageReply());
  for (const call of calls) assert.equal((await call).status, 200);
});

test("an upstream that moves while requests wait and back off: they go to the new one", async (t) => {
  const clock = new TestClock();
  const before = await startUpstream(t);
  const after = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(before.url), { clock });
  const first = post(gateway);
  const held = await before.next();
  const second = post(gateway);
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  await edit(gateway, claudePolicy(after.url));
  answer(held.res, 503, "");
  answer((await after.next()).res, 200, messageReply());
  await clock.advance(9_000);
  answer((await after.next()).res, 200, messageReply());
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
  assert.equal(before.seen, 1);
});

test("a resource that left the policy and came back is another: replies correct the books of the new one", async (t) => {
  const headers = {
    "anthropic-ratelimit-requests-limit": "1000",
    "anthropic-ratelimit-requests-remaining": "7",
    "anthropic-ratelimit-requests-reset": new Date(Date.now() + 60_000).toISOString(),
  };
  const upstream = await startUpstream(t, (_req, res) => answer(res, 200, messageReply(), headers));
  const policy = claudePolicy(upstream.url, { budgets: { requests: "1000/min" } });
  const gateway = await gatewayOn(t, policy, { clock: new TestClock() });
  const first = gateway.laneway.resource("claude");
  await post(gateway);
  assert.ok(first.snapshot().budgets[0]!.requests!.left < 10);
  await edit(gateway, "{}");
  await edit(gateway, policy);
  await post(gateway);
  const second = gateway.laneway.resource("claude");
  assert.notEqual(second, first);
  assert.ok(second.snapshot().budgets[0]!.requests!.left < 10);
});

test("a resource that leaves the policy finishes what it accepted, retries included", async (t) => {
  const clock = new TestClock();
  const upstream = await startUpstream(t);
  const other = await startUpstream(t);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url), { clock });
  const first = post(gateway);
  const held = await upstream.next();
  const second = post(gateway);
  await eventually(() => stateOf(gateway, "claude").waiting === 1);
  gateway.laneway.update(
    await parsePolicy(`{ resources: { http: { upstream: "${other.url}" } } }`, { file: "l.yaml", env: {} }),
  );
  // Whoever asks next makes the gateway follow the new policy.
  const third = begin(`${gateway.url}/plain`);
  (await other.next()).res.end();
  await once(third, "response");
  answer(held.res, 503, "");
  answer((await upstream.next()).res, 200, messageReply());
  await clock.advance(9_000);
  answer((await upstream.next()).res, 200, messageReply());
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
});

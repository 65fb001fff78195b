import assert from "node:assert/strict";
import { test } from "node:test";
import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";
import { answer, claudePolicy, messageBody } from "./ai-fixture.ts";
import { ask, gatewayOn, startUpstream } from "./fixture.ts";

const HEADERS = { "x-api-key": "k", "anthropic-version": "2023-06-01" };

test("a batch's results are found at the host that the client dialled: create, poll, list, results", async (t) => {
  const standIn = await startStandIn({ runMs: 1, pollsBeforeEnd: 0 });
  t.after(() => standIn.close());
  const gateway = await gatewayOn(t, claudePolicy(standIn.url, { keys: ["sk-ours"] }));
  const batches = `${gateway.url}/v1/messages/batches`;
  const body = JSON.stringify({
    requests: [{ custom_id: "a", params: JSON.parse(messageBody()) }],
  });
  const created = (await ask(batches, { body, headers: HEADERS })).json();
  const polled = await ask(`${batches}/${created.id}`, { headers: HEADERS });
  assert.equal(polled.json().processing_status, "ended");
  const expected = `${batches}/${created.id}/results`;
  assert.equal(polled.json().results_url, expected);
  assert.equal(Number(polled.headers["content-length"]), polled.body.length);
  const listed = await ask(`${batches}?limit=5`, { headers: HEADERS });
  assert.equal(listed.json().data[0].results_url, expected);
  const results = await ask(polled.json().results_url, { headers: HEADERS });
  assert.equal(results.status, 200);
  assert.equal(JSON.parse(results.text.trim()).custom_id, "a");
});

test("the host is the one that the client dialled, also behind another proxy; else its own is right", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    const own = `http://${req.headers.host}/base/v1/messages/batches/b/results`;
    answer(
      res,
      200,
      `{"results_url":"${own}","escaped":"${own.replaceAll("/", "\\/")}","api":"https://api.anthropic.com/v1/x","é":"${own}x"}`,
    );
  });
  const gateway = await gatewayOn(t, claudePolicy(`${upstream.url}/base`));
  for (const [headers, origin] of [
    [{}, gateway.url],
    [{ "x-forwarded-proto": "https", "x-forwarded-host": "ai.example.com" }, "https://ai.example.com"],
    [{ "x-forwarded-proto": "https, http", "x-forwarded-host": "a.example, b.example" }, "https://a.example"],
    [{ "x-forwarded-host": 'a"b' }, gateway.url],
  ] as const) {
    const reply = await ask(`${gateway.url}/v1/messages/batches/b`, { headers: { ...HEADERS, ...headers } });
    assert.deepEqual(reply.json(), {
      results_url: `${origin}/v1/messages/batches/b/results`,
      escaped: `${origin}/v1/messages/batches/b/results`,
      api: `${origin}/v1/x`,
      é: `${origin}/v1/messages/batches/b/resultsx`,
    });
    assert.equal(Number(reply.headers["content-length"]), reply.body.length);
  }
});

test("results, files and messages are the caller's data: not a byte of them is changed", async (t) => {
  let body = Buffer.alloc(0);
  const upstream = await startUpstream(t, (_req, res) =>
    res.writeHead(200, { "content-type": "application/json" }).end(body),
  );
  body = Buffer.concat([
    Buffer.from(`{"results_url":"${upstream.url}/v1/x"}`),
    Buffer.from([0, 255, 128, 10]),
  ]);
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  for (const path of ["/v1/messages/batches/b/results", "/v1/files/f/content", "/v1/messages"]) {
    const question = path === "/v1/messages" ? { body: messageBody() } : {};
    const reply = await ask(gateway.url + path, { headers: HEADERS, ...question });
    assert.ok(reply.body.equals(body), path);
  }
});

test("a list too long to be held passes as it is, and so does a compressed one", async (t) => {
  const long = Buffer.alloc(9 * 1_048_576, " ");
  const upstream = await startUpstream(t, (req, res) => {
    if (req.url!.endsWith("long")) res.writeHead(200, { "content-length": long.length }).end(long);
    else res.writeHead(200, { "content-encoding": "gzip" }).end("not really");
  });
  const gateway = await gatewayOn(t, claudePolicy(upstream.url));
  const reply = await ask(`${gateway.url}/v1/messages/batches?long`, { headers: HEADERS });
  assert.ok(reply.body.equals(long));
  const packed = await ask(`${gateway.url}/v1/messages/batches`, { headers: HEADERS });
  assert.deepEqual([packed.headers["content-encoding"], packed.text], ["gzip", "not really"]);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { aiFetch } from "../../../src/adapters/ai.ts";
import { isLanewayError } from "../../../src/core/errors.ts";
import { runInLane } from "../../../src/node/context.ts";
import { TestClock } from "../../../src/testing/clock.ts";
import { ask, Hold, NOTHING, provide, QUESTION, taken, until } from "../provided.ts";

const STREAM = { ...QUESTION, stream: true };

test("a reply passes as it is, and its seat is held until its body was read", async (t) => {
  const { standIn, resource } = await provide(t);
  const fetchInLane = aiFetch(resource);
  const response = await fetchInLane(`${standIn.url}/v1/messages?beta=true`, ask());
  assert.deepEqual([response.status, response.url], [200, `${standIn.url}/v1/messages?beta=true`]);
  assert.ok(response instanceof Response);
  assert.match(response.headers.get("request-id") ?? "", /^req_/);
  assert.equal(taken(resource).seats, 1);
  const message = (await response.json()) as { type: string };
  assert.equal(message.type, "message");
  assert.deepEqual(taken(resource), NOTHING);
});

test("a stream passes event by event, and holds its seat as long as it goes on", async (t) => {
  const hold = new Hold();
  let parts = 0;
  const pace = (): Promise<void> => (parts++ === 1 ? hold.pace() : Promise.resolve());
  const { standIn, resource } = await provide(t, { standIn: { pace } });
  const response = await aiFetch(resource)(`${standIn.url}/v1/messages`, ask(STREAM));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const first = await reader.read();
  assert.match(first.value ?? "", /message_start/);
  assert.equal(taken(resource).seats, 1);
  hold.release();
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
  assert.match(text, /message_stop/);
  assert.deepEqual(taken(resource), NOTHING);
});

test("the lane is the header's, else the option's, else the context's; the header goes no further", async (t) => {
  const { standIn, resource, calls } = await provide(t);
  const lanes: (string | undefined)[] = [];
  resource.onRecord(({ lane, flow }) => lanes.push(flow === "" ? lane : `${lane} ${flow}`));
  const url = `${standIn.url}/v1/messages`;
  const call = async (options: Parameters<typeof aiFetch>[1], headers = {}): Promise<void> => {
    const response = await aiFetch(resource, options)(url, ask(QUESTION, headers));
    await response.text();
  };
  await call({ lane: "chat", flow: "a" }, { "laneway-lane": "batch", "laneway-flow": "b" });
  await runInLane("batch", () => call({ lane: "chat", flow: "a" }));
  await runInLane("chat", () => call({}));
  await call({});
  assert.deepEqual(lanes, ["batch b", "chat a", "chat", "batch"]);
  assert.deepEqual(
    calls.map(({ header }) => [header("laneway-lane"), header("laneway-flow")]),
    Array.from({ length: 4 }, () => [undefined, undefined]),
  );
});

test("a key of ours takes the place of every credential, in the style in which the caller brought its own", async (t) => {
  const { standIn, resource, calls } = await provide(t);
  const fetchInLane = aiFetch(resource, { keys: ["our-key"] });
  const url = `${standIn.url}/v1/messages`;
  await (await fetchInLane(url, ask())).text();
  await (await fetchInLane(url, ask(QUESTION, { authorization: "Bearer of-the-caller" }))).text();
  const seen = calls.map(({ header }) => [header("x-api-key"), header("authorization")]);
  assert.deepEqual(seen, [
    ["our-key", undefined],
    [undefined, "Bearer our-key"],
  ]);
});

test("a key of ours goes to no other origin that a redirect leads to, in no style", async (t) => {
  const { resource } = await provide(t);
  const seen: (string | undefined)[] = [];
  const listening = async (listener: RequestListener, host: string): Promise<string> => {
    const server = createServer(listener).listen(0, host);
    await once(server, "listening");
    t.after(() => (server.closeAllConnections(), server.close()));
    return `http://${host}:${(server.address() as AddressInfo).port}`;
  };
  const elsewhere = await listening((req, res) => {
    seen.push(req.headers["x-api-key"] as string | undefined, req.headers.authorization);
    res.end("{}");
  }, "127.0.0.1");
  const first = await listening((req, res) => {
    seen.push(req.headers["x-api-key"] as string | undefined, req.headers.authorization);
    req.resume();
    res.writeHead(307, { location: `${elsewhere}/stolen` }).end();
  }, "localhost");
  const fetchInLane = aiFetch(resource, { keys: ["our-key"] });
  await (await fetchInLane(`${first}/v1/messages`, ask())).text();
  await (await fetchInLane(`${first}/v1/messages`, ask(QUESTION, { authorization: "Bearer theirs" }))).text();
  const none = [undefined, undefined];
  assert.deepEqual(seen, ["our-key", undefined, ...none, undefined, "Bearer our-key", ...none]);
});

test("what a reply used corrects the budget, streamed or whole", async (t) => {
  const budgets = { requests: 50, inputTokens: 50_000, outputTokens: 50_000 };
  for (const stream of [false, true]) {
    // Time stands still, so that nothing is refilled.
    const { standIn, resource } = await provide(t, { resource: { budgets, clock: new TestClock() } });
    standIn.script(() => ({ outputTokens: 20 }));
    const response = await aiFetch(resource)(`${standIn.url}/v1/messages`, ask({ ...QUESTION, stream }));
    const budget = resource.budget("caller/claude-sonnet-4");
    assert.equal(budget.left.outputTokens, 50_000 - QUESTION.max_tokens);
    const inputTokens = Number(/"input_tokens":(\d+)/.exec(await response.text())?.[1]);
    assert.ok(inputTokens > 0);
    assert.deepEqual(budget.left, {
      requests: 49,
      inputTokens: 50_000 - inputTokens,
      outputTokens: 50_000 - 20,
    });
  }
});

test("a caller that leaves while queued is rejected with its own reason, and the upstream never hears of it", async (t) => {
  const hold = new Hold();
  const { standIn, resource, calls } = await provide(t, {
    standIn: { pace: hold.pace },
    resource: { limit: 1 },
  });
  const fetchInLane = aiFetch(resource);
  const url = `${standIn.url}/v1/messages`;
  const first = fetchInLane(url, ask());
  await until(() => calls.length === 1);
  const caller = new AbortController();
  const second = fetchInLane(url, { ...ask(), signal: caller.signal });
  await until(() => taken(resource).waiting === 1);
  const reason = new Error("no longer wanted");
  caller.abort(reason);
  await assert.rejects(second, (error) => error === reason);
  assert.equal(taken(resource).waiting, 0);
  hold.release();
  await (await first).text();
  assert.equal(calls.length, 1);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a caller that leaves while its call runs, or in the middle of its stream, frees seat and upstream", async (t) => {
  const hold = new Hold();
  let parts = 0;
  const pace = (): Promise<void> => (parts++ === 1 ? Promise.resolve() : hold.pace());
  const { standIn, resource } = await provide(t, { standIn: { pace } });
  const fetchInLane = aiFetch(resource);
  const url = `${standIn.url}/v1/messages`;
  const early = new AbortController();
  const running = fetchInLane(url, { ...ask(), signal: early.signal });
  await until(() => standIn.stats().running === 1);
  early.abort(new Error("early"));
  await assert.rejects(running, { message: "early" });
  await until(() => standIn.stats().abandoned === 1);
  const late = new AbortController();
  const response = await fetchInLane(url, { ...ask(STREAM), signal: late.signal });
  const reading = response.text();
  late.abort(new Error("late"));
  await assert.rejects(reading, { message: "late" });
  await until(() => standIn.stats().abandoned === 2);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a stream that is cut fails for its reader and is not replayed; its seat comes back", async (t) => {
  const { standIn, resource, calls } = await provide(t);
  standIn.script(() => ({ cutAfterEvents: 3 }));
  const response = await aiFetch(resource)(`${standIn.url}/v1/messages`, ask(STREAM));
  await assert.rejects(response.text(), { name: "TypeError" });
  assert.equal(calls.length, 1);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a refusal is a reply in the provider's shape, which says why, how long, and when to come back", async (t) => {
  const hold = new Hold();
  const { standIn, resource, calls } = await provide(t, {
    standIn: { pace: hold.pace },
    resource: { limit: 1, lanes: [{ name: "chat", queue: { max: 0 } }] },
  });
  const fetchInLane = aiFetch(resource);
  const first = fetchInLane(`${standIn.url}/v1/messages`, ask());
  await until(() => calls.length === 1);
  const refused = await fetchInLane(`${standIn.url}/v1/messages`, ask());
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("laneway-reason"), "lane-full");
  assert.equal(refused.headers.get("laneway-lane"), "chat");
  assert.equal(refused.headers.get("laneway-wait-ms"), "0");
  assert.match(refused.headers.get("retry-after") ?? "", /^([1-9]|[1-5]\d)$/);
  const told = (await refused.json()) as { type: string; error: { type: string; message: string } };
  assert.deepEqual([told.type, told.error.type], ["error", "rate_limit_error"]);
  assert.match(told.error.message, /lane "chat"/);
  const gpt = { model: "gpt-5", messages: QUESTION.messages };
  const openai = await fetchInLane(`${standIn.url}/v1/chat/completions`, ask(gpt));
  const said = (await openai.json()) as { error: { code: string } };
  assert.deepEqual([openai.status, said.error.code], [429, "rate_limit_exceeded"]);
  hold.release();
  await (await first).text();
});

test("a lane that the resource does not have is the caller's mistake, and no SDK repeats it", async (t) => {
  const { standIn, resource, calls } = await provide(t);
  const refused = await aiFetch(resource)(
    `${standIn.url}/v1/messages`,
    ask(QUESTION, { "laneway-lane": "nope" }),
  );
  assert.deepEqual([refused.status, refused.headers.get("x-should-retry")], [400, "false"]);
  assert.match(await refused.text(), /expected one of chat, batch, found/);
  assert.equal(calls.length, 0);
});

test("a call that takes longer than its lane's time-out is stopped and answered 504, never to be repeated", async (t) => {
  const hold = new Hold();
  const { standIn, resource } = await provide(t, {
    standIn: { pace: hold.pace },
    resource: { lanes: [{ name: "chat", timeoutMs: 20 }] },
  });
  const refused = await aiFetch(resource)(`${standIn.url}/v1/messages`, ask());
  assert.deepEqual(
    [refused.status, refused.headers.get("laneway-reason"), refused.headers.get("x-should-retry")],
    [504, "task", "false"],
  );
  assert.match(await refused.text(), /"timeout_error"/);
  await until(() => standIn.stats().abandoned === 1);
  assert.deepEqual(taken(resource), NOTHING);
});

test("the client's own time-out is the task's deadline: we answer before the client takes us for lost", async (t) => {
  const hold = new Hold();
  const { standIn, resource } = await provide(t, { standIn: { pace: hold.pace } });
  const refused = await aiFetch(resource)(
    `${standIn.url}/v1/messages`,
    ask(QUESTION, { "x-stainless-timeout": "0.05" }),
  );
  assert.deepEqual([refused.status, refused.headers.get("laneway-reason")], [504, "passed"]);
  assert.deepEqual(taken(resource), NOTHING);
});

test("a stream that has begun outlives the lane's time-out", async (t) => {
  const hold = new Hold();
  let parts = 0;
  const pace = (): Promise<void> => (parts++ === 2 ? hold.pace() : Promise.resolve());
  const { standIn, resource } = await provide(t, {
    standIn: { pace },
    resource: { limit: 1, lanes: [{ name: "chat", timeoutMs: 30, queue: { timeoutMs: 30 } }] },
  });
  const fetchInLane = aiFetch(resource);
  const response = await fetchInLane(`${standIn.url}/v1/messages`, ask(STREAM));
  // One that waits for its seat times out meanwhile: the time-out has passed.
  const waiting = await fetchInLane(`${standIn.url}/v1/messages`, ask(STREAM));
  assert.ok(waiting.status >= 500, `${waiting.status}`);
  hold.release();
  assert.match(await response.text(), /message_stop/);
});

test("a `Request`, a form and a body that is sent while it is made all pass", async (t) => {
  const { standIn, resource, calls } = await provide(t);
  const fetchInLane = aiFetch(resource);
  const url = `${standIn.url}/v1/messages`;
  await (await fetchInLane(new Request(url, ask()))).text();
  const form = new FormData();
  form.set("file", new Blob(["{}"]), "batch.jsonl");
  form.set("purpose", "batch");
  const uploaded = await fetchInLane(`${standIn.url}/v1/files`, { method: "POST", body: form });
  await uploaded.text();
  const { body, ...rest } = ask();
  const stream = new Blob([body as string]).stream();
  const streamed = await fetchInLane(url, { ...rest, body: stream, duplex: "half" });
  assert.equal(((await streamed.json()) as { type: string }).type, "message");
  assert.deepEqual(
    calls.map(({ path }) => path),
    ["/v1/messages", "/v1/files", "/v1/messages"],
  );
  assert.deepEqual(taken(resource), NOTHING);
});

test("a wrong option is refused at once by name, and a key is not shown", async (t) => {
  const { resource } = await provide(t);
  const wrong: [unknown, RegExp][] = [
    [{ provider: "gemini" }, /^aiFetch: provider: expected "anthropic" or "openai", found "gemini"/],
    [{ keys: ["secret-key", ""] }, /^aiFetch: keys: expected/],
    [{ retry: { attempts: 0 } }, /^aiFetch: retry\.attempts: expected a whole number from 1 to 10, found 0/],
    [{ lanes: "chat" }, /^aiFetch: expected an option out of provider, lane/],
  ];
  for (const [options, message] of wrong)
    assert.throws(
      () => aiFetch(resource, options as object),
      (error) => isLanewayError(error) && message.test(error.message) && !error.message.includes("secret"),
    );
  assert.throws(() => aiFetch(undefined as never), /^LanewayError: aiFetch: expected a Resource/);
});

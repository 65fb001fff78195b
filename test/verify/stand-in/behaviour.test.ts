import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { HeaderScript } from "../../../src/verify/stand-in/behaviour.ts";
import type { StandIn } from "../../../src/verify/stand-in/stand-in.ts";
import { ANTHROPIC, eventsOf, json, MESSAGE, OPENAI, post, standIn } from "./started.ts";

const STREAM = { ...MESSAGE, stream: true };

function ask(server: StandIn, script: string, body: object = MESSAGE): Promise<Response> {
  return post(`${server.url}/v1/messages`, body, { ...ANTHROPIC, "x-stand-in": script });
}

/** All that a connection brings until it ends. */
async function raw(server: StandIn, script: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  const body = JSON.stringify(STREAM);
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\n` +
      `x-stand-in: ${script}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  socket.on("error", (error: NodeJS.ErrnoException) => (text += `<${error.code}>`));
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

test("a header names all that a call meets; what it does not know is a header of the reply", () => {
  const script = new HeaderScript();
  assert.deepEqual(
    script.behaviour("status=529; retry-after=2;delay=50; event-delay=1; cut=3; reset; message=No, not now"),
    {
      status: 529,
      delayMs: 50,
      eventDelayMs: 1,
      cutAfterEvents: 3,
      reset: true,
      message: "No, not now",
      headers: { "retry-after": "2" },
    },
  );
  assert.equal(script.behaviour(undefined), undefined);
});

test("a header may hold for the first calls only", () => {
  const script = new HeaderScript();
  const statuses = [1, 2, 3].map(() => script.behaviour("status=529; times=2")?.status);
  assert.deepEqual(statuses, [529, 529, undefined]);
});

test("an error that a header asks for has the caller's protocol, type, headers and details", async (t) => {
  const server = await standIn(t);
  const response = await ask(server, "status=529; retry-after=2; x-should-retry=false");
  const body = await json(response);
  assert.deepEqual([response.status, body.error.type], [529, "overloaded_error"]);
  assert.deepEqual(
    [response.headers.get("retry-after"), response.headers.get("x-should-retry")],
    ["2", "false"],
  );
  const money = await json(ask(server, "status=429; code=enforced_spend_limit_reached"));
  assert.deepEqual(
    [money.error.type, money.error.details.error_code],
    ["rate_limit_error", "enforced_spend_limit_reached"],
  );
  const openai = await post(
    `${server.url}/v1/chat/completions`,
    { model: "gpt-5.2", messages: MESSAGE.messages },
    { ...OPENAI, "x-stand-in": "status=429; type=insufficient_quota" },
  );
  const { error } = await json(openai);
  assert.deepEqual(
    [openai.status, error.type, error.code],
    [429, "insufficient_quota", "insufficient_quota"],
  );
});

test("a mistake in a header is told to whoever wrote it", async (t) => {
  const response = await ask(await standIn(t), "delay=soon");
  assert.equal(response.status, 500);
  assert.match((await json(response)).error.message, /expected a number for delay, found "soon"/);
});

test("a program may decide call by call, and goes before the header", async (t) => {
  const server = await standIn(t);
  server.script((call) => (call.path === "/v1/messages" ? { status: 500, message: "scripted" } : undefined));
  assert.equal((await json(ask(server, "status=529"))).error.message, "scripted");
  server.script(undefined);
  assert.equal((await ask(server, "status=529")).status, 529);
});

test("a body may be anything, with any status", async (t) => {
  const response = await ask(await standIn(t), 'status=200; body={"broken"; content-type=text/plain');
  assert.equal(await response.text(), '{"broken"');
  assert.equal(response.headers.get("content-type"), "text/plain");
});

test("a stream is cut after so many events, and the seat comes back", async (t) => {
  const server = await standIn(t);
  const text = await raw(server, "cut=2");
  assert.equal(text.match(/event: content_block_delta/g)?.length, 1);
  assert.ok(!text.includes("message_stop"));
  await assert.rejects(eventsOf(await ask(server, "cut=2", STREAM)), TypeError);
  const { abandoned, running, served } = server.stats();
  assert.deepEqual([abandoned, running, served], [2, 0, 0]);
});

test("a reply is cut after so many bytes, in the middle of JSON", async (t) => {
  const response = await ask(await standIn(t), "cut-bytes=40");
  assert.equal(response.status, 200);
  await assert.rejects(response.text(), TypeError);
});

test("a connection may end or be reset before the head", async (t) => {
  const server = await standIn(t);
  assert.equal(await raw(server, "cut=0"), "");
  assert.equal(await raw(server, "cut=0; reset"), "<ECONNRESET>");
  assert.equal(await raw(server, "cut=0; status=529"), "");
});

test("garbage is no HTTP", async (t) => {
  const server = await standIn(t);
  assert.doesNotMatch(await raw(server, "garbage"), /HTTP\/1\.1/);
  await assert.rejects(ask(server, "garbage"), TypeError);
});

test("a call that hangs is never answered, and a stream that stalls keeps its seat until the caller leaves", async (t) => {
  const server = await standIn(t);
  const caller = new AbortController();
  const send = (script: string) =>
    fetch(`${server.url}/v1/messages`, {
      method: "POST",
      headers: { ...ANTHROPIC, "x-stand-in": script },
      body: JSON.stringify(STREAM),
      signal: caller.signal,
    });
  const hanging = send("hang");
  const stalled = (await send("stall=2")).body!.getReader();
  let text = "";
  while (!text.includes("content_block_delta"))
    text += Buffer.from((await stalled.read()).value ?? []).toString("utf8");
  assert.equal(server.stats().running, 1);
  const left = assert.rejects(hanging, { name: "AbortError" });
  caller.abort();
  await left;
  while (server.stats().running > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(server.stats().abandoned, 1);
});

test("a stream may be told how many tokens to write, and never writes more than its caller allows", async (t) => {
  const server = await standIn(t);
  const short = await json(ask(server, "tokens=3"));
  assert.deepEqual([short.usage.output_tokens, short.stop_reason], [3, "end_turn"]);
  const long = await json(ask(server, "tokens=400"));
  assert.deepEqual([long.usage.output_tokens, long.stop_reason], [64, "max_tokens"]);
});

test("delays come before the head and between events", async (t) => {
  const server = await standIn(t);
  const events = await eventsOf(await ask(server, "delay=1; event-delay=1", STREAM));
  assert.equal(events.at(-1)?.["type"], "message_stop");
});

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { httpSender } from "../../../src/verify/load/http-sender.ts";
import type { HttpSender } from "../../../src/verify/load/http-sender.ts";
import type { CallOutcome } from "../../../src/verify/load/result.ts";

async function senderTo(t: TestContext, listener: RequestListener): Promise<HttpSender> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sender = httpSender({
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    method: "POST",
    path: "/v1/messages",
    headers: { "x-priority": "critical" },
    body: "a question",
  });
  t.after(async () => {
    await sender.close();
    server.close();
  });
  return sender;
}

function send(sender: HttpSender): Promise<CallOutcome> {
  return new Promise((resolve) => sender.send(resolve));
}

test("a call carries its headers and body, and settles with status, lane and wait when the reply is whole", async (t) => {
  const seen: unknown[] = [];
  const sender = await senderTo(t, async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    seen.push(request.method, request.url, request.headers["x-priority"], body);
    response.writeHead(200, { "laneway-lane": "critical", "laneway-wait-ms": "12.5" }).end("an answer");
  });
  assert.deepEqual(await send(sender), { status: 200, lane: "critical", waitMs: 12.5 });
  assert.deepEqual(seen, ["POST", "/v1/messages", "critical", "a question"]);
});

test("callers do not share a connection: as many calls are open as were sent", async (t) => {
  const open = new Set<() => void>();
  const sender = await senderTo(t, (_request, response) => {
    open.add(() => response.end());
    if (open.size === 20) for (const end of open) end();
  });
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => send(sender)));
  assert.ok(outcomes.every(({ status }) => status === 200));
});

test("a reply that breaks off is no reply, and says why", async (t) => {
  const sender = await senderTo(t, (_request, response) => {
    response.writeHead(200, { "content-length": "100" }).write("half");
    response.destroy();
  });
  const { status, error } = await send(sender);
  assert.equal(status, 0);
  assert.ok(error !== undefined && error !== "");
});

test("a header that is no number tells no wait", async (t) => {
  const sender = await senderTo(
    t,
    (_request, response) => void response.setHeader("laneway-wait-ms", "soon").end(),
  );
  assert.equal((await send(sender)).waitMs, undefined);
});

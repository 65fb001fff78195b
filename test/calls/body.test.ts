import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { readStart, watchBody, withStart } from "../../src/calls/body.ts";
import type { StreamEnd } from "../../src/node/watched-stream.ts";
import { collect } from "../collect.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** A reply whose chunks are handed out one by one. */
function reply(): {
  response: Response;
  controller: ReadableStreamDefaultController<Uint8Array>;
  cancelled: unknown[];
} {
  const cancelled: unknown[] = [];
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start: (own) => void (controller = own),
    cancel: (reason) => void cancelled.push(reason),
  });
  const response = new Response(body, { status: 201, statusText: "Made", headers: { "x-one": "1" } });
  return { response, controller, cancelled };
}

function watching(signal?: AbortSignal): {
  readonly watch: Parameters<typeof watchBody>[1];
  readonly ends: StreamEnd[];
  readonly chunks: string[];
} {
  const ends: StreamEnd[] = [];
  const chunks: string[] = [];
  const watch = {
    signal,
    chunk: (bytes: Uint8Array) => void chunks.push(text(bytes)),
    over: (how: StreamEnd) => void ends.push(how),
  };
  return { watch, ends, chunks };
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("chunks pass as they come, the very same, and the watcher sees each before its reader", async () => {
  const { response, controller } = reply();
  const { watch, ends, chunks } = watching();
  const reader = watchBody(response, watch).body!.getReader();
  const first = new TextEncoder().encode("one");
  controller.enqueue(first);
  const { value } = await reader.read();
  assert.equal(value, first);
  assert.deepEqual(chunks, ["one"]);
  assert.deepEqual(ends, []);
  controller.close();
  assert.equal((await reader.read()).done, true);
  assert.deepEqual(ends, ["ended"]);
});

test("nothing is read ahead of the reader", async () => {
  const { response, controller } = reply();
  const { watch, chunks } = watching();
  const watched = watchBody(response, watch);
  controller.enqueue(new TextEncoder().encode("one"));
  await turn();
  assert.deepEqual(chunks, []);
  await watched.body!.cancel();
});

test("whoever sees the end finds it told already", async () => {
  const { response, controller } = reply();
  const { watch, ends } = watching();
  const read = watchBody(response, watch)
    .text()
    .then(() => [...ends]);
  controller.close();
  assert.deepEqual(await read, ["ended"]);
});

test("the reply keeps status, headers and URL, and its clone too", async (t) => {
  const url = await serve(t, (_request, response) => {
    response.writeHead(203, "Sort of", { "x-one": "1" });
    response.end("body");
  });
  const { watch } = watching();
  const watched = watchBody(await fetch(`${url}/here`), watch);
  const clone = watched.clone();
  for (const each of [watched, clone]) {
    assert.ok(each instanceof Response);
    assert.deepEqual(
      [each.status, each.statusText, each.headers.get("x-one"), each.url, each.type, each.redirected],
      [203, "Sort of", "1", `${url}/here`, "basic", false],
    );
    assert.equal(await each.text(), "body");
  }
});

test("a reply without a body is over at once, and passes as it is", () => {
  for (const status of [204, 304]) {
    const { watch, ends } = watching();
    const response = new Response(null, { status });
    assert.equal(watchBody(response, watch), response);
    assert.deepEqual(ends, ["ended"]);
  }
});

test("a body that breaks off fails for its reader as it did, and is told once", async () => {
  const { response, controller } = reply();
  const { watch, ends } = watching();
  const watched = watchBody(response, watch);
  controller.error(new TypeError("terminated"));
  await assert.rejects(watched.text(), { name: "TypeError", message: "terminated" });
  assert.deepEqual(ends, ["failed"]);
});

test("a body that is cancelled is over, and its source told why", async () => {
  const { response, cancelled } = reply();
  const { watch, ends } = watching();
  await watchBody(response, watch).body!.cancel("enough");
  assert.deepEqual(ends, ["left"]);
  assert.deepEqual(cancelled, ["enough"]);
});

test("a signal ends a body that nobody is reading at the moment", async () => {
  const { response, cancelled } = reply();
  const caller = new AbortController();
  const { watch, ends } = watching(caller.signal);
  const watched = watchBody(response, watch);
  caller.abort("no longer wanted");
  assert.deepEqual(ends, ["left"]);
  await assert.rejects(watched.text(), (reason) => reason === "no longer wanted");
  assert.deepEqual(cancelled, ["no longer wanted"]);
  assert.deepEqual(ends, ["left"]);
});

test("a signal that has aborted already ends it too; one that aborts after the end changes nothing", async () => {
  const early = watching(AbortSignal.abort("before"));
  const watched = watchBody(reply().response, early.watch);
  await assert.rejects(watched.text(), (reason) => reason === "before");
  assert.deepEqual(early.ends, ["left"]);
  const caller = new AbortController();
  const late = watching(caller.signal);
  const { response, controller } = reply();
  controller.close();
  await watchBody(response, late.watch).text();
  caller.abort("after");
  assert.deepEqual(late.ends, ["ended"]);
});

/** Until `seen`, or a bound of turns that no collection needs. */
async function collectUntil(seen: () => boolean): Promise<void> {
  for (let round = 0; round < 200 && !seen(); round++) {
    collect();
    await turn();
  }
}

test("a reply that is dropped unread is over when it is collected, though its caller's signal lives on", async () => {
  const caller = new AbortController();
  const { watch, ends } = watching(caller.signal);
  const cancelled: unknown[] = [];
  (() => {
    const made = reply();
    made.controller.enqueue(new TextEncoder().encode("unread"));
    cancelled.push(made.cancelled);
    watchBody(made.response, watch);
  })();
  await collectUntil(() => ends.length > 0);
  assert.deepEqual(ends, ["left"]);
  assert.equal(caller.signal.aborted, false);
});

test("a body whose reply was dropped is not over while its stream is still held", async () => {
  const { watch, ends } = watching();
  const { response, controller } = reply();
  let held: ReadableStream<Uint8Array> | null = null;
  (() => {
    held = watchBody(response, watch).body;
  })();
  let rounds = 0;
  await collectUntil(() => ++rounds > 20);
  assert.deepEqual(ends, []);
  controller.close();
  await new Response(held).text();
  assert.deepEqual(ends, ["ended"]);
});

test("the start of a body is read, and reply and body are whole again afterwards", async () => {
  const { response, controller, cancelled } = reply();
  for (const part of ["ab", "cd", "ef"]) controller.enqueue(new TextEncoder().encode(part));
  const start = await readStart(response, 3);
  assert.deepEqual([text(start.bytes), start.whole], ["abcd", false]);
  const again = withStart(response, start);
  controller.close();
  assert.deepEqual([again.status, again.headers.get("x-one"), await again.text()], [201, "1", "abcdef"]);
  assert.deepEqual(cancelled, []);
});

test("a short body is read whole; one that breaks off breaks off again for its reader", async () => {
  const short = await readStart(new Response("{}"), 100);
  assert.deepEqual([text(short.bytes), short.whole], ["{}", true]);
  const none = new Response(null, { status: 401 });
  assert.equal(await withStart(none, await readStart(none, 100)).text(), "");
  const { response, controller } = reply();
  controller.enqueue(new TextEncoder().encode("half"));
  const reading = readStart(response, 100);
  await turn();
  controller.error(new TypeError("terminated"));
  const broken = await reading;
  assert.deepEqual([text(broken.bytes), broken.whole], ["half", false]);
  await assert.rejects(withStart(response, broken).text(), { message: "terminated" });
});

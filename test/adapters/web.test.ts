import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { admissionOf, webLanes } from "../../src/adapters/web.ts";
import type { WebLanesOptions } from "../../src/adapters/web.ts";
import { asyncContext, currentLane } from "../../src/node/context.ts";
import type { Resource } from "../../src/node/resource.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { TestClock } from "../../src/testing/clock.ts";
import { NOTHING, taken, until } from "./provided.ts";

const POLICY = `
lanes: [{ name: critical, reservation: 1, lendable: 0, timeout: 30s }, { name: normal, timeout: 30s }, { name: bulk, queue: { max: 1 }, timeout: 30s }]
classify: [{ path: /pay/**, lane: critical }, { path: /export, lane: bulk }]
trust: { callers: [{ cidr: 10.0.0.0/8, upTo: critical }] }
resources: { http: { limit: 2 } }
`;

async function laned(
  handler: (request: Request) => Response | Promise<Response>,
  options: WebLanesOptions & { readonly clock?: TestClock } = {},
): Promise<{
  readonly send: (path: string, init?: RequestInit) => Promise<Response>;
  readonly http: Resource;
}> {
  const { clock, ...own } = options;
  const laneway = new Laneway(await parsePolicy(POLICY), clock === undefined ? {} : { clock });
  const handle = webLanes(laneway, handler, own);
  return {
    send: (path, init) => handle(new Request(`http://shop.test${path}`, init)),
    http: laneway.resource("http"),
  };
}

/** A body whose chunks the test gives. */
function stream(): {
  body: ReadableStream;
  push: (text: string) => void;
  end: () => void;
  fail: () => void;
  left: boolean;
} {
  let controller!: ReadableStreamDefaultController;
  const made = {
    left: false,
    body: new ReadableStream({
      start: (its) => void (controller = its),
      cancel: () => void (made.left = true),
    }),
    push: (text: string) => controller.enqueue(Buffer.from(text)),
    end: () => controller.close(),
    fail: () => controller.error(new Error("broke off")),
  };
  return made;
}

test("a seat is held until the body has been read, cancelled or broken off", async () => {
  const made = [stream(), stream(), stream()];
  const { send, http } = await laned(
    () => new Response(made.shift()!.body, { headers: { "set-cookie": "a=1" } }),
  );
  const [one, two, three] = made;
  const read = await send("/pay/1");
  assert.deepEqual([read.headers.get("laneway-lane"), read.headers.getSetCookie()], ["critical", ["a=1"]]);
  assert.equal(taken(http).seats, 1);
  one!.push("part");
  one!.end();
  assert.equal(await read.text(), "part");
  assert.deepEqual(taken(http), NOTHING);
  const cancelled = await send("/pay/1");
  await cancelled.body!.cancel();
  assert.deepEqual([two!.left, taken(http)], [true, NOTHING]);
  const broken = await send("/pay/1");
  three!.fail();
  await assert.rejects(broken.text(), { message: "broke off" });
  assert.deepEqual(taken(http), NOTHING);
  assert.equal(http.snapshot().lanes[0]!.failed, 2);
});

test("a reply without a body frees its seat at once, and so does one to HEAD, whatever the handler made", async () => {
  const body = stream();
  const { send, http } = await laned(({ method }) =>
    method === "HEAD" ? new Response(body.body) : new Response(null, { status: 204 }),
  );
  assert.equal((await send("/")).status, 204);
  assert.deepEqual(taken(http), NOTHING);
  const head = await send("/", { method: "HEAD" });
  assert.deepEqual([head.status, head.body, body.left], [200, null, true]);
  assert.deepEqual(taken(http), NOTHING);
});

test("a client that leaves while queued is forgotten, and its handler never runs", async () => {
  const held = stream();
  let runs = 0;
  const { send, http } = await laned(() => (runs++, new Response(held.body)));
  const first = await send("/x");
  const leaver = new AbortController();
  const waiting = send("/x", { signal: leaver.signal });
  await until(() => taken(http).waiting === 1);
  leaver.abort();
  assert.equal((await waiting).status, 499);
  assert.deepEqual([runs, taken(http).waiting], [1, 0]);
  const gone = await send("/x", { signal: AbortSignal.abort() });
  assert.deepEqual([gone.status, runs], [499, 1]);
  await first.body!.cancel();
  assert.deepEqual(taken(http), NOTHING);
});

test("a client that leaves in the turn in which its seat comes is not served, and the seat is free", async () => {
  let runs = 0;
  const { send, http } = await laned(() => (runs++, new Response("late")));
  const held = http.tryAcquire({ lane: "normal" })!;
  const leaver = new AbortController();
  const waiting = send("/x", { signal: leaver.signal });
  await until(() => taken(http).waiting === 1);
  held.release();
  leaver.abort();
  assert.deepEqual([(await waiting).status, runs, taken(http)], [499, 0, NOTHING]);
});

test("a client that leaves while its handler runs, or its body streams, gives its seat back", async () => {
  const late = stream();
  let seen: AbortSignal | undefined;
  let answer: ((response: Response) => void) | undefined;
  const { send, http } = await laned((request) => {
    seen = admissionOf(request)!.signal;
    return new Promise((resolve) => (answer = resolve));
  });
  const running = new AbortController();
  const reply = send("/x", { signal: running.signal });
  running.abort();
  assert.deepEqual([(await reply).status, seen!.aborted, taken(http)], [499, true, NOTHING]);
  answer!(new Response(late.body));
  await until(() => late.left);
  const streaming = new AbortController();
  const body = stream();
  const second = send("/x", { signal: streaming.signal });
  answer!(new Response(body.body));
  const got = await second;
  assert.equal(taken(http).seats, 1);
  streaming.abort();
  await assert.rejects(got.text(), { name: "AbortError" });
  assert.deepEqual([body.left, taken(http)], [true, NOTHING]);
});

test("a handler that never answers gets its client a 504 when the time of the lane is up", async () => {
  const clock = new TestClock();
  let seen: AbortSignal | undefined;
  const { send, http } = await laned(
    (request) => {
      seen = admissionOf(request)!.signal;
      return new Promise(() => {});
    },
    { clock },
  );
  const reply = send("/x");
  await clock.advance(30_000);
  const got = await reply;
  assert.deepEqual(
    [got.status, ((await got.json()) as { code: string }).code, seen!.aborted],
    [504, "LANEWAY_TIMEOUT", true],
  );
  assert.deepEqual(taken(http), NOTHING);
});

test("a refusal is a problem with retry-after, a page for a browser, or what onShed makes of it", async () => {
  const held = stream();
  const onShed: WebLanesOptions["onShed"] = (refusal, request) =>
    request.url.endsWith("?own") ? new Response(refusal.reason, { status: 418 }) : undefined;
  const { send, http } = await laned(({ url }) => new Response(url.endsWith("/x") ? held.body : "export"), {
    onShed,
  });
  const first = await send("/x");
  const waiting = send("/export");
  await until(() => taken(http).waiting === 1);
  const refused = await send("/export");
  const { status, headers } = refused;
  assert.deepEqual(
    [status, headers.get("content-type"), headers.get("laneway-lane")],
    [503, "application/problem+json", "bulk"],
  );
  assert.deepEqual(((await refused.json()) as { reason: string }).reason, "lane-full");
  const page = await send("/export", { headers: { accept: "text/html" } });
  assert.match(await page.text(), /^<!doctype html>/);
  const own = await send("/export?own");
  assert.deepEqual([own.status, await own.text()], [418, "lane-full"]);
  held.end();
  await first.text();
  assert.equal(await (await waiting).text(), "export");
  assert.deepEqual(taken(http), NOTHING);
});

test("the handler runs in the async context of its lane, with the deadline that the sender has left", async () => {
  let ambient: ReturnType<typeof asyncContext.get>;
  const { send } = await laned(async () => {
    await turn();
    ambient = asyncContext.get();
    return new Response(currentLane());
  });
  const before = performance.now();
  const reply = await send("/x", { headers: { "x-laneway-lane": "bulk", "x-laneway-deadline-ms": "1500" } });
  assert.equal(await reply.text(), "bulk");
  assert.equal(ambient!.rule, "default lane, lowered to bulk by x-laneway-lane");
  assert.ok(ambient!.deadline! >= before + 1_500 && ambient!.deadline! <= performance.now() + 1_500);
  await (await send("/x")).text();
  assert.ok(ambient!.deadline! > before + 20_000);
});

test("a request whose sender has no time left is refused and never started", async () => {
  let runs = 0;
  const { send, http } = await laned(() => (runs++, new Response("late")));
  const late = await send("/x", { headers: { "x-laneway-deadline-ms": "0" } });
  assert.deepEqual([late.status, runs], [504, 0]);
  assert.deepEqual(taken(http), NOTHING);
});

test("the address that the runtime tells decides whether a claim is believed", async () => {
  const { send } = await laned(() => new Response(currentLane()), {
    address: ({ headers }) => headers.get("x-from") ?? undefined,
  });
  const claim = { "x-priority": "critical" };
  assert.equal(await (await send("/x", { headers: claim })).text(), "normal");
  assert.equal(await (await send("/x", { headers: { ...claim, "x-from": "10.1.2.3" } })).text(), "critical");
});

test("a handler that throws gives its seat back and rejects; a reply that cannot be watched passes", async () => {
  const { send, http } = await laned((request) => {
    if (request.url.endsWith("/error")) return Response.error();
    throw new Error("of the handler");
  });
  await assert.rejects(send("/x"), { message: "of the handler" });
  assert.equal((await send("/error")).type, "error");
  assert.deepEqual(taken(http), NOTHING);
});

test("a wrong option, and lanes put on twice, are refused by name", async () => {
  const laneway = new Laneway(await parsePolicy(POLICY));
  const handler = (): Response => new Response("x");
  assert.throws(
    () => webLanes(laneway, handler, { lane: "fast" }),
    /webLanes: lane: expected one of critical, normal, bulk, found "fast"/,
  );
  assert.throws(() => webLanes(laneway, handler, { address: 7 } as object), /webLanes: address/);
  assert.throws(() => webLanes(laneway, webLanes(laneway, handler)), /wrap it once/);
  const inner = webLanes(laneway, handler);
  const outer = webLanes(laneway, (request) => inner(request));
  await assert.rejects(outer(new Request("http://shop.test/")), /register it once/);
  assert.deepEqual(taken(laneway.resource("http")), NOTHING);
});

test("clients that leave at random moments lose no seat, and no handler runs after its client has left", async () => {
  let random = 7;
  const chance = (): number => (random = (random * 48_271) % 2_147_483_647) / 2_147_483_647;
  const left = new WeakSet<object>();
  let afterwards = 0;
  const { send, http } = await laned(async (request) => {
    if (left.has(request.signal)) afterwards++;
    await turn();
    return new Response("body");
  });
  const one = async (): Promise<void> => {
    const client = new AbortController();
    const turns = Math.floor(chance() * 6);
    const reply = send(chance() < 0.5 ? "/x" : "/pay/1", { signal: client.signal });
    for (let index = 0; index < turns; index++) await turn();
    client.abort();
    await (await reply).text().catch(() => undefined);
  };
  for (let round = 0; round < 100; round++) await Promise.all(Array.from({ length: 100 }, one));
  assert.deepEqual([afterwards, taken(http)], [0, NOTHING]);
});

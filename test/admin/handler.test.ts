import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { adminPages } from "../../src/admin/handler.ts";
import type { AdminHandler, AdminOptions } from "../../src/admin/handler.ts";
import { LANE_FIELDS } from "../../src/admin/wire.ts";
import type { State, Tick } from "../../src/admin/wire.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { Policy } from "../../src/policy/policy.ts";

const TOKEN = "correct horse battery staple";
const POLICY = `
lanes:
  - { name: critical, reservation: 1, lendable: 0 }
  - { name: bulk }
resources: { db: { limit: 2 } }
`;
/** No file may name a lane so; a policy that is made in code may. */
const ODD = "<script>alert(1)</script>";

async function oddPolicy(): Promise<Policy> {
  const odd = <T extends { readonly name: string }>(lane: T): T =>
    lane.name === "bulk" ? { ...lane, name: ODD } : lane;
  const policy = await parsePolicy(POLICY);
  const db = policy.resources["db"]!;
  return {
    ...policy,
    lanes: policy.lanes.map(odd),
    defaultLane: ODD,
    resources: { db: { ...db, lanes: db.lanes.map(odd) } },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

class Served {
  readonly laneway: Laneway;
  readonly pages: AdminHandler;
  readonly port: number;

  constructor(laneway: Laneway, pages: AdminHandler, port: number) {
    this.laneway = laneway;
    this.pages = pages;
    this.port = port;
  }

  open(
    path: string,
    {
      method = "GET",
      headers = {},
      body,
    }: { method?: string; headers?: Record<string, string>; body?: unknown } = {},
  ): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const json = body === undefined ? {} : { "content-type": "application/json" };
    request(
      { port: this.port, host: "127.0.0.1", path, method, headers: { ...json, ...headers }, agent: false },
      resolve,
    )
      .on("error", reject)
      .end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
    return promise;
  }

  async ask(path: string, options: Parameters<Served["open"]>[1] = {}): Promise<Answer> {
    const res = await this.open(path, options);
    let text = "";
    for await (const chunk of res.setEncoding("utf8")) text += String(chunk);
    return { status: res.statusCode!, headers: res.headers, text };
  }
}

async function served(t: TestContext, options: AdminOptions = {}): Promise<Served> {
  const laneway = new Laneway(await oddPolicy());
  const pages = adminPages(laneway, { log: () => undefined, repeat: () => () => undefined, ...options });
  const server = createServer(pages).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    pages.close();
    laneway.close();
    server.close();
    server.closeAllConnections();
  });
  return new Served(laneway, pages, (server.address() as AddressInfo).port);
}

const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };
const PAUSE = { resource: "db", lane: ODD, state: "paused", durationMs: 600_000 };

test("the state and its ticks say what every lane has and is due, under the names that the state gives", async (t) => {
  const at = await served(t);
  const held = await at.laneway.resource("db").acquire({ lane: ODD });
  const waiting = at.laneway.resource("db").acquire({ lane: ODD });
  at.pages.feed.tick();
  const { state, ticks } = JSON.parse((await at.ask("/api/state")).text) as { state: State; ticks: Tick[] };
  assert.deepEqual(state.resources, [
    {
      name: "db",
      order: "strict",
      limitReason: "as the policy says",
      draining: false,
      lanes: ["critical", ODD],
      laneStates: ["open", "open"],
    },
  ]);
  assert.deepEqual([state.actions, state.refusedEdit, state.overrides], [false, null, []]);
  const tick = ticks.at(-1)!;
  const odd = Object.fromEntries(LANE_FIELDS.map((field, i) => [field, tick.resources[0]!.lanes[1]![i]]));
  assert.deepEqual([odd["waiting"], odd["seats"], tick.resources[0]!.limit], [1, 1, 2]);
  // Over the two ticks so far: nothing, then one seat of two; the other is the critical lane's own.
  assert.deepEqual([odd["got"], odd["due"]], [0.25, 0.25]);
  held.release();
  (await waiting).release();
});

test("who waits for a budget beside free seats is due none of them", async (t) => {
  const at = await served(t);
  const db = at.laneway.resource("db");
  db.update({ limit: 4, budgets: { requests: 1 } });
  const held = await db.acquire({ lane: ODD });
  const waiting = db.acquire({ lane: ODD });
  for (let i = 0; i < 10; i++) at.pages.feed.tick();
  const { ticks } = JSON.parse((await at.ask("/api/state")).text) as { ticks: Tick[] };
  const odd = ticks.at(-1)!.resources[0]!.lanes[1]!;
  assert.deepEqual(
    (["waiting", "got", "due"] as const).map((field) => odd[LANE_FIELDS.indexOf(field)]),
    [1, 0.25, 0.25],
  );
  held.release();
  db.update({ budgets: {} });
  (await waiting).release();
});

test("the stream begins with the state, sends a tick each time, and the state again when it changes", async (t) => {
  const at = await served(t, { token: TOKEN });
  const res = await at.open("/api/events");
  assert.equal(res.headers["content-type"], "text/event-stream");
  const events: string[] = [];
  const seen = async (count: number): Promise<void> => {
    while (events.length < count) {
      const [chunk] = (await once(res, "data")) as [Buffer];
      events.push(...[...chunk.toString().matchAll(/^event: (.*)$/gm)].map((match) => match[1]!));
    }
  };
  await seen(2);
  assert.deepEqual(events, ["state", "tick"]);
  at.pages.feed.tick();
  await seen(3);
  at.laneway.override(PAUSE as never);
  at.pages.feed.tick();
  await seen(5);
  assert.deepEqual(events, ["state", "tick", "tick", "state", "tick"]);
  res.destroy();
});

test("without a token everything is read-only, and says how to change that", async (t) => {
  const at = await served(t);
  const refused = await at.ask("/api/overrides", { method: "POST", body: PAUSE, headers: AUTHORIZED });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /read-only: set gateway\.adminToken/);
  assert.deepEqual(at.laneway.overrides, []);
});

test("with the token a lane is paused and opened again, and who did it is kept", async (t) => {
  const lines: string[] = [];
  const at = await served(t, { token: TOKEN, log: (line) => lines.push(line) });
  const made = await at.ask("/api/overrides", { method: "POST", body: PAUSE, headers: AUTHORIZED });
  assert.equal(made.status, 201);
  const { id, made: command } = JSON.parse(made.text) as { id: string; made: string };
  assert.equal(command, `laneway override db --lane '${ODD}' --state paused --for 10m`);
  assert.equal(at.laneway.resource("db").tryAcquire({ lane: ODD }), undefined);
  const { status } = await at.ask(`/api/overrides?id=${id}`, { method: "DELETE", headers: AUTHORIZED });
  assert.deepEqual([status, at.laneway.overrides], [200, []]);
  const { entries } = JSON.parse((await at.ask("/api/audit")).text) as { entries: { action: string }[] };
  assert.deepEqual(
    entries.map(({ action }) => action),
    [`end of override ${id}`, `db, lane ${ODD}: paused for 10 min`],
  );
  assert.equal(lines.length, 2);
  const wrong = await at.ask("/api/overrides", {
    method: "POST",
    body: { ...PAUSE, lane: "low" },
    headers: AUTHORIZED,
  });
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /lane: expected one of critical/);
});

test("a wrong token is refused, and after ten of them none is compared for a minute", async (t) => {
  let now = 0;
  const at = await served(t, { token: TOKEN, now: () => now });
  const guess = (token: string): Promise<Answer> =>
    at.ask("/api/overrides", { method: "POST", body: PAUSE, headers: { authorization: `Bearer ${token}` } });
  for (let i = 0; i < 10; i++) assert.equal((await guess(`guess ${i}`)).status, 401);
  const right = await guess(TOKEN);
  assert.deepEqual([right.status, right.headers["retry-after"]], [429, "60"]);
  now += 60_000;
  assert.equal((await guess(TOKEN)).status, 201);
});

test("the page begins a session by the token once; another site's page may neither begin one nor use it", async (t) => {
  const at = await served(t, { token: TOKEN });
  const begun = await at.ask("/api/session", { method: "POST", body: { token: TOKEN } });
  const cookie = begun.headers["set-cookie"]![0]!;
  assert.match(cookie, /^laneway-session=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const withCookie = { cookie: cookie.split(";")[0]! };
  const act = (headers: Record<string, string>): Promise<Answer> =>
    at.ask("/api/overrides", { method: "POST", body: PAUSE, headers: { ...withCookie, ...headers } });
  assert.equal((await act({ "sec-fetch-site": "cross-site" })).status, 403);
  assert.equal((await act({ "sec-fetch-site": "same-site" })).status, 403);
  assert.equal((await act({ origin: "https://evil.example" })).status, 403);
  const form = await at.open("/api/overrides", {
    method: "POST",
    headers: { ...withCookie, "content-type": "text/plain" },
    body: JSON.stringify(PAUSE),
  });
  assert.equal(form.statusCode, 415);
  assert.deepEqual(at.laneway.overrides, []);
  assert.equal(
    (await act({ "sec-fetch-site": "same-origin", origin: `http://127.0.0.1:${at.port}` })).status,
    201,
  );
  const stranger = await at.ask("/api/session", {
    method: "POST",
    body: { token: TOKEN },
    headers: { origin: "https://evil.example" },
  });
  assert.deepEqual([stranger.status, stranger.headers["set-cookie"]], [403, undefined]);
});

test("a journey tells why, is found by its id, and shed ones outlive those that went well", async (t) => {
  const at = await served(t);
  const db = at.laneway.resource("db");
  db.update({ queue: { max: 0 } });
  const held = [await db.acquire({ lane: "critical" }), await db.acquire({ lane: ODD })];
  await assert.rejects(db.acquire({ lane: ODD, id: "req-Shed", rule: "line 4" }));
  held[1]!.release();
  for (let i = 0; i < 1_000; i++) db.tryAcquire({ lane: ODD })!.release();
  held[0]!.release();
  const found = JSON.parse((await at.ask("/api/journeys?text=REQ-shed")).text) as { journeys: object[] };
  assert.equal(found.journeys.length, 1);
  const { id, lane, rule, outcome, reason, ahead } = found.journeys[0] as Record<string, unknown>;
  assert.deepEqual(
    [id, lane, rule, outcome, reason, ahead],
    ["req-Shed", ODD, "line 4", "rejected", "resource-full", { critical: 1, [ODD]: 1 }],
  );
  const all = JSON.parse((await at.ask("/api/journeys?limit=500")).text) as { journeys: object[] };
  assert.equal(all.journeys.length, 500);
  assert.equal((await at.ask("/api/journeys?limit=0")).status, 400);
});

test("it can be mounted anywhere, and looking can take the token too", async (t) => {
  const at = await served(t, { prefix: "/admin/lanes", token: TOKEN, privateReads: true });
  const moved = await at.ask("/admin/lanes");
  assert.deepEqual([moved.status, moved.headers["location"]], [308, "/admin/lanes/"]);
  assert.equal((await at.ask("/admin/lanes/healthz")).text, "ok\n");
  assert.equal((await at.ask("/admin/lanes/api/snapshot")).status, 401);
  assert.equal((await at.ask("/admin/lanes/api/snapshot", { headers: AUTHORIZED })).status, 200);
  assert.equal((await at.ask("/api/snapshot")).status, 404);
});

test("one who reads nothing misses ticks instead of making us keep them, and there is an end to how many listen", async (t) => {
  const at = await served(t);
  const streams: IncomingMessage[] = [];
  for (let i = 0; i < 200; i++) streams.push(await at.open("/api/events"));
  assert.equal((await at.ask("/api/events")).status, 503);
  for (const stream of streams) stream.destroy();
});

test("requests of a resource that a reload brought are kept from the next second on, though nobody has asked yet", async (t) => {
  let second = (): void => assert.fail("nothing repeats");
  const at = await served(t, {
    repeat: (fn) => {
      second = fn;
      return () => undefined;
    },
  });
  const text = (limit: string): string => `resources: { db: { limit: 6 }${limit} }`;
  at.laneway.update(await parsePolicy(text(", later: { limit: 1 }")));
  second();
  (await at.laneway.resource("later").acquire({ id: "came-later" })).release();
  const { journeys } = JSON.parse((await at.ask("/api/journeys?text=came-later")).text) as {
    journeys: { id: string }[];
  };
  assert.deepEqual(
    journeys.map(({ id }) => id),
    ["came-later"],
  );
});

import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { before, describe, after, it } from "node:test";
import type { Setup, Told, Trace } from "./service.ts";

interface Service {
  readonly url: string;
  readonly told: Told[];
  stop(): void;
  /** Resolves when the service has told something of this kind. */
  has(kind: "started" | "query" | "refused"): Promise<string>;
}

async function start(setup: Setup): Promise<Service> {
  const child = fork(new URL("service.ts", import.meta.url), { execArgv: [] });
  child.send(setup);
  const [{ url }] = (await once(child, "message")) as [{ url: string }];
  const told: Told[] = [];
  child.on("message", (message: Told) => told.push(message));
  const has: Service["has"] = async (kind) => {
    for (;;) {
      const found = told.find((message): message is Told => kind in message);
      if (found !== undefined) return Object.values(found)[0] as string;
      await once(child, "message");
    }
  };
  return { url, told, has, stop: () => child.kill("SIGKILL") };
}

const LANES = "lanes: [{ name: critical }, { name: high }, { name: normal }, { name: bulk }]";
/** A caller inside may raise its lane; outside of the shop nobody is listed. */
const INSIDE = "callers: [{ cidr: 127.0.0.1, upTo: critical }]";

describe("through three services in three processes", () => {
  let shop: Service;
  let billing: Service;
  let ledger: Service;

  before(async () => {
    ledger = await start({
      policy: `${LANES}\ntrust: { ${INSIDE} }\nresources: { http: { limit: 4 }, main-db: { limit: 2 } }`,
      next: undefined,
    });
    const resources = "resources: { http: { limit: 4 }, next: { limit: 4 } }";
    billing = await start({
      policy: `${LANES}\ntrust: { ${INSIDE}, forwardTo: ["${ledger.url}"] }\n${resources}`,
      next: ledger.url,
    });
    shop = await start({
      policy: `${LANES}
classify: [{ path: /export/**, lane: bulk }, { path: /pay, lane: critical }]
trust: { forwardTo: ["${billing.url}"] }
${resources}`,
      next: billing.url,
    });
  });
  after(() => {
    for (const service of [shop, billing, ledger]) service?.stop();
  });

  async function traces(path: string, headers: Record<string, string> = {}): Promise<Trace[]> {
    for (const { told } of [shop, billing, ledger]) told.length = 0;
    const reply = await fetch(`${shop.url}${path}`, { headers });
    const list: Trace[] = [];
    for (
      let trace: Trace | undefined = (await reply.json()) as Trace;
      trace !== undefined;
      trace = trace.behind
    )
      list.push(trace);
    return list;
  }

  it("a bulk request is bulk all the way into the database, and a payment critical", async () => {
    for (const [path, lane, verb] of [
      ["/export/all", "bulk", "lowered"],
      ["/pay", "critical", "raised"],
    ] as const) {
      const seen = await traces(path);
      assert.deepEqual(
        seen.map((trace) => trace.lane),
        [lane, lane, lane],
      );
      for (const { rule } of seen.slice(1))
        assert.equal(rule, `default lane, ${verb} to ${lane} by x-laneway-lane`);
      assert.equal(await ledger.has("query"), `${lane} ${lane}`);
    }
  });

  it("a claim that is forged outside is believed by nobody inside", async () => {
    const forged = {
      "x-laneway-lane": "critical",
      "x-priority": "critical",
      baggage: "laneway.lane=critical",
    };
    assert.deepEqual(
      (await traces("/x", forged)).map((trace) => trace.lane),
      ["normal", "normal", "normal"],
    );
    assert.deepEqual(
      (await traces("/export/all", forged)).map((trace) => trace.lane),
      ["bulk", "bulk", "bulk"],
    );
    assert.equal(await ledger.has("query"), "bulk bulk");
  });

  it("each service has what is left of the time of the one before", async () => {
    const left = (await traces("/pay", { "x-laneway-deadline-ms": "20000" })).map(({ leftMs }) => leftMs);
    assert.ok(
      left[0]! <= 20_000 && left[1]! <= left[0]! && left[2]! <= left[1]! && left[2]! > 0,
      String(left),
    );
  });

  it("a deadline that was spent in the first service is not started in the third", async () => {
    for (const { told } of [shop, billing, ledger]) told.length = 0;
    const reply = await fetch(`${shop.url}/spend`, { headers: { "x-laneway-deadline-ms": "50" } });
    assert.equal(reply.status, 504);
    assert.match(await shop.has("refused"), /^LANEWAY_DEADLINE /);
    // One that is served afterwards proves that nothing was on its way before it.
    await (await fetch(`${shop.url}/after`)).text();
    assert.deepEqual(
      [...billing.told, ...ledger.told].filter((told) => "started" in told && told.started === "/spend"),
      [],
    );
    assert.deepEqual(ledger.told[0], { started: "/after" });
  });
});

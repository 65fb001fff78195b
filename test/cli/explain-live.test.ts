import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { forecastText } from "../../src/cli/explain-live.ts";
import type { ShownForecast } from "../../src/admin/wire.ts";
import { adminServer } from "./admin-server.ts";
import { folderWith, laneway } from "./command.ts";

const POLICY = `
lanes:
  - { name: critical, reservation: 1, lendable: 0 }
  - { name: bulk, queue: { max: 1 } }
classify:
  - { path: /api/export/**, lane: bulk }
  - { path: /pay, lane: critical }
resources: { http: { limit: 2 } }
`;

describe("laneway explain --live", () => {
  it("tells where the request would stand now: it starts, it waits, it is refused", async (t) => {
    const at = await adminServer(t, { policy: POLICY });
    const cwd = await folderWith(t, { "laneway.yaml": POLICY });
    const now = async (path: string): Promise<string | undefined> => {
      const args = ["explain", "GET", path, "--live", "--admin", at.url, "--from", "192.0.2.1"];
      return /^now {7}(.*)$/m.exec((await laneway(args, { cwd })).out)?.[1];
    };
    const http = at.laneway.resource("http");
    const held = await http.acquire({ lane: "bulk" });
    assert.equal(await now("/pay"), "would start at once");
    assert.equal(
      await now("/api/export/all"),
      "would wait, as the first of its lane; for how long nobody knows before something has ended there",
    );
    const waiting = http.acquire({ lane: "bulk", flow: "192.0.2.1" });
    assert.equal(await now("/api/export/all"), "would be refused: its lane's queue is full");
    held.release();
    (await waiting).release();
    const asked = ["explain", "GET", "/pay", "--live", "--admin", at.url, "--json"];
    const { now: json } = JSON.parse((await laneway(asked, { cwd })).out) as { now: ShownForecast };
    assert.deepEqual(
      [json.resource, json.lane, json.outcome, json.waitMs],
      ["http", "critical", "starts", 0],
    );
  });

  it("fails when nobody can say, with the reason", async (t) => {
    const at = await adminServer(t, { policy: "resources: { other: { limit: 1 } }" });
    const cwd = await folderWith(t, { "laneway.yaml": POLICY });
    const args = ["explain", "GET", "/pay", "--live", "--admin", at.url];
    const unknown = await laneway(args, { cwd });
    assert.deepEqual([unknown.code, unknown.out], [1, ""]);
    assert.match(unknown.err, /expected one of other, found "http"/);
    await at.stop();
    assert.match((await laneway(args, { cwd })).err, /--live: nothing listens at /);
  });

  it("says how long, and what will not be", () => {
    const some: ShownForecast = {
      resource: "db",
      lane: "bulk",
      flow: "",
      outcome: "waits",
      reason: null,
      position: 3,
      waitMs: 340,
      queueTimeoutMs: 60_000,
    };
    const said = (more: Partial<ShownForecast>): string => forecastText({ ...some, ...more });
    assert.equal(said({}), "would wait about 340 ms, up to 3 of its lane go before it");
    assert.equal(
      said({ waitMs: 300_000, position: 1 }),
      "would wait about 5 min, up to 1 of its lane goes before it; its lane gives it up after 60 s",
    );
    assert.equal(
      said({ reason: "paused", waitMs: null }),
      "would wait until lane bulk is opened again: it is paused; up to 3 of its lane go before it",
    );
    assert.equal(
      said({ outcome: "refused", reason: "predicted", waitMs: 90_000 }),
      "would be refused: it could not be done within its lane's time-out; it would wait about 90 s",
    );
  });
});

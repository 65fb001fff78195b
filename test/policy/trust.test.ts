import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { forwardedDeadlineMs } from "../../src/policy/forwarded.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { asking, request } from "./request.ts";

const POLICY = `
classify:
  - { path: /pay, lane: critical }
  - { path: /export, lane: bulk }
trust:
  callers:
    - { key: "\${CHAT_KEY}", flow: chat, upTo: critical }
    - { key: batch-key-0123456789, upTo: normal }
    - { key: only-a-name, flow: named }
    - { key: only-up-to-low, upTo: low }
    - { cidr: 10.0.0.0/8, upTo: high }
    - { cidr: 10.9.0.0/16, upTo: critical }
    - { cidr: fd00::/8, upTo: high }
    - { cidr: 192.0.2.1, upTo: high }
`;
const CHAT_KEY = "chat-key-with-many-letters";
const chat = { "x-api-key": CHAT_KEY };

describe("a claim", () => {
  interface Row {
    readonly path: string;
    readonly claim: unknown;
    readonly headers?: Record<string, string>;
    readonly from?: string;
    readonly lane: string;
    readonly decision: string | undefined;
  }
  const nobody: readonly Row[] = [
    { path: "/x", claim: undefined, lane: "normal", decision: undefined },
    { path: "/x", claim: "", lane: "normal", decision: undefined },
    { path: "/x", claim: "normal", lane: "normal", decision: "granted" },
    { path: "/x", claim: " normal ", lane: "normal", decision: "granted" },
    { path: "/x", claim: "bulk", lane: "bulk", decision: "lowered" },
    { path: "/pay", claim: "low", lane: "low", decision: "lowered" },
    { path: "/x", claim: "high", lane: "normal", decision: "not-trusted" },
    { path: "/export", claim: "low", lane: "bulk", decision: "not-trusted" },
    { path: "/x", claim: "urgent", lane: "normal", decision: "unknown-lane" },
    { path: "/x", claim: "Critical", lane: "normal", decision: "unknown-lane" },
    { path: "/x", claim: "low, bulk", lane: "normal", decision: "unknown-lane" },
    { path: "/x", claim: "__proto__", lane: "normal", decision: "unknown-lane" },
    { path: "/x", claim: "bulk".repeat(1_000), lane: "normal", decision: "unknown-lane" },
    { path: "/x", claim: ["bulk", "low"], lane: "normal", decision: undefined },
  ];
  const listed: readonly Row[] = [
    { path: "/x", claim: "critical", headers: chat, lane: "critical", decision: "granted" },
    {
      path: "/x",
      claim: "critical",
      headers: { authorization: `Bearer ${CHAT_KEY}` },
      lane: "critical",
      decision: "granted",
    },
    {
      path: "/x",
      claim: "critical",
      headers: { authorization: `bearer  ${CHAT_KEY} ` },
      lane: "critical",
      decision: "granted",
    },
    {
      path: "/x",
      claim: "critical",
      headers: { authorization: `Basic ${CHAT_KEY}` },
      lane: "normal",
      decision: "not-trusted",
    },
    { path: "/x", claim: undefined, headers: chat, lane: "normal", decision: undefined },
    { path: "/x", claim: "bulk", headers: chat, lane: "bulk", decision: "lowered" },
    { path: "/x", claim: "critical", from: "10.1.2.3", lane: "high", decision: "capped" },
    { path: "/x", claim: "high", from: "10.1.2.3", lane: "high", decision: "granted" },
    { path: "/x", claim: "high", from: "::ffff:10.1.2.3", lane: "high", decision: "granted" },
    { path: "/x", claim: "high", from: "11.1.2.3", lane: "normal", decision: "not-trusted" },
    { path: "/x", claim: "high", from: "fd12::1", lane: "high", decision: "granted" },
    { path: "/x", claim: "high", from: "fe80::1%eth0", lane: "normal", decision: "not-trusted" },
    { path: "/x", claim: "high", from: "192.0.2.1", lane: "high", decision: "granted" },
    { path: "/x", claim: "high", from: "192.0.2.2", lane: "normal", decision: "not-trusted" },
    // The first range that holds the address counts, and a key before any range.
    { path: "/x", claim: "critical", from: "10.9.1.1", lane: "high", decision: "capped" },
    { path: "/x", claim: "critical", from: "10.9.1.1", headers: chat, lane: "critical", decision: "granted" },
    // A cap never lowers what the rules gave.
    {
      path: "/x",
      claim: "critical",
      headers: { "x-api-key": "batch-key-0123456789" },
      lane: "normal",
      decision: "capped",
    },
    {
      path: "/export",
      claim: "critical",
      headers: { "x-api-key": "batch-key-0123456789" },
      lane: "normal",
      decision: "capped",
    },
    {
      path: "/x",
      claim: "critical",
      headers: { "x-api-key": "only-up-to-low" },
      lane: "normal",
      decision: "capped",
    },
    {
      path: "/x",
      claim: "critical",
      headers: { "x-api-key": "only-a-name" },
      lane: "normal",
      decision: "not-trusted",
    },
  ];
  for (const { path, claim, headers, from, lane, decision } of [...nobody, ...listed]) {
    const who =
      from ?? (headers === undefined ? "anybody" : JSON.stringify(headers).replace(CHAT_KEY, "the chat key"));
    const what = JSON.stringify(claim)?.slice(0, 30) ?? "nothing";
    it(`to ${what} by ${who} for ${path} is ${decision ?? "none"}: ${lane}`, async () => {
      const ask = await asking(POLICY, { CHAT_KEY });
      const answer = ask(path, { headers: { ...headers, "x-priority": claim }, remoteAddress: from });
      assert.deepEqual([answer.lane, answer.claim?.decision], [lane, decision]);
    });
  }

  it("is told with the caller, and changes what the rule says only when it changes the lane", async () => {
    const ask = await asking(POLICY, { CHAT_KEY });
    const raised = ask("/export", { headers: { ...chat, "x-priority": "high" } });
    assert.deepEqual(
      [raised.rule, raised.claim, raised.caller],
      [
        "laneway.yaml:4 path /export, raised to high by x-priority",
        { claimed: "high", decision: "granted" },
        "chat",
      ],
    );
    assert.equal(
      ask("/x", { headers: { "x-priority": "low" } }).rule,
      "default lane, lowered to low by x-priority",
    );
    assert.equal(ask("/x", { headers: { "x-priority": "high" } }).rule, "default lane");
  });

  it("is cut to 64 characters where it is told", async () => {
    const ask = await asking(POLICY, { CHAT_KEY });
    assert.equal(ask("/x", { headers: { "x-priority": "a".repeat(5_000) } }).claim?.claimed.length, 65);
  });

  it("comes in the header that the policy names, in any case", async () => {
    const ask = await asking("trust: { header: X-Lane }");
    assert.equal(ask("/x", { headers: { "x-lane": "bulk" } }).lane, "bulk");
    assert.equal(ask("/x", { headers: { "x-priority": "bulk" } }).lane, "normal");
  });

  it("never reaches an exempt lane, which would be a way around every limit", async () => {
    const ask = await asking(`
lanes: [{ name: system, exempt: true }, { name: critical }, { name: normal }, { name: probes, exempt: true }]
classify: [{ path: /healthz, lane: probes }]
trust: { callers: [{ key: k-1234, upTo: critical }] }`);
    for (const lane of ["system", "probes"]) {
      const { lane: found, claim } = ask("/x", { headers: { "x-priority": lane, "x-api-key": "k-1234" } });
      assert.deepEqual([found, claim?.decision], ["normal", "not-trusted"]);
    }
    assert.equal(ask("/healthz").lane, "probes");
    assert.equal(ask("/healthz", { headers: { "x-priority": "probes" } }).claim?.decision, "granted");
  });
});

describe("a lane that another service forwards", () => {
  const from = (headers: Record<string, string>): Promise<unknown[]> =>
    asking(POLICY, { CHAT_KEY }).then((ask) => {
      const { lane, rule, claim } = ask("/x", { headers });
      return [lane, rule, claim?.decision];
    });

  it("is a claim: anybody's may lower a lane, only a listed caller's may raise it", async () => {
    const lowered = ["bulk", "default lane, lowered to bulk by x-laneway-lane", "lowered"];
    assert.deepEqual(await from({ "x-laneway-lane": "bulk" }), lowered);
    const raised = ["critical", "default lane, raised to critical by x-laneway-lane", "granted"];
    assert.deepEqual(await from({ "x-laneway-lane": "critical", ...chat }), raised);
    const forged = ["normal", "default lane", "not-trusted"];
    assert.deepEqual(await from({ "x-laneway-lane": "critical" }), forged);
  });

  it("goes before the header of the policy, and W3C baggage tells it where that header was lost", async () => {
    const both = { "x-laneway-lane": "bulk", "x-priority": "low", baggage: "laneway.lane=high" };
    assert.equal((await from(both))[0], "bulk");
    const baggage = "tenant=7, laneway.lane = low ;p=1,laneway.lane=bulk";
    assert.equal((await from({ baggage, "x-priority": "bulk" }))[0], "low");
    assert.equal((await from({ baggage: "not.laneway.lane=bulk", "x-priority": "low" }))[0], "low");
  });

  it("is ignored and counted when it names none, whatever it holds", async () => {
    const nothing = ["normal", "default lane", "unknown-lane"];
    for (const value of ["'; DROP", "u=99", "bulk, low", "x".repeat(10_000), "__proto__"])
      assert.deepEqual(await from({ "x-laneway-lane": value }), nothing);
    for (const baggage of [
      "laneway.lane=%E0%A4%A",
      `laneway.lane=bulk,${"x".repeat(10_000)}`,
      "laneway.lane",
    ])
      assert.deepEqual(await from({ baggage }), ["normal", "default lane", undefined]);
  });

  it("comes with the time that is left, which is read only where it is a whole number", () => {
    const left = (headers: Record<string, unknown>): number | undefined =>
      forwardedDeadlineMs(request("/x", { headers }));
    assert.equal(left({ "x-laneway-deadline-ms": "1500" }), 1_500);
    assert.equal(left({ "x-laneway-deadline-ms": "0" }), 0);
    assert.equal(left({ baggage: "laneway.deadline-ms=20" }), 20);
    for (const value of ["", "-1", "1e3", "1.5", "NaN", "9".repeat(400), "10, 20", ["10"]])
      assert.equal(left({ "x-laneway-deadline-ms": value }), undefined);
  });
});

describe("a key", () => {
  it("counts only whole: not its beginning, not with more after it, not in another case", async () => {
    const ask = await asking(POLICY, { CHAT_KEY });
    const caller = (key: string): string | undefined => ask("/x", { headers: { "x-api-key": key } }).caller;
    assert.equal(caller(CHAT_KEY), "chat");
    for (const other of [
      "",
      CHAT_KEY.slice(0, -1),
      `${CHAT_KEY}x`,
      CHAT_KEY.toUpperCase(),
      ` ${CHAT_KEY}`,
      "[object Object]",
    ]) {
      assert.equal(caller(other), undefined, JSON.stringify(other));
    }
  });

  it("is not kept: a policy holds its digest, and a caller without a flow goes by the beginning of that", async () => {
    const policy = await parsePolicy(POLICY, { env: { CHAT_KEY } });
    assert.ok(!JSON.stringify(policy).includes(CHAT_KEY));
    assert.ok(!JSON.stringify(policy).includes("batch-key"));
    const ask = await asking(POLICY, { CHAT_KEY });
    const digest = policy.trust.callers[1]?.keyDigest;
    assert.equal(digest?.length, 64);
    const { caller, flow } = ask("/x", { headers: { "x-api-key": "batch-key-0123456789" } });
    assert.deepEqual([caller, flow], [digest.slice(0, 8), digest.slice(0, 8)]);
  });
});

describe("an RFC 9218 priority", () => {
  const lanesOf = async (lanes: string): Promise<string[]> => {
    const ask = await asking(
      `${lanes}\ntrust: { header: priority, callers: [{ cidr: 10.0.0.0/8, upTo: critical }] }`,
    );
    return Array.from(
      { length: 8 },
      (_, u) => ask("/x", { headers: { priority: `u=${u}, i` }, remoteAddress: "10.0.0.1" }).lane,
    );
  };

  it("is told by its urgency alone: the rest is the client's own text, and counts by it would grow without end", async () => {
    const ask = await asking("trust: { header: priority }");
    for (const priority of ["u=5", "u=5, i", "i, u=5;x=1", "tag=a1b2, u=5"])
      assert.equal(ask("/x", { headers: { priority } }).claim?.claimed, "u=5", priority);
  });

  it("spreads its eight urgencies over the lanes, 3 being the default lane", async () => {
    assert.deepEqual(await lanesOf(""), ["critical", "high", "high", "normal", "low", "low", "bulk", "bulk"]);
    assert.deepEqual(await lanesOf("lanes: [{ name: critical }, { name: normal }, { name: batch }]"), [
      "critical",
      "critical",
      "normal",
      "normal",
      "normal",
      "batch",
      "batch",
      "batch",
    ]);
    assert.deepEqual(await lanesOf("lanes: [{ name: critical }]"), Array(8).fill("critical"));
  });

  it("counts only where the policy names its header, for browsers send it unasked", async () => {
    const ask = await asking("");
    assert.equal(ask("/x", { headers: { priority: "u=7" } }).lane, "normal");
  });

  it("is no claim without an urgency from 0 to 7", async () => {
    const ask = await asking("trust: { header: priority }");
    for (const priority of ["i", "u=9", "u=-1", "urgent", "u=3x", "x".repeat(10_000)]) {
      assert.equal(ask("/x", { headers: { priority } }).claim, undefined, priority.slice(0, 20));
    }
    assert.equal(ask("/x", { headers: { priority: "u=1, i, u=7" } }).lane, "bulk");
  });

  it("leaves exempt lanes out", async () => {
    assert.deepEqual(
      await lanesOf("lanes: [{ name: s, exempt: true }, { name: critical }, { name: normal }]"),
      ["critical", "critical", "normal", "normal", "normal", "normal", "normal", "normal"],
    );
  });
});

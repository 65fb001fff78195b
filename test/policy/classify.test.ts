import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLanewayError } from "../../src/core/errors.ts";
import { compileClassify } from "../../src/policy/classify.ts";
import { defaultPolicy } from "../../src/policy/policy.ts";
import { asking } from "./request.ts";

const RULES = `
classify:
  - { path: /health, lane: critical }
  - { path: /api/payments/**, lane: critical, resource: payments }
  - { path: /api/export/**, method: GET, lane: bulk }
  - { header: { X-Tenant: gold-* }, lane: high }
  - { model: claude-haiku-*, lane: low }
  - { host: "*.batch.example.com", lane: bulk }
  - { path: /api/**, method: post, header: { x-kind: report, x-size: "*" }, lane: low }
resources: { payments: { limit: 4 } }
`;

describe("the lane of a request", () => {
  it("is the default lane where no rule matches, and the rule says so", async () => {
    const ask = await asking(RULES);
    assert.deepEqual(ask("/other", { remoteAddress: "192.0.2.7" }), {
      lane: "normal",
      resource: undefined,
      flow: "192.0.2.7",
      rule: "default lane",
      claim: undefined,
      caller: undefined,
    });
  });

  it("comes from the first rule that matches, with its line and its resource", async () => {
    const ask = await asking(RULES);
    const { lane, resource, rule } = ask("/api/payments/7?x=1");
    assert.deepEqual(
      { lane, resource, rule },
      {
        lane: "critical",
        resource: "payments",
        rule: "laneway.yaml:4 path /api/payments/**",
      },
    );
  });

  it("needs every condition of a rule to hold", async () => {
    const ask = await asking(RULES);
    assert.equal(ask("/api/export/all").lane, "bulk");
    assert.equal(ask("/api/export/all", { method: "POST" }).lane, "normal");
    const post = { method: "POST", headers: { "x-kind": "report", "x-size": "" } };
    assert.equal(ask("/api/x", post).lane, "low");
    assert.equal(ask("/api/x", { ...post, headers: { "x-kind": "report" } }).lane, "normal");
    assert.equal(ask("/x", post).lane, "normal");
  });

  it("depends on headers by any case of their name and the case of their value", async () => {
    const ask = await asking(RULES);
    assert.equal(ask("/x", { headers: { "x-tenant": "gold-7" } }).lane, "high");
    assert.equal(ask("/x", { headers: { "x-tenant": "Gold-7" } }).lane, "normal");
    assert.equal(ask("/x", { headers: { "x-tenant": ["gold-7", "gold-8"] } }).lane, "normal");
  });

  it("depends on the model where one is known", async () => {
    const ask = await asking(RULES);
    assert.equal(ask("/v1/messages", { model: "claude-haiku-4-5" }).lane, "low");
    assert.equal(ask("/v1/messages", { model: "claude-opus-4" }).lane, "normal");
    assert.equal(ask("/v1/messages").lane, "normal");
  });

  it("depends on the host, from the facts or else from the header, without its port", async () => {
    const ask = await asking(RULES);
    assert.equal(ask("/x", { host: "EU.batch.example.com:8080" }).lane, "bulk");
    assert.equal(ask("/x", { headers: { host: "eu.batch.example.com" } }).lane, "bulk");
    assert.equal(ask("/x", { host: "batch.example.com" }).lane, "normal");
  });

  it("names headers in its rule, never their values", async () => {
    const ask = await asking(
      "classify: [{ header: { authorization: Bearer secret-*, x-a: b }, lane: high }]",
    );
    const { lane, rule } = ask("/", { headers: { authorization: "Bearer secret-1", "x-a": "b" } });
    assert.deepEqual([lane, rule], ["high", "laneway.yaml:1 header authorization header x-a"]);
  });

  it("may come from a last rule without conditions", async () => {
    const ask = await asking("classify:\n  - { path: /a, lane: high }\n  - { lane: bulk }");
    assert.deepEqual(
      [ask("/a").lane, ask("/b").lane, ask("/b").rule],
      ["high", "bulk", "laneway.yaml:3 every request"],
    );
  });

  it("is the default lane for a path that cannot be decoded, whatever the rules on paths", async () => {
    const ask = await asking("classify:\n  - { path: /**, lane: high }\n  - { method: PUT, lane: low }");
    assert.deepEqual(
      [ask("/a").lane, ask("/%zz").lane, ask("/%ff", { method: "PUT" }).lane],
      ["high", "normal", "low"],
    );
  });
});

describe("a path that reads in two ways", () => {
  const rules = "classify:\n  - { path: /health, lane: critical }\n  - { path: /api/export/**, lane: bulk }";
  const table: readonly [target: string, lane: string][] = [
    // A way around the rule that lowers.
    ["/api/./export/all", "bulk"],
    ["/x/../api/export/all", "bulk"],
    ["/api%2fexport/all", "bulk"],
    ["/api\\export/all", "bulk"],
    ["/%61pi/%65xport/all", "bulk"],
    ["/api//export/all", "bulk"],
    // A way into the rule that raises.
    ["/api/export/../../health", "bulk"],
    ["/api/export/..%2f..%2fhealth", "bulk"],
    ["/x/../health", "normal"],
    ["/x\\..\\..\\health", "normal"],
    ["/health", "critical"],
    ["//health/", "critical"],
  ];
  for (const [target, lane] of table) {
    it(`gets no more than the worse of them: ${target} → ${lane}`, async () => {
      assert.equal((await asking(rules))(target).lane, lane);
    });
  }

  it("is not let into an exempt lane, however low that is listed", async () => {
    const ask = await asking(
      "lanes: [{ name: normal }, { name: probes, exempt: true }]\nclassify: [{ path: /healthz, lane: probes }]",
    );
    assert.deepEqual([ask("/healthz").lane, ask("/x/../healthz").lane], ["probes", "normal"]);
  });
});

describe("the flow of a request", () => {
  it("is the client's address, IPv4 in its plain form", async () => {
    const ask = await asking("");
    assert.equal(ask("/", { remoteAddress: "::ffff:192.0.2.7" }).flow, "192.0.2.7");
    assert.equal(ask("/", { remoteAddress: "2001:db8::1" }).flow, "2001:db8::1");
    assert.equal(ask("/").flow, "unknown");
  });

  it("is the value of the configured header, cut to 128 characters", async () => {
    const ask = await asking("flow: { header: X-Tenant }");
    assert.equal(ask("/", { headers: { "x-tenant": "acme" }, remoteAddress: "192.0.2.7" }).flow, "acme");
    assert.equal(ask("/", { headers: { "x-tenant": "a".repeat(1_000) } }).flow, "a".repeat(128));
    assert.equal(ask("/", { headers: { "x-tenant": "" }, remoteAddress: "192.0.2.7" }).flow, "192.0.2.7");
    assert.equal(
      ask("/", { headers: { "x-tenant": ["a", "b"] }, remoteAddress: "192.0.2.7" }).flow,
      "192.0.2.7",
    );
  });

  for (const header of ["x-api-key", "authorization", "cookie"]) {
    it(`is a short hash where the header is ${header}`, async () => {
      const ask = await asking(`flow: { header: ${header} }`);
      const flow = ask("/", { headers: { [header]: "sk-very-secret" } }).flow;
      assert.match(flow, /^[0-9a-f]{8}$/);
      assert.notEqual(flow, ask("/", { headers: { [header]: "sk-other" } }).flow);
    });
  }

  it("is the same for one key in either of its two headers", async () => {
    const [byKey, byBearer] = [
      await asking("flow: { header: x-api-key }"),
      await asking("flow: { header: authorization }"),
    ];
    const one = byKey("/", { headers: { "x-api-key": "sk-1" } }).flow;
    assert.equal(byBearer("/", { headers: { authorization: "Bearer sk-1" } }).flow, one);
  });

  it("is the listed caller's name rather than the hash of its key or its address", async () => {
    const ask = await asking(`
flow: { header: x-api-key }
trust: { callers: [{ key: chat-key-1, flow: chat }, { key: chat-key-2, flow: chat }, { cidr: 10.0.0.0/8, flow: inside }] }`);
    assert.equal(ask("/", { headers: { "x-api-key": "chat-key-1" } }).flow, "chat");
    assert.equal(ask("/", { headers: { "x-api-key": "chat-key-2" } }).flow, "chat");
    assert.equal(ask("/", { headers: { authorization: "Bearer chat-key-1" } }).flow, "chat");
    assert.equal(ask("/", { remoteAddress: "10.1.1.1" }).flow, "inside");
    // Somebody else's key stays a flow of its own, also inside a trusted range.
    assert.match(
      ask("/", { remoteAddress: "10.1.1.1", headers: { "x-api-key": "other" } }).flow,
      /^[0-9a-f]{8}$/,
    );
  });
});

describe("a policy made in code", () => {
  const refusal = (change: object): string => {
    try {
      compileClassify({ ...defaultPolicy(), ...change });
    } catch (error) {
      assert.ok(isLanewayError(error) && error.code === "LANEWAY_INVALID");
      return error.message;
    }
    return "accepted";
  };
  const names = "critical, high, normal, low, bulk";

  it("is refused where it names what there is not", () => {
    assert.equal(
      refusal({ classify: [{ lane: "bluk" }] }),
      `classify[0]: lane: expected one of ${names}, found "bluk"`,
    );
    assert.equal(refusal({ defaultLane: "x" }), `defaultLane: lane: expected one of ${names}, found "x"`);
    const caller = { cidr: "10.0.0.0/8", upTo: "x" };
    assert.equal(
      refusal({ trust: { header: "x-priority", callers: [caller] } }),
      `trust: upTo: lane: expected one of ${names}, found "x"`,
    );
    assert.equal(
      refusal({ classify: [{ lane: "bulk", resource: "x" }] }),
      'classify: resource: expected one of none, for the policy has no resources, found "x"',
    );
  });

  it("is refused for a pattern or a range that means nothing", () => {
    assert.match(
      refusal({ classify: [{ lane: "bulk", path: "api" }] }),
      /^classify\[0\]: expected a path pattern that begins with \//,
    );
    assert.match(
      refusal({ trust: { header: "x-priority", callers: [{ cidr: "10/8" }] } }),
      /^trust: cidr: expected an address range/,
    );
  });

  it("numbers its rules", () => {
    const classify = compileClassify({ ...defaultPolicy(), classify: [{ lane: "bulk", path: "/x" }] });
    assert.equal(classify({ method: "GET", path: "/x", header: () => undefined }).rule, "rule 1 path /x");
  });
});

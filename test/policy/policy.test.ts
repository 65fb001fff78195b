import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { defaultPolicy, loadPolicy, parsePolicy } from "../../src/policy/policy.ts";
import { PolicyError } from "../../src/policy/problems.ts";

describe("an empty file", () => {
  for (const [name, text] of [
    ["nothing", ""],
    ["a comment", "# nothing yet\n"],
    ["an empty map", "{}"],
    ["a byte order mark", "\uFEFF"],
    ["a document start", "---\n"],
    ["fields without a value", "lanes:\nclassify:\n  # - { path: /x, lane: bulk }\ntrust: { callers: }\n"],
  ] as const) {
    it(`with ${name} is the default policy`, async () => {
      assert.deepEqual(await parsePolicy(text), {
        ...defaultPolicy(),
        trust: { header: "x-priority", callers: [], forwardTo: [] },
      });
    });
  }

  it("has the five lanes with their defaults", async () => {
    const rows = (await parsePolicy("")).lanes.map((lane) => [
      lane.name,
      lane.reservation,
      lane.lendable,
      lane.timeoutMs / 1_000,
      lane.queue.max,
      lane.queue.timeoutMs / 1_000,
      lane.objective.waitMs,
      lane.objective.success,
    ]);
    assert.deepEqual(rows, [
      ["critical", "40%", "50%", 30, 1_000, 10, 100, 0.999],
      ["high", "30%", "100%", 30, 1_000, 10, 1_000, undefined],
      ["normal", "20%", "100%", 60, 2_000, 60, 10_000, undefined],
      ["low", "10%", "100%", 120, 5_000, 120, 60_000, undefined],
      ["bulk", "0%", "100%", 300, 10_000, 300, 300_000, undefined],
    ]);
  });
});

describe("listed lanes", () => {
  it("reserve nothing unless they say so, and take the rest from their name", async () => {
    const { lanes } = await parsePolicy("lanes: [{ name: critical }, { name: chat }, { name: batch }]");
    assert.deepEqual(
      lanes.map(({ name, reservation, lendable, queue }) => [name, reservation, lendable, queue.max]),
      [
        ["critical", 0, "50%", 1_000],
        ["chat", 0, "100%", 2_000],
        ["batch", 0, "100%", 10_000],
      ],
    );
  });

  it("give the default lane: normal where there is one, else the lowest that takes seats", async () => {
    const of = async (lanes: string): Promise<string> => (await parsePolicy(`lanes: [${lanes}]`)).defaultLane;
    assert.equal(await of("{ name: critical }, { name: normal }, { name: batch }"), "normal");
    assert.equal(await of("{ name: critical }, { name: batch }"), "batch");
    assert.equal(await of("{ name: critical }, { name: probes, exempt: true }"), "critical");
  });

  it("may reserve 100 % in all, also when that is a sum of decimals", async () => {
    const { lanes } = await parsePolicy(
      "lanes: [{ name: a, reservation: 33.3% }, { name: b, reservation: 33.3% }, { name: c, reservation: 33.4% }]",
    );
    assert.equal(lanes.length, 3);
  });

  it("take every field", async () => {
    const { lanes } = await parsePolicy(`
lanes:
  - name: critical
    reservation: 2
    lendable: 0
    ceiling: 80%
    weight: 2.5
    timeout: 5m
    queue: { max: 7, timeout: 100ms }
    objective: { wait: 2s, success: 99.5% }
    aging: { after: 1h }
    exempt: false`);
    assert.deepEqual(lanes, [
      {
        name: "critical",
        reservation: 2,
        lendable: 0,
        ceiling: "80%",
        weight: 2.5,
        timeoutMs: 300_000,
        queue: { max: 7, timeoutMs: 100 },
        objective: { waitMs: 2_000, success: 0.995 },
        agingAfterMs: 3_600_000,
        exempt: false,
      },
    ]);
  });
});

describe("the rest of a policy", () => {
  it("is read with its units", async () => {
    const policy = await parsePolicy(
      `
defaultLane: low
aging: { after: 10s, budget: 2.5% }
flow: { header: X-Tenant }
trust:
  header: X-Lane
  callers: [{ cidr: 10.0.0.0/8, upTo: high }]
  forwardTo: [http://Billing.internal:80/, "https://ledger.internal:8443"]
classify: [{ path: /x, method: get, header: { X-A: b }, host: h, model: m, lane: bulk, resource: db }]
resources: { db: { limit: 5, queue: { max: 9, whenFull: evict }, order: weighted } }
enforce: false
gateway: { listen: "[::1]:0", admin: false, probes: 0.0.0.0:8082, drainTimeout: 5s, maxBody: 1MiB }`,
      { file: "some.yaml" },
    );
    const { lanes, resources, ...rest } = policy;
    assert.deepEqual(rest, {
      version: 1,
      defaultLane: "low",
      aging: { afterMs: 10_000, budget: 0.025 },
      classify: [
        {
          path: "/x",
          method: "get",
          header: { "x-a": "b" },
          host: "h",
          model: "m",
          lane: "bulk",
          resource: "db",
          line: 9,
        },
      ],
      flow: { header: "x-tenant" },
      trust: {
        header: "x-lane",
        callers: [{ keyDigest: undefined, cidr: "10.0.0.0/8", flow: undefined, upTo: "high" }],
        forwardTo: ["http://billing.internal", "https://ledger.internal:8443"],
      },
      enforce: false,
      gateway: {
        listen: "[::1]:0",
        admin: false,
        probes: "0.0.0.0:8082",
        drainTimeoutMs: 5_000,
        maxBodyBytes: 1_048_576,
      },
      file: "some.yaml",
    });
    assert.deepEqual(resources, {
      db: {
        name: "db",
        provider: undefined,
        upstream: undefined,
        limit: 5,
        order: "weighted",
        memory: true,
        queue: { max: 9, whenFull: "evict" },
        lanes,
        keys: [],
        laneKeys: Object.create(null),
        budgets: undefined,
        retry: { attempts: 1, budget: 0.1, plainHttp: false },
        fallback: undefined,
        laneFallbacks: Object.create(null),
        commitAfterMs: undefined,
        idleTimeoutMs: 300_000,
      },
    });
  });

  it("switches aging off, or gives part of it", async () => {
    assert.equal((await parsePolicy("aging: false")).aging, false);
    assert.deepEqual((await parsePolicy("aging: { after: 5s }")).aging, { afterMs: 5_000, budget: 0.05 });
  });

  it("gives an upstream a limit of 100 and plain HTTP unless it says otherwise", async () => {
    const { resources } = await parsePolicy(
      "resources: { web: { upstream: http://h }, ai: { provider: openai, upstream: https://h/v, limit: 3 } }",
    );
    assert.deepEqual(
      Object.values(resources).map(({ name, provider, upstream, limit }) => [
        name,
        provider,
        upstream,
        limit,
      ]),
      [
        ["web", "http", "http://h", 100],
        ["ai", "openai", "https://h/v", 3],
      ],
    );
  });

  it("lets a resource refine its lanes, and only those it names", async () => {
    const { lanes, resources } = await parsePolicy(`
resources:
  ai: { limit: 8, lanes: { critical: { reservation: 2, lendable: 0, queue: { max: 5 } }, bulk: { ceiling: 1 } } }`);
    const refined = resources["ai"]!.lanes;
    assert.deepEqual(refined[0], {
      ...lanes[0],
      reservation: 2,
      lendable: 0,
      queue: { max: 5, timeoutMs: 10_000 },
    });
    assert.deepEqual(refined.slice(1, 4), lanes.slice(1, 4));
    assert.deepEqual(refined[4], { ...lanes[4], ceiling: 1 });
  });

  it("may use anchors and aliases", async () => {
    const { lanes } = await parsePolicy(
      "lanes:\n  - { name: a, queue: &q { max: 3 } }\n  - { name: b, queue: *q }",
    );
    assert.deepEqual(
      lanes.map(({ queue }) => queue.max),
      [3, 3],
    );
  });

  it("is refused rather than read for ever when aliases make it huge", async () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `l${level}: &l${level} [${Array(10)
          .fill(level === 0 ? "x" : `*l${level - 1}`)
          .join()}]`,
    );
    await assert.rejects(parsePolicy(levels.join("\n")), /aliases make this policy too large to read/);
  });

  it("is refused rather than overflowing the stack when it is nested too deeply", async () => {
    await assert.rejects(parsePolicy("[".repeat(100_000)), PolicyError);
  });
});

describe("a variable", () => {
  const limitOf = async (value: string, env: Record<string, string>): Promise<unknown> =>
    (await parsePolicy(`resources: { x: { limit: ${value} } }`, { env })).resources["x"]!.limit;
  const flowOf = async (value: string, env: Record<string, string>): Promise<string | undefined> =>
    (await parsePolicy(`trust:\n  callers:\n    - { cidr: 10.0.0.0/8, flow: ${value} }`, { env })).trust
      .callers[0]!.flow;

  it("is filled in, alone or inside other text, more than once", async () => {
    assert.equal(await flowOf('"${A}-${B}-x"', { A: "1", B: "two" }), "1-two-x");
  });

  it("has a default for when it is unset or empty", async () => {
    assert.equal(await flowOf('"${A:-chat}"', {}), "chat");
    assert.equal(await flowOf('"${A:-chat}"', { A: "" }), "chat");
    assert.equal(await flowOf('"${A:-chat}"', { A: "set" }), "set");
  });

  it("may demand to be set, in its own words", async () => {
    assert.equal(await flowOf('"${A:?name the flow}"', { A: "x" }), "x");
    await assert.rejects(flowOf('"${A:?name the flow}"', { A: "" }), /\$\{A\}: name the flow/);
    await assert.rejects(flowOf('"${A:?}"', {}), /the environment variable A is not set/);
  });

  it("becomes a number or a truth value where one belongs, quoted or not", async () => {
    assert.equal(await limitOf('"${N}"', { N: "12" }), 12);
    assert.equal(await limitOf('"${N:-7}"', {}), 7);
    assert.equal(
      (await parsePolicy("resources:\n  x:\n    limit: ${N}\n", { env: { N: "12" } })).resources["x"]!.limit,
      12,
    );
    assert.equal((await parsePolicy('enforce: "${E}"', { env: { E: "false" } })).enforce, false);
    assert.equal(
      (await parsePolicy('lanes: [{ name: a, reservation: "${R}" }]', { env: { R: "3" } })).lanes[0]!
        .reservation,
      3,
    );
    assert.equal(
      (await parsePolicy('lanes: [{ name: a, reservation: "${R}" }]', { env: { R: "30%" } })).lanes[0]!
        .reservation,
      "30%",
    );
  });

  it("stays text where text belongs", async () => {
    assert.equal(await flowOf('"${A}"', { A: "12" }), "12");
  });

  it("cannot bring structure into the file: it is filled in after parsing", async () => {
    const policy = await parsePolicy('trust: { callers: [{ cidr: 10.0.0.0/8, flow: "${A}" }] }', {
      env: { A: "x, upTo: critical }, { cidr: 0.0.0.0/0, upTo: critical" },
    });
    assert.equal(policy.trust.callers.length, 1);
    assert.equal(policy.trust.callers[0]!.upTo, undefined);
  });

  it("is not looked for inside what another one gave", async () => {
    assert.equal(await flowOf('"${A}"', { A: "$B", B: "no" }), "$B");
  });

  it("comes from the environment of the process unless another is given", async (t) => {
    process.env["LANEWAY_TEST_FLOW"] = "from-process";
    t.after(() => delete process.env["LANEWAY_TEST_FLOW"]);
    const { trust } = await parsePolicy(
      'trust: { callers: [{ cidr: 10.0.0.0/8, flow: "${LANEWAY_TEST_FLOW}" }] }',
    );
    assert.equal(trust.callers[0]!.flow, "from-process");
  });
});

describe("loading a file", () => {
  it("names the file in its problems, and the rules of the policy know it", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "laneway-policy-"));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, "my.yaml");
    await writeFile(file, "version: 2");
    await assert.rejects(
      loadPolicy(file),
      (error: unknown) =>
        error instanceof PolicyError && error.file === file && error.message.startsWith(`${file}:1:10: `),
    );
    await writeFile(file, "version: 1");
    assert.equal((await loadPolicy(file)).file, file);
  });

  it("rejects with the error of the file system when there is none", async () => {
    await assert.rejects(loadPolicy(join(tmpdir(), "laneway-no-such", "laneway.yaml")), { code: "ENOENT" });
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { folderWith, laneway } from "./command.ts";

const POLICY = `
classify:
  - { path: /health, lane: critical }
  - { path: /api/export/**, lane: bulk }
  - { model: claude-haiku-*, lane: low }
  - { path: /pay/**, lane: high, resource: payments }
trust: { callers: [{ key: "\${K}", flow: chat, upTo: critical }, { cidr: 10.0.0.0/8, upTo: high }] }
resources:
  http: { upstream: http://127.0.0.1:3000 }
  claude: { provider: anthropic, upstream: "https://api.anthropic.com", limit: 8 }
  payments: { upstream: http://127.0.0.1:3001, limit: 4 }
`;
const env = { K: "s3cr3t-Value" };

describe("laneway explain", () => {
  it("tells the lane, the rule and its line, what became of the claim, the flow, and what awaits it", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": POLICY });
    const { code, out, err } = await laneway(
      ["explain", "GET", "/api/export/all", "-H", "X-Priority: critical", "--from", "192.0.2.7"],
      { cwd, env },
    );
    assert.equal(
      out,
      `lane      bulk
rule      laneway.yaml:4 path /api/export/**
claim     x-priority: critical, ignored: only a listed caller may raise (not a listed caller)
flow      192.0.2.7 (the client's address)
resource  http (100 seats), the one for plain HTTP
there     0 of 100 seats reserved, at most 100 at once
waits     at most 5 min, with up to 10000 in the lane's queue
in all    at most 5 min, waiting and running
`,
    );
    assert.equal(err, "some rules ask for the model of an AI call: name one with --model\n");
    assert.equal(code, 0);
  });

  it("shows a raised claim with its caller, and never the key", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": POLICY });
    const { out } = await laneway(
      ["explain", "get", "/api/export/all", "-H", "x-priority: critical", "-H", `x-api-key: ${env.K}`],
      { cwd, env },
    );
    assert.match(
      out,
      /^lane {6}critical\nrule {6}laneway\.yaml:4 path \/api\/export\/\*\*, raised to critical by x-priority$/m,
    );
    assert.match(out, /^claim {5}x-priority: critical, granted \(listed caller chat\)$/m);
    assert.match(out, /^flow {6}chat \(the listed caller\)$/m);
    assert.match(out, /^there {5}40 of 100 seats reserved \(20 of them never lent\), at most 100 at once$/m);
    assert.ok(!out.includes(env.K));
  });

  it("tells where a request goes: by its rule, by its shape, or nowhere", async (t) => {
    const cwd = await folderWith(t, {
      "laneway.yaml": POLICY,
      "none.yaml": "resources: { db: { limit: 3 }, cache: { limit: 3 } }",
      "empty.yaml": "enforce: false",
      "program.yaml": "resources: { db: { limit: 3 }, http: { limit: adaptive } }",
      "only.yaml": "resources: { db: { limit: 3 } }",
      "one.yaml": "resources: { ai: { provider: openai, upstream: https://h } }",
    });
    const resource = async (...args: string[]): Promise<string | undefined> =>
      /^resource {2}(.*)$/m.exec((await laneway(["explain", ...args], { cwd, env })).out)?.[1];
    assert.equal(await resource("POST", "/pay/1"), "payments (4 seats), which the rule names");
    assert.equal(
      await resource("POST", "/v1/messages?beta=true", "--model", "claude-haiku-4"),
      "claude (8 seats), the first for anthropic calls",
    );
    assert.equal(await resource("POST", "/v1/chat/completions"), "http (100 seats), the one for plain HTTP");
    assert.equal(
      await resource("GET", "/x", "-p", "none.yaml"),
      'none: the gateway takes one with an upstream, a program the one named "http", or the only one',
    );
    const own = "in the program that serves it: it has no upstream";
    assert.equal(await resource("GET", "/x", "-p", "empty.yaml"), `http (20 seats to begin with), ${own}`);
    assert.equal(await resource("GET", "/x", "-p", "program.yaml"), `http (20 seats to begin with), ${own}`);
    assert.equal(await resource("GET", "/x", "-p", "only.yaml"), `db (3 seats), ${own}`);
    assert.equal(
      await resource("GET", "/x", "-p", "one.yaml"),
      "ai (100 seats), the only one with an upstream",
    );
  });

  it("tells what a call may use: keys, budgets and a fallback, of its lane and of its model", async (t) => {
    const cwd = await folderWith(t, {
      "laneway.yaml": `
resources:
  claude:
    provider: anthropic
    upstream: https://api.anthropic.com
    limit: 8
    keys: ["\${K}", "\${K}2"]
    budgets: { requests: 4000/min, models: { claude-haiku-*: { outputTokens: 900/min } } }
    fallback: { model: claude-haiku-4-5 }
    lanes: { bulk: { keys: ["\${K}3"], fallback: { resource: spare } } }
  spare: { provider: anthropic, upstream: https://b.example }
  http: { upstream: http://127.0.0.1:3000, budgets: { requests: 600/min } }
`,
    });
    const rows = async (...args: string[]): Promise<string> => {
      const { out } = await laneway(["explain", ...args], { cwd, env });
      assert.ok(!out.includes(env.K));
      return out.slice(out.indexOf("\n", out.indexOf("resource ")) + 1, out.indexOf("there "));
    };
    const messages = ["POST", "/v1/messages"];
    assert.equal(
      await rows(...messages, "--model", "claude-haiku-4-5"),
      `keys      2 of the policy, instead of the caller's own
budgets   0/claude-haiku-*, 1/claude-haiku-*: 4000 requests, 900 output tokens a minute each
fallback  model claude-haiku-4-5
`,
    );
    assert.equal(
      await rows(...messages, "-H", "x-priority: bulk"),
      `keys      1 of the policy, instead of the caller's own
budgets   bulk-0/(model): 4000 requests a minute
fallback  resource spare
`,
    );
    assert.equal(await rows("GET", "/x"), "budgets   the resource's own: 600 requests a minute\n");
    const json = (await laneway(["explain", ...messages, "--json", "--model", "gpt-5"], { cwd, env })).out;
    const { keys, budgets } = JSON.parse(json) as Record<string, unknown>;
    assert.deepEqual([keys, budgets], [2, { names: ["0/gpt-5", "1/gpt-5"], requests: 4000 }]);
    assert.ok(!json.includes(env.K));
  });

  it("counts the model and the address", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": POLICY });
    const { out, err } = await laneway(
      [
        "explain",
        "POST",
        "/v1/messages",
        "--model",
        "claude-haiku-4",
        "--from",
        "10.1.2.3",
        "-H",
        "x-priority: high",
      ],
      { cwd, env },
    );
    assert.match(out, /^lane {6}high$/m);
    assert.match(out, /^claim {5}x-priority: high, granted \(listed caller 10\.0\.0\.0\/8\)$/m);
    assert.equal(err, "");
  });

  it("uses the defaults where there is no policy file, and says so", async (t) => {
    const cwd = await folderWith(t, {});
    const { code, out, err } = await laneway(["explain", "GET", "/api/export/all"], { cwd });
    assert.match(out, /^lane {6}normal\nrule {6}default lane$/m);
    assert.match(out, /^resource {2}http \(20 seats to begin with\), in the program that serves it/m);
    assert.match(out, /^there {5}4 of 20 seats reserved, at most 20 at once$/m);
    assert.equal(err, "no laneway.yaml here and no --policy: these are the defaults\n");
    assert.equal(code, 0);
  });

  it("gives the answer as JSON", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": POLICY });
    const { out } = await laneway(["explain", "GET", "/health", "--json", "-H", "x-priority: urgent"], {
      cwd,
      env,
    });
    const { laneSettings, ...answer } = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual(answer, {
      policy: "laneway.yaml",
      lane: "critical",
      resource: "http",
      flow: "unknown",
      rule: "laneway.yaml:3 path /health",
      claim: { claimed: "urgent", decision: "unknown-lane" },
      seats: { reservation: 40, floor: 20, ceiling: 100, limit: 100 },
    });
    assert.deepEqual((laneSettings as { queue: unknown }).queue, { max: 1000, timeoutMs: 10_000 });
  });

  it("ends with 4 and the problems when the policy is wrong, with 1 when it cannot be read", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": "version: 2" });
    const wrong = await laneway(["explain", "GET", "/"], { cwd });
    assert.deepEqual([wrong.code, wrong.out], [4, ""]);
    assert.match(
      wrong.err,
      /^laneway\.yaml:1:10: version: expected 1, found 2\n[^]*laneway\.yaml is not a valid policy\n$/,
    );
    const missing = await laneway(["explain", "GET", "/", "--policy", "none.yaml"], { cwd });
    assert.deepEqual(
      [missing.code, missing.err],
      [1, "laneway explain: cannot read none.yaml: there is no such file\n"],
    );
  });

  const misuses: readonly [args: string[], says: RegExp][] = [
    [["GET"], /missing required argument 'path'/],
    [["GET", "/a", "/b"], /too many arguments/],
    [["GET", "api"], /Expected a path that begins with \//],
    [["G E T", "/a"], /Expected an HTTP method such as GET/],
    [["GET", "/a", "-H", "x-priority"], /Expected 'name: value'/],
    [["GET", "/a", "--from", "here"], /Expected an IPv4 or IPv6 address/],
    [["GET", "/a", "--form", "10.0.0.1"], /unknown option '--form'\n\(Did you mean --from\?\)/],
  ];
  for (const [args, says] of misuses) {
    it(`ends with 2 for: explain ${args.join(" ")}`, async () => {
      const { code, out, err } = await laneway(["explain", ...args]);
      assert.deepEqual([code, out], [2, ""]);
      assert.match(err, says);
      assert.match(err, /\(laneway explain --help lists its options\)/);
    });
  }
});

import assert from "node:assert/strict";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { folderWith, laneway } from "./command.ts";

const fixture = (name: string): Promise<string> =>
  readFile(new URL(`../policy/fixtures/${name}`, import.meta.url), "utf8");

const VALID = `
classify: [{ path: /api/export/**, method: GET, lane: bulk }]
resources:
  http: { upstream: http://127.0.0.1:3000 }
  claude: { limit: 8, lanes: { critical: { reservation: 2, lendable: 0 } } }
`;

const CALLS = `
resources:
  claude:
    provider: anthropic
    upstream: https://api.anthropic.com
    limit: 8
    keys: ["\${KEY_A}", "\${KEY_B}"]
    budgets: { requests: 4000/min, inputTokens: 400000/min, models: { claude-haiku-*: { requests: 8000/min } } }
    fallback: { model: claude-haiku-4-5 }
    lanes: { bulk: { keys: ["\${BATCH_KEY}"] } }
  http: { upstream: http://127.0.0.1:3000, budgets: { requests: 10/s } }
`;
const CALLS_ENV = { KEY_A: "s3cr3t-a", KEY_B: "s3cr3t-b", BATCH_KEY: "s3cr3t-c" };

describe("laneway check", () => {
  it("says what a valid policy comes to, and what to try next", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": VALID });
    const { code, out, err } = await laneway(["check"], { cwd });
    assert.equal(
      out,
      `laneway.yaml is valid: 5 lanes, 1 rule, 2 resources

Seats reserved for each lane; in brackets those of them that are never lent:

  resource  limit  critical  high  normal  low  bulk
  http        100   40 (20)    30      20   10     0
  claude        8     2 (2)     2       1    1     0

`,
    );
    assert.equal(err, "Next: laneway explain GET /api/export/all\n");
    assert.equal(code, 0);
  });

  it("shows what may be used a minute, and how many keys there are, never a key", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": CALLS });
    const { code, out } = await laneway(["check"], { cwd, env: CALLS_ENV });
    assert.equal(code, 0);
    assert.equal(
      out.slice(out.indexOf("Budgets")),
      `Budgets a minute, for each key and class of models:

  resource           keys          models  requests  input tokens  output tokens
  claude    2 + 1 of bulk  claude-haiku-*      8000        400000              -
  claude    2 + 1 of bulk          others      4000        400000              -
  http                  -             all       600             -              -

`,
    );
    const json = JSON.parse((await laneway(["check", "--json"], { cwd, env: CALLS_ENV })).out) as {
      resources: { name: string; lanes?: unknown }[];
    };
    for (const resource of json.resources) delete resource.lanes;
    assert.deepEqual(json.resources, [
      {
        name: "claude",
        limit: 8,
        keys: 2,
        budgets: {
          requests: 4000,
          inputTokens: 400_000,
          models: [{ pattern: "claude-haiku-*", requests: 8000 }],
        },
        fallback: { model: "claude-haiku-4-5" },
      },
      { name: "http", limit: 100, budgets: { requests: 600, models: [] } },
    ]);
    assert.ok(!out.includes("s3cr3t") && !JSON.stringify(json).includes("s3cr3t"));
  });

  it("shows the lanes of a policy that names no resource, and what a program gets", async (t) => {
    const cwd = await folderWith(t, {
      "my.yaml":
        "lanes: [{ name: critical, reservation: 2 }, { name: probes, exempt: true }, { name: batch }]\nenforce: false",
    });
    const { code, out, err } = await laneway(["check", "my.yaml"], { cwd });
    assert.equal(
      out,
      `my.yaml is valid: 3 lanes, 0 rules, 0 resources

Lanes, most important first:

  lane      reserved  lendable  queue  wait at most  in all at most
  critical         2       50%   1000          10 s            30 s
  probes      exempt         -   2000         1 min           1 min
  batch            0         -  10000         5 min           5 min

No resource is named, so a program that serves requests gets one: http, with a limit that is learned, 2 to 1000 seats.

enforce is false: everything is decided and counted, and nothing is held back.

`,
    );
    assert.equal(err, "Next: laneway explain GET / --policy my.yaml\n");
    assert.equal(code, 0);
    const json = JSON.parse((await laneway(["check", "my.yaml", "--json"], { cwd })).out) as {
      resources: { name: string; limit: unknown }[];
    };
    assert.deepEqual(
      json.resources.map(({ name, limit }) => [name, limit]),
      [["http", { adaptive: true, min: 2, max: 1000, start: 20 }]],
    );
  });

  it("tells a policy with an upstream to be tried with the gateway", async (t) => {
    const cwd = await folderWith(t, {
      "my.yaml": "resources: { http: { upstream: http://127.0.0.1:3000 } }",
    });
    assert.equal(
      (await laneway(["check", "my.yaml"], { cwd })).err,
      "Next: laneway gateway --policy my.yaml\n",
    );
  });

  it("keeps its table within 80 columns, however many lanes there are", async (t) => {
    const lanes = Array.from({ length: 12 }, (_, index) => `{ name: a-rather-long-name-${index} }`).join(
      ", ",
    );
    const cwd = await folderWith(t, {
      "laneway.yaml": `lanes: [${lanes}]\nresources: { one: { limit: 5 }, another: { limit: 9 } }`,
    });
    const { code, out } = await laneway(["check"], { cwd });
    assert.equal(code, 0);
    for (const line of out.split("\n")) assert.ok(line.length <= 82, line);
    for (let index = 0; index < 12; index++) assert.ok(out.includes(`a-rather-long-name-${index}`));
  });

  it("prints every problem on stdout and their number on stderr, and ends with 4", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": await fixture("broken.yaml") });
    const { code, out, err } = await laneway(["check"], { cwd });
    assert.equal(out, `${await fixture("broken.txt")}\n`);
    assert.equal(err, "laneway.yaml: 18 problems\n");
    assert.equal(code, 4);
  });

  it("counts one problem as one", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": "version: 2" });
    assert.equal((await laneway(["check"], { cwd })).err, "laneway.yaml: 1 problem\n");
  });

  it("gives problems as JSON", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": "enforced: true" });
    const { code, out, err } = await laneway(["check", "--json"], { cwd });
    assert.deepEqual(JSON.parse(out), {
      file: "laneway.yaml",
      valid: false,
      problems: [
        {
          line: 1,
          column: 1,
          message: 'unknown field "enforced" in the policy',
          hint: 'did you mean "enforce"?',
          source: "enforced: true",
          caret: 0,
          length: 8,
        },
      ],
    });
    assert.deepEqual([code, err], [4, ""]);
  });

  it("gives a valid policy as JSON, with the seats of each lane", async (t) => {
    const cwd = await folderWith(t, {
      "laneway.yaml":
        "lanes: [{ name: a, reservation: 1 }, { name: b, ceiling: 50% }]\nresources: { db: { limit: 4 } }",
    });
    const { code, out, err } = await laneway(["check", "--json"], { cwd });
    assert.deepEqual(JSON.parse(out), {
      file: "laneway.yaml",
      valid: true,
      problems: [],
      lanes: ["a", "b"],
      resources: [
        {
          name: "db",
          limit: 4,
          lanes: [
            { name: "a", reservation: 1, floor: 0, ceiling: 4 },
            { name: "b", reservation: 0, floor: 0, ceiling: 2 },
          ],
        },
      ],
    });
    assert.deepEqual([code, err], [0, ""]);
  });

  it("gives problems as annotations of a workflow", async (t) => {
    const cwd = await folderWith(t, { "my,file.yaml": "lanes: [{ name: a, reservation: 140% }]" });
    const { code, out, err } = await laneway(["check", "my,file.yaml", "--format", "github"], { cwd });
    assert.equal(
      out,
      '::error file=my%2Cfile.yaml,line=1,col=33::lanes.a.reservation: expected a percentage such as 40%25, or a whole number of seats from 0 up, found "140%25"\n',
    );
    assert.deepEqual([code, err], [4, "my,file.yaml: 1 problem\n"]);
  });

  it("says which file it cannot read, and why, and ends with 1", async (t) => {
    const cwd = await folderWith(t, { secret: "" });
    await mkdir(join(cwd, "folder.yaml"));
    const none = await laneway(["check"], { cwd });
    assert.deepEqual(
      [none.code, none.out, none.err],
      [
        1,
        "",
        "laneway check: cannot read laneway.yaml: there is no such file\n  name the policy to check: laneway check FILE\n",
      ],
    );
    const folder = await laneway(["check", "folder.yaml"], { cwd });
    assert.deepEqual(
      [folder.code, folder.err],
      [1, "laneway check: cannot read folder.yaml: it is a folder\n"],
    );
    if (process.getuid?.() === 0) return;
    await chmod(join(cwd, "secret"), 0);
    const denied = await laneway(["check", "secret"], { cwd });
    assert.deepEqual(
      [denied.code, denied.err],
      [1, "laneway check: cannot read secret: this user may not read it\n"],
    );
  });

  it("refuses a budget of 0, a key that is missing and a fallback to itself where they stand", async (t) => {
    const text = CALLS.replace("4000/min", "0/min").replace("model: claude-haiku-4-5", "resource: claude");
    const cwd = await folderWith(t, { "laneway.yaml": text });
    const { code, out } = await laneway(["check", "--json"], {
      cwd,
      env: { KEY_A: "s3cr3t-a", BATCH_KEY: "s3cr3t-a" },
    });
    const { problems } = JSON.parse(out) as { problems: { line: number; column: number; message: string }[] };
    assert.deepEqual(
      problems.map(({ line, column, message }) => [line, column, message]),
      [
        [7, 24, "the environment variable KEY_B is not set"],
        [
          8,
          26,
          'resources.claude.budgets.requests: expected a rate of at least 1/min, such as 4000/min, found "0/min"',
        ],
        [9, 27, "resources.claude.fallback.resource: a resource cannot fall back to itself"],
        [10, 29, "resources.claude.lanes.bulk.keys[0]: the same key is listed on line 7"],
      ],
    );
    assert.equal(code, 4);
    assert.ok(!out.includes("s3cr3t"));
  });

  it("fills in variables from its environment, and shows no value of them", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": 'trust: { callers: [{ key: "${K}", upTo: hgih }] }' });
    const { out } = await laneway(["check"], { cwd, env: { K: "s3cr3t-Value" } });
    assert.match(out, /did you mean "high"/);
    assert.ok(!out.includes("s3cr3t-Value"));
  });

  it("colours nothing where nobody sees it, and the place of a problem where somebody does", async (t) => {
    const cwd = await folderWith(t, { "laneway.yaml": "version: 2" });
    assert.ok(!(await laneway(["check"], { cwd })).out.includes("\u001B"));
    const coloured = await laneway(["check"], { cwd, env: { FORCE_COLOR: "1" } });
    assert.ok(coloured.out.startsWith("\u001B[1mlaneway.yaml:1:10\u001B[22m: version"));
    assert.ok(
      !(await laneway(["check", "--no-color"], { cwd, env: { FORCE_COLOR: "1" } })).out.includes("\u001B"),
    );
  });
});

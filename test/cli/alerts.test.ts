import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { ruleFile } from "../../src/cli/alerts/rules.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { needsProgram } from "../needs.ts";
import { folderWith, laneway } from "./command.ts";
import type { Ended } from "./command.ts";

const INSTALL = "apt-get install prometheus";
const POLICY = `
lanes:
  - { name: critical, reservation: 40%, objective: { wait: 100ms, success: 99.9% } }
  - { name: normal, objective: { wait: 3s } }
  - { name: bulk }
resources: { http: { upstream: http://127.0.0.1:3000, limit: { adaptive: true, min: 4, max: 100 } } }
`;

async function run(t: TestContext, policy: string | undefined, ...args: string[]): Promise<Ended> {
  const cwd = await folderWith(t, policy === undefined ? {} : { "laneway.yaml": policy });
  return laneway(["alerts", ...args], { cwd });
}

function promtool(args: readonly string[]): { status: number | null; said: string } {
  // It makes much garbage and is soon over: a third of its time was spent on collecting that.
  const env = { ...process.env, GOGC: "1000" };
  const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8", env });
  return { status, said: stdout + stderr };
}

/** A name with labels, and how much it grows in a minute (`"0+5"`) or what it is (`"7"`). */
type History = Readonly<Record<string, string>>;

const MINUTES = 400;

/** After how many minutes of which history. */
type Case = readonly [minutes: number, history: History];

/** The alerts that fire then, of each case, as `name lane`, `name bound` or `name claimed`. */
async function firing(t: TestContext, ...cases: readonly Case[]): Promise<string[][]> {
  const cwd = await folderWith(t, {
    "rules.yml": JSON.stringify(ruleFile(await parsePolicy(POLICY))),
    "test.yml": JSON.stringify({
      rule_files: ["rules.yml"],
      evaluation_interval: "1m",
      tests: cases.map(([minutes, history]) => ({
        interval: "1m",
        input_series: Object.entries(history).map(([name, change]) => ({
          series: name.replace("{", '{job="app",instance="a",'),
          values: change.includes("x")
            ? change
            : change.includes("+")
              ? `${change}x${MINUTES}`
              : `${change}+0x${MINUTES}`,
        })),
        // What is expected is wrong on purpose: the tool then lists what it got.
        promql_expr_test: [
          {
            expr: 'ALERTS{alertstate="firing"}',
            eval_time: `${minutes}m`,
            exp_samples: [{ labels: "none", value: 0 }],
          },
        ],
      })),
    }),
  });
  const { said } = promtool(["test", "rules", join(cwd, "test.yml")]);
  const got = said.split(/^\s*got:/m).slice(1);
  assert.equal(got.length, cases.length, said);
  return got.map((text) =>
    [...text.matchAll(/\{(__name__="ALERTS"[^}]*)\}/g)]
      .map(([, labels = ""]) => {
        const of = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? "";
        return ["alertname", "lane", "claimed", "bound", "speed"]
          .map(of)
          .filter((part) => part !== "")
          .join(" ");
      })
      .sort(),
  );
}

/** A lane of which so many start, wait longer than their bound, and fail in a minute. */
function lane(
  name: string,
  { starts = 100, late = 0, failed = 0, rejected = 0, waiting = 0, bounds = ["0.1"], objective = 0.1 },
): History {
  const of = `resource="http",lane="${name}"`;
  return {
    [`laneway_admissions_total{${of},outcome="admitted"}`]: `0+${starts}`,
    [`laneway_admissions_total{${of},outcome="rejected"}`]: `0+${rejected}`,
    [`laneway_admissions_total{${of},outcome="cancelled"}`]: "0+1000",
    [`laneway_tasks_total{${of},result="finished"}`]: `0+${starts - failed}`,
    [`laneway_tasks_total{${of},result="failed"}`]: `0+${failed}`,
    ...Object.fromEntries(
      bounds.map((le, i) => [
        `laneway_queue_wait_seconds_bucket{${of},le="${le}"}`,
        `0+${i === 0 ? starts - late : starts}`,
      ]),
    ),
    [`laneway_queue_wait_seconds_bucket{${of},le="+Inf"}`]: `0+${starts}`,
    [`laneway_queue_wait_seconds_count{${of}}`]: `0+${starts}`,
    [`laneway_queue_depth{${of}}`]: `${waiting}`,
    [`laneway_objective_wait_seconds{${of}}`]: `${objective}`,
  };
}

describe("laneway alerts", () => {
  it("prints rules that promtool accepts, for the defaults, for a policy and for one job", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    for (const { code, out } of [
      await run(t, undefined),
      await run(t, POLICY),
      await run(t, POLICY, "--job", 'a"b\\c'),
      await run(t, "lanes: [{ name: a.b }, { name: d-1 }]\nresources: { db: { limit: 2 } }"),
    ]) {
      assert.equal(code, 0);
      const cwd = await folderWith(t, { "rules.yml": out });
      const { status, said } = promtool(["check", "rules", join(cwd, "rules.yml")]);
      assert.equal(status, 0, `${said}\n${out}`);
    }
  });

  it("reads no more of a policy than its lanes and limits: a fixed limit has no bound to stand at", async () => {
    const names = async (policy: string): Promise<string[]> =>
      ruleFile(await parsePolicy(policy)).groups.flatMap(({ rules }) =>
        rules.flatMap((rule) => ("alert" in rule ? [rule.alert] : [])),
      );
    const fixed = await names("resources: { db: { limit: 8 } }");
    assert.ok(!fixed.includes("LanewayLimitPinned"));
    assert.ok((await names(POLICY)).includes("LanewayLimitPinned"));
    assert.deepEqual(
      await names("lanes: [{ name: only, exempt: true }, { name: one }]").then((all) => [...new Set(all)]),
      ["LanewayWaitsTooLong", "LanewayStarvation", "LanewayClaimsAboveTrust"],
    );
  });

  it("says a wrong policy, a missing file and shadow mode in words, and prints JSON when asked", async (t) => {
    const invalid = await run(t, "lanes: 3");
    assert.deepEqual([invalid.code, invalid.out], [4, ""]);
    assert.match(invalid.err, /laneway\.yaml is not a valid policy/);
    const missing = await run(t, undefined, "--policy", "nowhere.yaml");
    assert.deepEqual(
      [missing.code, missing.err],
      [1, "laneway alerts: cannot read nowhere.yaml: there is no such file\n"],
    );
    const shadow = await run(t, "enforce: false", "--json");
    assert.match(shadow.err, /enforce: false/);
    assert.equal((JSON.parse(shadow.out) as { groups: unknown[] }).groups.length, 3);
  });
});

describe("the rules on histories", () => {
  it("say nothing of a service that does well, at all its hours", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const well = {
      ...lane("critical", {}),
      ...lane("normal", { bounds: ["2.5", "5"], objective: 3 }),
      ...lane("bulk", { late: 60, waiting: 40 }),
    };
    assert.deepEqual(await firing(t, [7, well], [70, well], [380, well]), [[], [], []]);
  });

  it("say within the hour that a lane uses its errors up fast, and of a slow leak within six", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const [fast, slow] = ["LanewayTasksFail critical fast", "LanewayTasksFail critical slow"];
    assert.deepEqual(
      await firing(
        t,
        [70, lane("critical", { failed: 5 })],
        [70, lane("critical", { starts: 95, rejected: 5 })],
        [380, lane("critical", { failed: 1 })],
        [380, lane("critical", { starts: 10_000, failed: 5 })],
      ),
      [[fast, slow], [fast, slow], [slow], []],
    );
  });

  it("are silent again once it is over, though the hour was bad", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const history = lane("critical", { failed: 5, late: 20 });
    const over = Object.fromEntries(
      Object.entries(history).map(([name, change]) => {
        if (name.includes('result="failed"')) return [name, "0+5x60 300+0x340"];
        return [name, name.includes('le="0.1"') ? "0+80x60 4900+100x340" : change];
      }),
    );
    const all = ["LanewayTasksFail", "LanewayWaitsTooLong"].flatMap((name) => [
      `${name} critical fast`,
      `${name} critical slow`,
    ]);
    assert.deepEqual(await firing(t, [58, over], [95, over]), [all, []]);
  });

  it("do not wake anybody for four failures of a quiet night", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const quiet = (aMinute: number): History => lane("critical", { starts: aMinute, failed: aMinute });
    assert.deepEqual(await firing(t, [60, quiet(4 / 60)], [60, quiet(30 / 60)]), [
      [],
      ["LanewayTasksFail critical fast", "LanewayTasksFail critical slow"],
    ]);
  });

  it("say that waits miss their objective, on a bound and between two, however bounds are spelled", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const normal = (late: number, upper: string): History =>
      lane("normal", { late, bounds: ["2.5", upper], objective: 3 });
    assert.deepEqual(
      await firing(
        t,
        [70, lane("critical", { late: 20 })],
        [380, lane("critical", { late: 8 })],
        [380, lane("critical", { late: 3 })],
        [70, normal(30, "5.0")],
        // Of those between 2.5 s and 5 s a fifth is taken to be below 3 s.
        [380, normal(7, "5")],
      ),
      [
        ["LanewayWaitsTooLong critical fast", "LanewayWaitsTooLong critical slow"],
        ["LanewayWaitsTooLong critical slow"],
        [],
        ["LanewayWaitsTooLong normal fast", "LanewayWaitsTooLong normal slow"],
        [],
      ],
    );
  });

  it("say that a lane waits longer than the lowest one, and not while it keeps its objective", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const slow = (objective: number): History =>
      lane("critical", { late: 50, bounds: ["0.1", "1"], objective });
    const quick = lane("bulk", { bounds: ["0.01", "0.1"] });
    const late = lane("bulk", { late: 100, bounds: ["1", "10"] });
    const found = await firing(
      t,
      [30, { ...slow(0.1), ...quick }],
      [30, { ...slow(2), ...quick }],
      [30, { ...slow(0.1), ...late }],
    );
    assert.deepEqual(
      found.map((names) => names.filter((name) => name.startsWith("LanewayPriorityInversion"))),
      [["LanewayPriorityInversion critical"], [], []],
    );
  });

  it("say that nothing of a lane starts while tasks wait, and not of one that is slow or empty", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const found = await firing(
      t,
      [30, lane("bulk", { starts: 0, waiting: 3 })],
      [30, lane("bulk", { starts: 1, waiting: 3 })],
      [30, lane("bulk", { starts: 0, waiting: 0 })],
    );
    assert.deepEqual(found, [["LanewayStarvation bulk"], [], []]);
  });

  it("say that a limit stands at a bound while tasks wait, and which", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const at = (limit: number, waiting: number): History => ({
      ...lane("bulk", { waiting }),
      'laneway_limit{resource="http"}': `${limit}`,
      'laneway_limit_bound{resource="http",bound="min"}': "4",
      'laneway_limit_bound{resource="http",bound="max"}': "100",
    });
    assert.deepEqual(await firing(t, [30, at(100, 2)], [30, at(4, 2)], [30, at(50, 2)], [30, at(100, 0)]), [
      ["LanewayLimitPinned max"],
      ["LanewayLimitPinned min"],
      [],
      [],
    ]);
  });

  it("say that clients claim more than they are trusted with, and not that they claim less or nonsense", async (t) => {
    if (!needsProgram(t, "promtool", INSTALL)) return;
    const claims = (claimed: string, granted: string): Case => [
      30,
      { [`laneway_lane_claims_total{claimed="${claimed}",granted="${granted}"}`]: "0+10" },
    ];
    assert.deepEqual(
      await firing(
        t,
        claims("critical", "normal"),
        claims("bulk", "bulk"),
        claims("critical", "critical"),
        claims("unknown", "normal"),
      ),
      [["LanewayClaimsAboveTrust critical"], [], [], []],
    );
  });
});

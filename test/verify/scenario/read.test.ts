import assert from "node:assert/strict";
import { test } from "node:test";
import { PolicyError } from "../../../src/policy/problems.ts";
import { scenarioText } from "../../../src/verify/scenario/print.ts";
import { READY_MADE, readyMade } from "../../../src/verify/scenario/ready-made.ts";
import { readScenario } from "../../../src/verify/scenario/read.ts";
import { resolveScenario } from "../../../src/verify/scenario/resolve.ts";
import type { ScenarioSurroundings } from "../../../src/verify/scenario/resolve.ts";

const AROUND: ScenarioSurroundings = {
  lanes: ["critical", "normal", "bulk"].map((name) => ({ name, objectives: [] })),
  path: "/items?n=1",
  header: "x-priority",
  flowHeader: "x-api-key",
};

/** What is wrong with a scenario, a line for each problem. */
function wrong(text: string): string[] {
  try {
    readScenario(text, "s.yaml", {});
  } catch (error) {
    assert.ok(error instanceof PolicyError);
    return error.problems.map(({ line, column, message, hint }) =>
      [`${line}:${column}: ${message}`, ...(hint === undefined ? [] : [hint])].join("; "),
    );
  }
  return [];
}

function resolved(
  text: string,
  around: Partial<ScenarioSurroundings> = {},
): ReturnType<typeof resolveScenario> {
  return resolveScenario("s", readScenario(text, "s.yaml", { TOKEN: "t0p" }), { ...AROUND, ...around });
}

test("an empty scenario is the spike on the lanes of the policy, in three phases", () => {
  const scenario = resolved("");
  assert.deepEqual(
    scenario.lanes.map(({ name, lane }) => [name, lane]),
    [
      ["critical", "critical"],
      ["normal", "normal"],
      ["bulk", "bulk"],
    ],
  );
  assert.deepEqual(scenario.phases, [
    { name: "baseline", fromMs: 0, untilMs: 10_000 },
    { name: "flood", fromMs: 10_000, untilMs: 20_000 },
    { name: "recovery", fromMs: 20_000, untilMs: 30_000 },
  ]);
  const bulk = scenario.lanes[2]!;
  assert.deepEqual(
    bulk.rates.map(({ from }) => from.value),
    [0.2, 2.4, 0.2],
  );
  assert.deepEqual(bulk.requests, [
    { method: "GET", path: "/items?n=1", weight: 1, headers: { "x-priority": "bulk" }, body: undefined },
  ]);
  assert.deepEqual([bulk.returns, bulk.timeoutMs, bulk.flows], ["none", 10_000, undefined]);
  assert.deepEqual([scenario.capacity, scenario.inFlightMax], [undefined, 20_000]);
});

test("a scenario says rates, paths, callers, returns and promises", () => {
  const scenario = resolved(`
rate: 400/s
timeout: 5s
header: x-lane
phases: [ { name: calm, for: 2s }, { name: storm, for: 6s } ]
lanes:
  - name: pay
    lane: critical
    rate: { from: 10/s, to: 20% }
    during: { storm: 60/min }
    paths: [ /pay, { path: /refund, weight: 2, headers: { X-Lane: low, authorization: none }, body: { amount: 3 } } ]
    headers: { authorization: "Bearer \${TOKEN}" }
    flows: { count: 3, skew: 1 }
    returns: { after: obey, most: 7 }
    timeout: 1s
    objectives: [ p99 < 300ms during storm ]
`);
  const [lane] = scenario.lanes;
  assert.deepEqual(
    [scenario.capacity, scenario.phases[1]],
    [400, { name: "storm", fromMs: 2_000, untilMs: 8_000 }],
  );
  assert.deepEqual(lane!.rates, [
    { from: { of: "second", value: 10 }, to: { of: "capacity", value: 0.2 } },
    { from: { of: "second", value: 1 }, to: { of: "second", value: 1 } },
  ]);
  const own = { "x-lane": "critical", authorization: "Bearer t0p" };
  assert.deepEqual(lane!.requests, [
    { method: "GET", path: "/pay", weight: 1, headers: own, body: undefined },
    {
      method: "POST",
      path: "/refund",
      weight: 2,
      headers: { ...own, "content-type": "application/json", "X-Lane": "low", authorization: "none" },
      body: '{"amount":3}',
    },
  ]);
  assert.deepEqual(lane!.flows, { count: 3, header: "x-api-key", prefix: "pay", skew: 1 });
  assert.deepEqual([lane!.returns, lane!.returnsMax, lane!.timeoutMs], ["obey", 7, 1_000]);
  assert.equal(lane!.objectives[0]!.during, "storm");
});

test("a lane that asks a model sends what its provider takes", () => {
  const requests = (provider: string): unknown => {
    const [request] = resolved(
      `lanes: [ { name: chat, ai: { provider: ${provider}, model: m, maxTokens: 9, stream: true, prompt: Hi } } ]`,
    ).lanes[0]!.requests;
    return [request!.method, request!.path, JSON.parse(request!.body!)];
  };
  const messages = [{ role: "user", content: "Hi" }];
  assert.deepEqual(requests("anthropic"), [
    "POST",
    "/v1/messages",
    { model: "m", max_tokens: 9, stream: true, messages },
  ]);
  assert.deepEqual(requests("openai"), [
    "POST",
    "/v1/chat/completions",
    { model: "m", max_completion_tokens: 9, stream: true, messages },
  ]);
});

test("what the command line says goes before the file", () => {
  const scenario = resolved("rate: 400/s", { rate: 50, durationMs: 3_000 });
  assert.equal(scenario.capacity, 50);
  assert.deepEqual(
    scenario.phases.map(({ untilMs }) => Math.round(untilMs)),
    [1_000, 2_000, 3_000],
  );
});

test("everything that is wrong is named at its place, all at once", () => {
  assert.deepEqual(
    wrong(`
rate: 25%
phases: [ { name: calm, for: 2 } ]
lanes:
  - name: pay
    rat: 5/s
    rate: fast
    paths: [ pay ]
`),
    [
      '2:7: rate: expected a rate such as 400/s, found "25%"',
      "3:30: phases.calm.for: expected a duration from 1ms to 596h, such as 30s, found 2; did you mean 2s?",
      '6:5: unknown field "rat" in lanes.pay; did you mean "rate"?',
      '7:11: lanes.pay.rate: expected a rate such as 40/s, or 25% of what the service can do, found "fast"',
      '8:14: lanes.pay.paths[0]: expected a path that begins with /, found "pay"',
    ],
  );
  assert.deepEqual(
    wrong(`
lanes:
  - { name: pay, during: { floood: 5/s }, objectives: [ p99 < fast, p99 < 2x calm, success > 9% during night ] }
  - { name: pay, ai: { provider: openai }, paths: [ / ] }
`),
    [
      '3:28: there is no phase "floood"; did you mean "flood"?',
      '3:57: expected an objective such as p99 < 300ms, wait p99 < 50ms, success > 99.9%, progress > 0 or p99 < 1.2x baseline + 10ms, each perhaps with: during PHASE; found "p99 < fast"',
      '3:69: there is no phase "calm"; the phases are baseline, flood, recovery',
      '3:84: there is no phase "night"; the phases are baseline, flood, recovery',
      '4:13: lanes: "pay" is there twice; each needs a name of its own',
      "4:22: lanes.pay: expected paths or ai, found both",
    ],
  );
});

test("broken YAML, a variable that is not set, and headers that would break a request are refused", () => {
  assert.match(wrong("lanes: [")[0]!, /^1:9: /);
  assert.match(wrong('lanes: [ { name: a, headers: { x: "${NOT_SET}" } } ]')[0]!, /NOT_SET is not set/);
  assert.match(wrong('lanes: [ { name: a, headers: { "a b": c } } ]')[0]!, /expected a header's name/);
  assert.match(wrong('lanes: [ { name: a, headers: { x: "a\\nb" } } ]')[0]!, /a header's value on one line/);
  assert.match(wrong("lanes: [ { name: a, paths: [ '/a b' ] } ]")[0]!, /a path that begins with/);
});

for (const name of READY_MADE) {
  test(`the scenario ${name} says what a file could say, for any number of lanes`, () => {
    for (const count of [1, 2, 5, 9]) {
      const lanes = Array.from({ length: count }, (_, n) => ({
        name: `lane-${n}`,
        objectives: ["wait p99 < 1s"],
      }));
      const file = readyMade(name, { lanes })!;
      assert.deepEqual(readScenario(scenarioText(file), "printed.yaml", {}), file);
      const scenario = resolveScenario(name, file, { ...AROUND, lanes });
      const claimed = new Set(scenario.lanes.map(({ lane }) => lane));
      assert.deepEqual([...claimed].sort(), lanes.map((lane) => lane.name).sort());
      // In ordinary times the service can do what is asked of it.
      const ordinary = scenario.lanes.reduce((sum, { rates }) => sum + rates[0]!.from.value, 0);
      assert.ok(ordinary > 0 && ordinary <= 0.9, `${count} lanes ask for ${ordinary}`);
      assert.ok(scenario.lanes.some(({ objectives }) => objectives.length > 0));
    }
  });
}

test("there is no ready-made scenario of another name, nor of an object's own", () => {
  assert.equal(readyMade("toString", AROUND), undefined);
  assert.deepEqual(
    [...READY_MADE],
    ["spike", "steady", "ramp", "noisy-neighbour", "slow-upstream", "retry-storm"],
  );
});

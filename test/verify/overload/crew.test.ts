import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { calibrate } from "../../../src/verify/overload/calibrate.ts";
import { planOf } from "../../../src/verify/overload/book.ts";
import { LoadCrew } from "../../../src/verify/overload/crew.ts";
import { runScenario } from "../../../src/verify/overload/run.ts";
import { targetOf } from "../../../src/verify/overload/target.ts";
import type { LaneTally } from "../../../src/verify/overload/tally.ts";
import { readScenario } from "../../../src/verify/scenario/read.ts";
import { resolveScenario } from "../../../src/verify/scenario/resolve.ts";
import type { Scenario } from "../../../src/verify/scenario/scenario.ts";
import { limited, serviceOf } from "./service.ts";

async function crewOf(t: TestContext, count: number): Promise<LoadCrew> {
  const crew = await LoadCrew.start(count);
  t.after(() => crew.stop());
  return crew;
}

function scenarioOf(text: string): Scenario {
  const around = { lanes: [], path: "/", header: "x-priority", flowHeader: "x-api-key" };
  return resolveScenario("s", readScenario(text, "s.yaml", {}), around);
}

const TWO_LANES = scenarioOf(`
phases: [ { name: calm, for: 400ms }, { name: storm, for: 400ms } ]
lanes:
  - { name: pay, rate: 50/s, paths: [ /pay ], objectives: [ success > 99% ] }
  - { name: export, rate: 50/s, during: { storm: 200/s }, paths: [ /export ], objectives: [ success > 99% ] }
`);

function shares(tallies: readonly LaneTally[]): { got: number }[] {
  return tallies.map(() => ({ got: 0 }));
}

test("threads send what was planned, over connections of their own, and count what the service saw", async (t) => {
  const service = await serviceOf(t, (_req, res) => res.end("ok"));
  const target = await targetOf(service.url, false);
  const crew = await crewOf(t, 2);
  const plan = planOf(TWO_LANES, target, 100, 1);
  let ticks = 0;
  const { lanes, sent } = await crew.run(plan, 1, { onTick: () => ticks++ });
  const offered = lanes.map((lane) => lane.total("offered"));
  assert.deepEqual([service.asked.get("/pay"), service.asked.get("/export")], offered);
  assert.equal(sent, plan.due.length);
  assert.deepEqual(
    lanes.map((lane) => lane.total("served")),
    offered,
  );
  assert.ok(ticks > 0);
  // The crew is there for the next load.
  const again = await crew.run(plan, 1);
  assert.equal(again.sent, plan.due.length);
});

test("a load that is called off ends at once, and says how far it came", async (t) => {
  const service = await serviceOf(t, (_req, res) => res.end("ok"));
  const long = scenarioOf("phases: [ { name: long, for: 10m } ]\nlanes: [ { name: pay, rate: 100/s } ]");
  const stopping = new AbortController();
  const run = await runScenario({
    name: "it",
    scenario: long,
    target: await targetOf(service.url, false),
    capacity: 100,
    seed: 1,
    crew: await crewOf(t, 1),
    shares,
    signal: stopping.signal,
    onTick: (_elapsedMs, lanes) => {
      if (lanes[0]!.served > 5) stopping.abort();
    },
  });
  const [lane] = run.lanes;
  assert.match(run.invalid[0]!, /^it was stopped after \d/);
  assert.equal(run.pass, false);
  assert.ok(lane!.served > 5 && lane!.offered < 6_000);
  assert.equal(lane!.offered, lane!.served + lane!.unanswered);
});

test("a run says when replies came from other lanes than were asked for", async (t) => {
  const service = await serviceOf(t, (req, res) => {
    res.setHeader("laneway-lane", "normal");
    res.setHeader("laneway-wait-ms", req.headers["x-priority"] === "pay" ? "4" : "soon");
    res.end("ok");
  });
  const run = await runScenario({
    name: "it",
    scenario: TWO_LANES,
    target: await targetOf(service.url, false),
    capacity: 100,
    seed: 1,
    crew: await crewOf(t, 1),
    shares,
    signal: new AbortController().signal,
  });
  const [pay, other] = run.lanes;
  assert.match(
    run.remarks![0]!,
    new RegExp(`^pay: replies came from other lanes than pay: normal \\(${pay!.offered}\\)\\. `),
  );
  assert.deepEqual([pay!.waitMs.count, other!.waitMs.count], [pay!.served, 0]);
  assert.ok(run.lanes.every(({ objectives }) => objectives.every(({ held }) => held)));
});

test("the capacity of a service is found by what it serves when it is behind", async (t) => {
  const service = await serviceOf(t, limited(4, 25));
  const steps: number[] = [];
  const { perSecond, saturated } = await calibrate({
    scenario: TWO_LANES,
    target: await targetOf(service.url, false),
    crew: await crewOf(t, 1),
    seed: 1,
    onStep: ({ offeredPerSecond }) => steps.push(offeredPerSecond),
  });
  assert.equal(saturated, true);
  // Four seats of 25 ms are at most 160 a second; how far below it depends on the machine.
  assert.ok(perSecond > 0 && perSecond < 161, String(perSecond));
  const rates = [...new Set(steps)];
  assert.deepEqual(rates, [50, 100, 200, 400, 800].slice(0, rates.length));
  // It fell behind twice at the last of them, so that no pause of the machine is taken for it.
  assert.deepEqual(steps.slice(-2), [rates.at(-1), rates.at(-1)]);
});

test("a service that serves nothing has no capacity, and the reason is told", async (t) => {
  const crew = await crewOf(t, 1);
  const options = { scenario: TWO_LANES, crew, seed: 1 };
  const failing = await serviceOf(t, (_req, res) => res.writeHead(500).end());
  await assert.rejects(
    calibrate({ ...options, target: await targetOf(failing.url, false) }),
    /^Error: status 500$/,
  );
  const refusing = await serviceOf(t, (_req, res) => res.writeHead(429).end());
  await assert.rejects(
    calibrate({ ...options, target: await targetOf(refusing.url, false) }),
    /refused every request/,
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { planOf } from "../../../src/verify/overload/book.ts";
import type { WorkerPlan } from "../../../src/verify/overload/plan.ts";
import { requestBytes } from "../../../src/verify/overload/request-bytes.ts";
import { splitPlan } from "../../../src/verify/overload/split.ts";
import type { Target } from "../../../src/verify/overload/target.ts";
import { readScenario } from "../../../src/verify/scenario/read.ts";
import { resolveScenario } from "../../../src/verify/scenario/resolve.ts";

const TARGET: Target = {
  host: "127.0.0.1",
  port: 3000,
  origin: "http://127.0.0.1:3000",
  authority: "127.0.0.1:3000",
  path: "/",
};

function planned(text: string, { capacity = 100, seed = 1 } = {}): WorkerPlan {
  const around = { lanes: [], path: "/", header: "x-priority", flowHeader: "x-api-key" };
  return planOf(resolveScenario("s", readScenario(text, "s.yaml", {}), around), TARGET, capacity, seed);
}

const TWO = `
arrivals: steady
phases: [ { name: calm, for: 2s }, { name: storm, for: 3s } ]
lanes:
  - { name: a, rate: 10% }
  - { name: b, rate: 0%, during: { storm: { from: 20/s, to: 60/s } } }
`;

test("a plan has the calls that the rates ask for, in order, each with its lane", () => {
  const { due, lane, phaseEndsMs } = planned(TWO, { capacity: 100 });
  assert.deepEqual(phaseEndsMs, [2_000, 5_000]);
  assert.ok(due.every((at, n) => n === 0 || at >= due[n - 1]!));
  const of = (wanted: number): number[] => [...due].filter((_, n) => lane[n] === wanted);
  assert.equal(of(0).length, 50);
  assert.equal(of(1).length, 120);
  assert.ok(of(1).every((at) => at >= 2_000));
  assert.equal(planned(TWO, { capacity: 200 }).due.length, 220);
});

test("the same seed gives the same calls, and another one others", () => {
  const text = "lanes: [ { name: a, rate: 90/s, paths: [ /1, /2 ] }, { name: b, rate: 90/s } ]";
  const one = planned(text, { seed: 5 });
  assert.deepEqual(planned(text, { seed: 5 }), one);
  const other = planned(text, { seed: 6 });
  assert.notDeepEqual([...other.due], [...one.due]);
  // Chance is not shared between lanes, nor between phases.
  const byLane = [0, 1].map((lane) => [...one.due].filter((_, n) => one.lane[n] === lane));
  assert.notDeepEqual(byLane[0], byLane[1]);
  const phase = (from: number): number[] =>
    byLane[0]!.filter((at) => at >= from && at < from + 10_000).map((at) => Math.round(at - from));
  assert.notDeepEqual(phase(0), phase(10_000));
});

test("paths and callers are asked as often as they weigh", () => {
  const { request, requests } = planned(
    `lanes: [ { name: a, rate: 1000/s, paths: [ { path: /often, weight: 3 }, /seldom ], flows: { count: 2, skew: 1 } } ]`,
  );
  const sent = requests.map(({ bytes }, at) => {
    const text = Buffer.from(bytes).toString();
    const name = `${/^GET (\S+)/.exec(text)![1]} ${/x-api-key: (\S+)/.exec(text)![1]}`;
    return [name, request.filter((each) => each === at).length / request.length] as const;
  });
  const expected = { "/often a-1": 0.5, "/often a-2": 0.25, "/seldom a-1": 1 / 6, "/seldom a-2": 1 / 12 };
  assert.deepEqual(
    sent.map(([name]) => name),
    Object.keys(expected),
  );
  for (const [name, part] of sent)
    assert.ok(Math.abs(part - expected[name as keyof typeof expected]) < 0.02, `${name}: ${part}`);
});

test("a request is framed by us, says where it goes, and has each header once", () => {
  const text = (request: Partial<Parameters<typeof requestBytes>[0]>): string =>
    Buffer.from(
      requestBytes({ method: "GET", path: "/a", headers: {}, body: undefined, ...request }, "h:1"),
    ).toString();
  assert.equal(text({}), "GET /a HTTP/1.1\r\nhost: h:1\r\nuser-agent: laneway-verify\r\naccept: */*\r\n\r\n");
  // A length without a body would leave the service waiting for one.
  assert.equal(text({ headers: { "content-length": "5" } }), text({}));
  assert.equal(
    text({
      method: "POST",
      headers: {
        Host: "other",
        "X-Lane": "a",
        "x-lane": "b",
        "Content-Length": "1",
        "transfer-encoding": "chunked",
      },
      body: "Grüße",
    }),
    "POST /a HTTP/1.1\r\nhost: other\r\nuser-agent: laneway-verify\r\naccept: */*\r\nx-lane: b\r\ncontent-length: 7\r\n\r\nGrüße",
  );
});

test("methods without a body in the reply, and those that may be sent twice, are known", () => {
  const paths = ["GET", "HEAD", "POST", "PUT", "PATCH"].map(
    (method) => `{ path: /, method: ${method.toLowerCase()} }`,
  );
  const { requests } = planned(`lanes: [ { name: a, paths: [ ${paths.join(", ")} ] } ]`);
  assert.deepEqual(
    requests.map(({ bodiless }) => bodiless),
    [false, true, false, false, false],
  );
  assert.deepEqual(
    requests.map(({ idempotent }) => idempotent),
    [true, true, false, true, false],
  );
});

test("several workers send all calls, each once and in order, and some of each lane", () => {
  const plan = planned(TWO);
  assert.deepEqual(splitPlan(plan, 1), [plan]);
  const parts = splitPlan(plan, 3);
  const calls = (part: WorkerPlan): string[] =>
    [...part.due].map((at, n) => `${at} ${part.lane[n]} ${part.request[n]}`);
  assert.deepEqual(parts.flatMap(calls).sort(), calls(plan).sort());
  for (const part of parts) {
    assert.ok(part.due.every((at, n) => n === 0 || at >= part.due[n - 1]!));
    assert.equal(new Set(part.lane).size, 2);
    assert.equal(part.inFlightMax, Math.ceil(plan.inFlightMax / 3));
  }
});

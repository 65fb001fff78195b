import assert from "node:assert/strict";
import { test } from "node:test";
import { parseObjective } from "../../../src/verify/scenario/objective.ts";
import { parseRateText, perSecond } from "../../../src/verify/scenario/rate.ts";

test("an objective is read as it is said", () => {
  const text = "p99 < 300ms";
  const latency = { kind: "latency", quantile: 0.99 };
  assert.deepEqual(parseObjective(text), {
    text,
    metric: latency,
    below: true,
    bound: { level: 300 },
    during: undefined,
  });
  const parts = (words: string): unknown[] => {
    const { metric, bound, during } = parseObjective(words)!;
    return [metric, bound, during];
  };
  assert.deepEqual(parts("p50<=1.5s during flood"), [
    { kind: "latency", quantile: 0.5 },
    { level: 1_500 },
    "flood",
  ]);
  assert.deepEqual(parts("wait < 50ms"), [{ kind: "wait", quantile: 0.99 }, { level: 50 }, undefined]);
  assert.deepEqual(parts("wait p90 < 2m"), [{ kind: "wait", quantile: 0.9 }, { level: 120_000 }, undefined]);
  assert.deepEqual(parts("success > 99.9% during flood"), [
    { kind: "success" },
    { level: 0.9990000000000001 },
    "flood",
  ]);
  assert.deepEqual(parts("success >= 100%"), [{ kind: "success" }, { level: 1 }, undefined]);
  assert.deepEqual(parts("progress > 0"), [{ kind: "progress" }, { level: 0 }, undefined]);
  assert.deepEqual(parts("progress > 2.5/s"), [{ kind: "progress" }, { level: 2.5 }, undefined]);
  assert.deepEqual(parts("p99 < 1.2x baseline + 10ms during flood"), [
    latency,
    { times: 1.2, phase: "baseline", plusMs: 10 },
    "flood",
  ]);
  assert.deepEqual(parts("p99.9 < 2x rest"), [
    { kind: "latency", quantile: 0.9990000000000001 },
    { times: 2, phase: "rest", plusMs: 0 },
    undefined,
  ]);
});

test("what promises nothing, or the wrong way round, is no objective", () => {
  for (const text of [
    ...[
      "",
      "p99",
      "p99 < fast",
      "p99 > 300ms",
      "p199 < 1s",
      "success < 99%",
      "success > 101%",
      "success > 99ms",
    ],
    ...[
      "progress > 50%",
      "progress < 5",
      "wait success > 9%",
      "p99 < 300ms during",
      "p99 < 1.2x",
      "latency < 1s",
    ],
    ...["p99 < 1.2x baseline + soon", "wait wait < 1s"],
  ])
    assert.equal(parseObjective(text), undefined, text);
});

test("a rate is so many a second, or a part of what the service can do", () => {
  assert.deepEqual(parseRateText("40/s"), { of: "second", value: 40 });
  assert.deepEqual(parseRateText("2400/min"), { of: "second", value: 40 });
  assert.deepEqual(parseRateText("240%"), { of: "capacity", value: 2.4 });
  assert.deepEqual(parseRateText("0%"), { of: "capacity", value: 0 });
  for (const text of ["", "40", "0/s", "-5%", "100001%", "12x", "40/d"])
    assert.equal(parseRateText(text), undefined, text);
  assert.equal(perSecond({ of: "capacity", value: 2.4 }, 100), 240);
  assert.equal(perSecond({ of: "second", value: 7 }, 100), 7);
});

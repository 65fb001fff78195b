import assert from "node:assert/strict";
import { test } from "node:test";
import { modelClassOf, UpstreamBudgets } from "../../../src/verify/stand-in/upstream-budgets.ts";
import type {
  Charge,
  MinuteLimits,
  UpstreamBudgetsOptions,
} from "../../../src/verify/stand-in/upstream-budgets.ts";

const CALL = { key: "a", modelClass: "m", inputTokens: 10, maxOutputTokens: 100 };

/** Buckets on a clock that the test turns. */
function budgets(limits: MinuteLimits, options: Partial<UpstreamBudgetsOptions> = {}) {
  const clock = { now: 0 };
  const upstream = new UpstreamBudgets({ limits: () => limits, now: () => clock.now, ...options });
  const start = (call: Partial<typeof CALL> = {}): Charge => {
    const answer = upstream.start({ ...CALL, ...call });
    assert.ok("end" in answer, "expected the call to be let in");
    return answer;
  };
  const refused = (call: Partial<typeof CALL> = {}): [kind: string, retryAfterMs: number] => {
    const answer = upstream.start({ ...CALL, ...call });
    assert.ok("retryAfterMs" in answer, "expected the call to be refused");
    return [answer.kind, Math.round(answer.retryAfterMs)];
  };
  return { clock, upstream, start, refused };
}

test("a minute's requests may come at once, the next when one has refilled", () => {
  const { clock, start, refused } = budgets({ requests: 60 });
  for (let call = 0; call < 60; call++) start();
  assert.deepEqual(refused(), ["requests", 1_000]);
  clock.now = 1_000;
  start();
  assert.deepEqual(refused(), ["requests", 1_000]);
});

test("of several kinds that lack, the one that takes longest is named, and its time", () => {
  const { start, refused } = budgets({ requests: 60, inputTokens: 600 });
  for (let call = 0; call < 60; call++) start();
  assert.deepEqual(refused({ inputTokens: 30 }), ["inputTokens", 3_000]);
});

test("a refused call uses nothing and is counted by what it lacked", () => {
  const { upstream, start, refused } = budgets({ requests: 60, inputTokens: 15 });
  start();
  refused();
  assert.equal(upstream.standing("a", "m").requests.left, 59);
  const { started, refused429, refusedFor, inputTokens } = upstream.counts();
  assert.deepEqual([started, refused429, inputTokens], [1, 1, 10]);
  assert.deepEqual(refusedFor, { requests: 0, inputTokens: 1, outputTokens: 0, tokens: 0 });
});

test("output is held back by max_tokens at the start, and what was not written is given back at the end", () => {
  const { upstream, start, refused } = budgets({ outputTokens: 150 });
  const charge = start();
  assert.equal(upstream.standing("a", "m").outputTokens.left, 50);
  assert.equal(refused()[0], "outputTokens");
  charge.end(20, true);
  assert.equal(upstream.standing("a", "m").outputTokens.left, 130);
  charge.end(0, true);
  assert.equal(upstream.standing("a", "m").outputTokens.left, 130, "a second end does nothing");
});

test("charged as it writes, a call takes output bit by bit, and in debt nobody is let in", () => {
  const { clock, upstream, start, refused } = budgets({ outputTokens: 60 }, { outputCharge: "actual" });
  const charge = start();
  assert.equal(upstream.standing("a", "m").outputTokens.left, 60);
  charge.written(50);
  charge.written(70);
  assert.equal(upstream.standing("a", "m").outputTokens.left, -10);
  charge.end(80, true);
  charge.written(1_000);
  assert.equal(upstream.standing("a", "m").outputTokens.left, -20);
  assert.deepEqual(refused(), ["outputTokens", 21_000]);
  clock.now = 21_000;
  start();
  assert.equal(upstream.counts().outputTokens, 80);
});

test("more output than a bucket holds takes the whole bucket rather than waiting for ever", () => {
  const { upstream, start } = budgets({ outputTokens: 60 });
  start({ maxOutputTokens: 4_096 }).end(60, true);
  assert.equal(upstream.standing("a", "m").outputTokens.left, 0);
});

test("a call that writes nothing does not wait for output", () => {
  const { start } = budgets({ outputTokens: 60 });
  start({ maxOutputTokens: 60 });
  start({ maxOutputTokens: 0 });
});

test("input and output together are one allowance where the provider counts them so", () => {
  const { upstream, start, refused } = budgets({ tokens: 200 });
  const charge = start();
  assert.equal(upstream.standing("a", "m").tokens.left, 90);
  assert.equal(refused()[0], "tokens");
  charge.end(30, true);
  assert.equal(upstream.standing("a", "m").tokens.left, 160);
});

test("each key and each model class has buckets of its own, and may have limits of its own", () => {
  const { start, refused } = budgets(
    {},
    { limits: (key, modelClass) => ({ requests: key === "b" && modelClass === "m" ? 2 : 1 }) },
  );
  start();
  start({ modelClass: "n" });
  start({ key: "b" });
  start({ key: "b" });
  for (const call of [{}, { modelClass: "n" }, { key: "b" }]) assert.equal(refused(call)[0], "requests");
});

test("counts are kept by key and model class and add up", () => {
  const { upstream, start } = budgets({});
  start().end(5, true);
  start({ modelClass: "n" }).end(7, false);
  start({ key: "b" }).end(9, true);
  const counts = upstream.counts();
  assert.deepEqual([counts.started, counts.served, counts.inputTokens, counts.outputTokens], [3, 2, 30, 21]);
  assert.equal(counts.byKey["a"]?.outputTokens, 12);
  assert.equal(counts.byKey["a"]?.byModelClass["n"]?.outputTokens, 7);
  assert.equal(counts.byKey["b"]?.started, 1);
});

test("not enforced, the buckets are drawn down all the same and nobody is refused", () => {
  const { upstream, start } = budgets({ requests: 1 }, { enforce: false });
  start();
  start();
  assert.equal(upstream.standing("a", "m").requests.left, -1);
});

test("over five minutes of more demand than there is, what is let in is one bucket and five refills", () => {
  const { clock, upstream } = budgets({ outputTokens: 6_000 }, { outputCharge: "max-tokens" });
  let used = 0;
  for (clock.now = 0; clock.now < 300_000; clock.now += 100) {
    const answer = upstream.start(CALL);
    if ("retryAfterMs" in answer) continue;
    answer.end(100, true);
    used += 100;
  }
  assert.ok(used > 35_800 && used <= 36_000, String(used));
});

test("models of one generation of a family share a limit, and a date makes no other model", () => {
  assert.equal(modelClassOf("claude-opus-4-1-20250805"), "claude-opus-4");
  assert.equal(modelClassOf("claude-opus-4-7"), "claude-opus-4");
  assert.equal(modelClassOf("claude-haiku-4-5-20251001"), "claude-haiku-4-5");
  assert.equal(modelClassOf("claude-3-5-sonnet-20241022"), "claude-3-5-sonnet");
  assert.equal(modelClassOf("gpt-5.2-2026-01-01"), "gpt-5.2");
  assert.equal(modelClassOf("gpt-5.2-mini"), "gpt-5.2-mini");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenEstimate } from "../../src/calls/estimate.ts";
import type { EstimatedCall } from "../../src/calls/estimate.ts";

const CALL: EstimatedCall = {
  kind: "generate",
  model: "claude-sonnet-5-5",
  lane: "chat",
  bytes: 4_000,
  maxOutputTokens: 4_096,
};

const make = (): TokenEstimate => new TokenEstimate((model) => model.replace(/-\d+$/, ""));

function learn(estimate: TokenEstimate, outputs: readonly number[], call: Partial<EstimatedCall> = {}): void {
  for (const outputTokens of outputs)
    estimate.learn({ ...CALL, ...call }, { inputTokens: 1_000, outputTokens, final: true });
}

test("before anything is known, four bytes are a token and a tenth is added; the output is all that was asked for", () => {
  assert.deepEqual(make().cost(CALL), { requests: 1, inputTokens: 1_100, outputTokens: 4_096 });
});

test("without a bound on the output, 1,024 tokens are expected", () => {
  assert.equal(make().cost({ ...CALL, maxOutputTokens: undefined }).outputTokens, 1_024);
});

test("embeddings cost no output; counting, batches, files and lists no tokens at all", () => {
  const estimate = make();
  assert.deepEqual(estimate.cost({ ...CALL, kind: "embed" }), {
    requests: 1,
    inputTokens: 1_100,
    outputTokens: 0,
  });
  for (const kind of ["count", "batch", "file", "list", "other"] as const)
    assert.deepEqual(estimate.cost({ ...CALL, kind }), { requests: 1, inputTokens: 0, outputTokens: 0 });
});

test("the bytes of a token are learned for each model, and long prompts count for more than short ones", () => {
  const estimate = make();
  // Two bytes a token, as in a language that English text says nothing of.
  estimate.learn({ ...CALL, bytes: 100_000 }, { inputTokens: 50_000, outputTokens: 1, final: true });
  estimate.learn({ ...CALL, bytes: 10 }, { inputTokens: 500, outputTokens: 1, final: true });
  const learned = estimate.cost(CALL).inputTokens!;
  assert.ok(learned > 2_100 && learned < 2_300, `${learned}`);
  assert.equal(estimate.cost({ ...CALL, model: "another" }).inputTokens, 1_100);
});

test("a change of use is followed: what was learned fades", () => {
  const estimate = make();
  for (let call = 0; call < 100; call++)
    estimate.learn(CALL, { inputTokens: 4_000, outputTokens: 1, final: true });
  for (let call = 0; call < 200; call++)
    estimate.learn(CALL, { inputTokens: 1_000, outputTokens: 1, final: true });
  const learned = estimate.cost(CALL).inputTokens!;
  assert.ok(learned < 1_150, `${learned}`);
});

test("until eight replies came the output is all that was asked for", () => {
  const estimate = make();
  learn(estimate, [10, 20, 30, 40, 50, 60, 70]);
  assert.equal(estimate.cost(CALL).outputTokens, 4_096);
  learn(estimate, [80]);
  assert.equal(estimate.cost(CALL).outputTokens, 4_096);
});

test("then the 90th percentile of the class and lane takes over, little by little: the first to end are the shortest", () => {
  const estimate = make();
  const tens = Array.from({ length: 16 }, (_, index) => (index + 1) * 10);
  learn(estimate, tens);
  assert.equal(estimate.cost(CALL).outputTokens, (150 + 4_096) / 2);
  for (let round = 0; round < 99; round++) learn(estimate, tens);
  const learned = estimate.cost(CALL).outputTokens!;
  assert.ok(learned >= 150 && learned < 180, `${learned}`);
  // Another model of the class is alike; another lane is another use.
  assert.equal(estimate.cost({ ...CALL, model: "claude-sonnet-5-6" }).outputTokens, learned);
  assert.equal(estimate.cost({ ...CALL, lane: "batch" }).outputTokens, 4_096);
});

test("what is learned is never more than what was asked for", () => {
  const estimate = make();
  learn(
    estimate,
    Array.from({ length: 8 }, () => 3_000),
  );
  assert.equal(estimate.cost({ ...CALL, maxOutputTokens: 500 }).outputTokens, 500);
});

test("the newest 64 replies decide", () => {
  const estimate = make();
  learn(
    estimate,
    Array.from({ length: 500 }, () => 4_000),
  );
  learn(
    estimate,
    Array.from({ length: 64 }, (_, index) => index + 1),
  );
  const learned = estimate.cost(CALL).outputTokens!;
  assert.ok(learned >= 58 && learned < 130, `${learned}`);
});

test("where the upstream charges what was asked for, that is what the call costs", () => {
  const estimate = make();
  learn(
    estimate,
    Array.from({ length: 8 }, () => 100),
  );
  assert.equal(estimate.cost({ ...CALL, chargesMaxTokens: true }).outputTokens, 4_096);
});

test("a reply that broke off teaches its input and not its output", () => {
  const estimate = make();
  for (let call = 0; call < 20; call++)
    estimate.learn(CALL, { inputTokens: 2_000, outputTokens: 3, final: false });
  assert.deepEqual(estimate.cost(CALL), { requests: 1, inputTokens: 2_200, outputTokens: 4_096 });
});

test("a million model names, which callers may make up, are not remembered", () => {
  const estimate = make();
  estimate.learn({ ...CALL, model: "first" }, { inputTokens: 4_000, outputTokens: 1, final: true });
  for (let index = 0; index < 5_000; index++)
    estimate.learn(
      { ...CALL, model: `made-up-${index}x` },
      { inputTokens: 8_000, outputTokens: 1, final: true },
    );
  assert.equal(estimate.cost({ ...CALL, model: "first" }).inputTokens, 1_100);
});

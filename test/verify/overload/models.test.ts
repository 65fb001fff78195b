import assert from "node:assert/strict";
import { test } from "node:test";
import { LoadCrew } from "../../../src/verify/overload/crew.ts";
import { runScenario } from "../../../src/verify/overload/run.ts";
import { targetOf } from "../../../src/verify/overload/target.ts";
import { readScenario } from "../../../src/verify/scenario/read.ts";
import { resolveScenario } from "../../../src/verify/scenario/resolve.ts";
import { standIn } from "../stand-in/started.ts";

const lane = (name: string, ai: string, behaviour?: string): string =>
  `{ name: ${name}, rate: 15/s, timeout: 900ms, ai: { ${ai}, maxTokens: 20 }${
    behaviour === undefined ? "" : `, headers: { x-stand-in: "${behaviour}" }`
  } }`;

test("models are asked in both protocols, streams are read to their end, and each way to fail is told", async (t) => {
  const provider = await standIn(t);
  const crew = await LoadCrew.start(1);
  t.after(() => crew.stop());
  const stream = "provider: anthropic, stream: true";
  const text = `
phases: [ { name: all, for: 700ms } ]
lanes:
  - ${lane("anthropic", "provider: anthropic")}
  - ${lane("openai", "provider: openai")}
  - ${lane("anthropic-stream", stream)}
  - ${lane("openai-stream", "provider: openai, stream: true")}
  - ${lane("overloaded", stream, "status=529")}
  - ${lane("broken", "provider: openai", "status=500")}
  - ${lane("cut", stream, "cut=2")}
  - ${lane("reset", stream, "cut=1; reset")}
  - ${lane("garbage", stream, "garbage")}
  - ${lane("hangs", stream, "hang")}
  - ${lane("stalls", stream, "stall=2")}
`;
  const around = { lanes: [], path: "/", header: "x-priority", flowHeader: "x-api-key" };
  const run = await runScenario({
    name: "it",
    scenario: resolveScenario("s", readScenario(text, "s.yaml", {}), around),
    target: await targetOf(provider.url, false),
    capacity: 100,
    seed: 1,
    crew,
    shares: (tallies) => tallies.map(() => ({ got: 0 })),
    signal: new AbortController().signal,
  });
  const reset = /ECONNRESET|closed before the reply was whole/;
  const expected: [lane: string, ended: "served" | "refused" | "failed", why?: RegExp][] = [
    ["anthropic", "served"],
    ["openai", "served"],
    ["anthropic-stream", "served"],
    ["openai-stream", "served"],
    ["overloaded", "refused"],
    ["broken", "failed", /^status 500/],
    ["cut", "failed", reset],
    ["reset", "failed", reset],
    ["garbage", "failed", /is not HTTP\/1\.1/],
    ["hangs", "failed", /^no whole reply within 900 ms/],
    ["stalls", "failed", /^no whole reply within 900 ms/],
  ];
  for (const [at, [name, ended, why]] of expected.entries()) {
    const found = run.lanes[at]!;
    assert.equal(found.lane, name);
    assert.ok(found.offered > 0, name);
    assert.equal(found[ended], found.offered, `${name}: ${found.errors.join("; ")}`);
    if (why !== undefined) for (const error of found.errors) assert.match(error, why, name);
    if (ended === "served") assert.equal(found.firstByteMs.count, found.offered);
  }
});

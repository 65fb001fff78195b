/** What a policy asks of a machine in vain. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { policyFindings } from "../../../src/cli/doctor/policy-checks.ts";
import { defaultPolicy, parsePolicy } from "../../../src/policy/policy.ts";
import { CONTAINER, LAPTOP, MAC, recordedHost, SERVER } from "./recorded-host.ts";
import type { Recording } from "./recorded-host.ts";

async function findings(t: TestContext, recording: Recording, policy: string): Promise<Finding[]> {
  return policyFindings(await parsePolicy(policy), await recordedHost(t, recording));
}

const ASKING =
  "lanes: [{ name: critical, cpu: { nice: -5, weight: 800 }, memory: { low: 1GiB, oomScoreAdj: -500 } }, { name: bulk }]";

test("what a lane asks for in vain is named with its field, the reason and the fix", async (t) => {
  const found = await findings(t, LAPTOP, ASKING);
  assert.deepEqual(
    found.map(({ topic }) => topic),
    [
      "lane critical, cpu.weight: 800",
      "lane critical, cpu.nice: -5",
      "lane critical, memory.low",
      "lane critical, memory.oomScoreAdj: -500",
    ],
  );
  for (const { fix, state } of found) assert.ok(fix !== undefined && state === "problem");
});

test("a machine with version 2 and the rights is asked for nothing in vain", async (t) => {
  assert.deepEqual(await findings(t, SERVER, ASKING), []);
});

test("what is only a default asks for nothing, on any machine", async (t) => {
  for (const recording of [LAPTOP, SERVER, CONTAINER, MAC])
    assert.deepEqual(policyFindings(defaultPolicy(), await recordedHost(t, recording)), []);
});

test("a limit of memory beyond all memory has no effect, and what is to be spared must be there", async (t) => {
  const found = await findings(
    t,
    SERVER,
    "lanes: [{ name: critical, memory: { low: 10GiB } }, { name: normal, memory: { low: 10GiB } }, { name: bulk, memory: { high: 32GiB } }]",
  );
  assert.deepEqual(
    found.map(({ topic, state }) => [topic, state]),
    [
      ["lane bulk, memory.high: 32 GiB", "partly"],
      ["memory.low of all lanes: 20 GiB", "problem"],
    ],
  );
});

test("more threads than the quota pays for are told", async (t) => {
  const [threads, ...others] = await findings(t, CONTAINER, "resources: { threads: { limit: 4 } }");
  assert.deepEqual(others, []);
  assert.deepEqual([threads!.state, threads!.fix], ["partly", "limit: 1"]);
  assert.deepEqual(await findings(t, SERVER, "resources: { cpu: { limit: 8 } }"), []);
});

test("connections beyond the open files: a problem by the seats alone, partly with full queues", async (t) => {
  const by = (limit: number): Promise<Finding[]> =>
    findings(
      t,
      CONTAINER,
      `resources: { http: { upstream: "http://127.0.0.1:1", limit: ${limit}, queue: { max: 900 } } }`,
    );
  assert.deepEqual(await by(62), []);
  const [queued] = await by(63);
  assert.equal(queued!.state, "partly");
  assert.match(queued!.found, /take 1026 connections, and 1024 files/);
  const [seats] = await by(513);
  assert.equal(seats!.state, "problem");
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePolicy } from "../../src/policy/policy.ts";
import { parseCpu, parseMemory } from "../../src/policy/quantities.ts";

describe("amounts as Kubernetes writes them", () => {
  it("are thousandths of a processor", () => {
    const read = Object.fromEntries(
      ["500m", "2", "1.1", "0.001", "2.005"].map((text) => [text, parseCpu(text)]),
    );
    assert.deepEqual(read, { "500m": 500, "2": 2_000, "1.1": 1_100, "0.001": 1, "2.005": 2_005 });
    for (const text of ["", "0", "0m", "-1", "1e3", "0.0001", "500 m", "1.5m", "2000000000000"])
      assert.equal(parseCpu(text), undefined, text);
  });

  it("are whole bytes", () => {
    const read = Object.fromEntries(
      ["512Mi", "1.5Gi", "1k", "100", "0.1"].map((text) => [text, parseMemory(text)]),
    );
    assert.deepEqual(read, { "512Mi": 2 ** 29, "1.5Gi": 1.5 * 2 ** 30, "1k": 1_000, "100": 100, "0.1": 1 });
    for (const text of ["", "0", "500m", "512MiB", "512 Mi", "1e9", "9999999Pi"])
      assert.equal(parseMemory(text), undefined, text);
  });
});

describe("a lane's kubernetes", () => {
  it("takes every amount as text, numbers too, and values from variables", async () => {
    const env = { VALUE: "-7", CPU: "2", MEMORY: "1Gi", PODS: "3", PREEMPTS: "false" };
    const { lanes } = await parsePolicy(
      `lanes:
  - name: a
    kubernetes:
      { value: "\${VALUE}", preemption: "\${PREEMPTS}", requests: { cpu: "\${CPU}", memory: "\${MEMORY}" }, maxUnavailable: "\${PODS}" }
  - { name: b, kubernetes: { requests: { cpu: 1.1 }, total: { cpu: 0.3, pods: 0 }, maxUnavailable: false } }
  - { name: c }`,
      { env },
    );
    assert.deepEqual(
      lanes.map(({ kubernetes }) => kubernetes),
      [
        { value: -7, preemption: false, requests: { cpu: "2", memory: "1Gi" }, maxUnavailable: 3 },
        {
          requests: { cpu: "1.1", memory: undefined },
          total: { cpu: "0.3", memory: undefined, pods: 0 },
          maxUnavailable: false,
        },
        undefined,
      ],
    );
  });
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { codePointName, parseCodePoint } from "../../src/policy/code-points.ts";
import { defaultPolicy, parsePolicy } from "../../src/policy/policy.ts";

describe("what a policy says of the network", () => {
  it("is nothing unless it is written: no marks", async () => {
    assert.equal(defaultPolicy().network, undefined);
    assert.equal((await parsePolicy("version: 1")).network, undefined);
  });

  it("comes with the check of the host's queues, and with marks and shares as numbers", async () => {
    const { network, lanes } = await parsePolicy(
      "network: { profile: rfc4594 }\nlanes: [{ name: critical, network: { dscp: cs6, share: 12.5% } }, { name: low, network: { dscp: 0 } }, { name: bulk }]",
    );
    assert.deepEqual(network, { profile: "rfc4594", checkQueue: true });
    assert.deepEqual(
      lanes.map((lane) => lane.network),
      [{ dscp: 48, share: 0.125 }, { dscp: 0, share: undefined }, undefined],
    );
    const unchecked = await parsePolicy("network: { profile: safe, checkQueue: false }");
    assert.deepEqual(unchecked.network, { profile: "safe", checkQueue: false });
  });

  it("takes its values from variables too", async () => {
    const { lanes } = await parsePolicy(
      'network: { profile: "${PROFILE}" }\nlanes: [{ name: bulk, network: { dscp: "${MARK}", share: "${SHARE}" } }]',
      { env: { PROFILE: "safe", MARK: "8", SHARE: "5%" } },
    );
    assert.deepEqual(lanes[0]?.network, { dscp: 8, share: 0.05 });
  });
});

describe("a code point", () => {
  it("is a number from 0 to 63 or a standard name in any case, and nothing else", () => {
    const named = {
      DF: 0,
      cs0: 0,
      LE: 1,
      CS1: 8,
      AF11: 10,
      af13: 14,
      AF21: 18,
      CS5: 40,
      VA: 44,
      EF: 46,
      CS7: 56,
    };
    for (const [name, codePoint] of Object.entries(named))
      assert.equal(parseCodePoint(name), codePoint, name);
    for (const codePoint of [0, 1, 46, 63]) assert.equal(parseCodePoint(codePoint), codePoint);
    for (const wrong of [
      -1,
      64,
      70,
      1.5,
      NaN,
      "",
      "46",
      "AF14",
      "AF51",
      "CS8",
      "toString",
      null,
      undefined,
      {},
    ])
      assert.equal(parseCodePoint(wrong), undefined, JSON.stringify(wrong));
  });

  it("is told by its standard name, where it has one", () => {
    assert.deepEqual([0, 1, 8, 18, 46, 2, 63].map(codePointName), [
      "DF",
      "LE",
      "CS1",
      "AF21",
      "EF",
      "2",
      "63",
    ]);
  });
});

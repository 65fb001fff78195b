import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { valuesByRank } from "../../../src/adapters/kubernetes/values.ts";
import { laneOf, parsePolicy } from "../../../src/policy/policy.ts";
import type { PolicyLane } from "../../../src/policy/policy.ts";
import { PolicyError } from "../../../src/policy/problems.ts";

const SEED = Number(process.env["LANEWAY_TEST_SEED"] ?? 20_261_121);
const HISTORIES = 3_000;

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const NAMES = ["critical", "high", "normal", "low", "bulk", "batch", "a", "b", "c", "d", "e"];

interface Case {
  readonly lanes: readonly PolicyLane[];
  readonly defaultLane: string;
}

function someCase(random: () => number): Case {
  const names = NAMES.filter(() => random() < 0.5).sort(() => random() - 0.5);
  if (names.length === 0) names.push("only");
  const exact = [1e9, -1e9, 0, 5, 4, -10, 999_999_999];
  const lanes = names.map((name) => ({
    ...laneOf(name),
    ...(random() < 0.25
      ? {
          kubernetes: {
            value:
              random() < 0.5
                ? exact[Math.floor(random() * exact.length)]!
                : Math.round((random() - 0.5) * 2e9),
          },
        }
      : {}),
  }));
  return { lanes, defaultLane: names[Math.floor(random() * names.length)]! };
}

describe("the values of classes", () => {
  it(`fall with the rank, stay within bounds and keep what is given, or are refused as the policy is (seed ${SEED})`, async () => {
    const random = randomOf(SEED);
    let refused = 0;
    for (let round = 0; round < HISTORIES; round++) {
      const { lanes, defaultLane } = someCase(random);
      const said = JSON.stringify(lanes.map(({ name, kubernetes }) => [name, kubernetes?.value]));
      const text = JSON.stringify({
        lanes: lanes.map(({ name, kubernetes }) => ({ name, ...(kubernetes && { kubernetes }) })),
      });
      let values: number[];
      try {
        values = valuesByRank({ lanes, defaultLane });
      } catch {
        refused++;
        // What is refused here is refused with its line before.
        await assert.rejects(parsePolicy(text), PolicyError, said);
        continue;
      }
      await parsePolicy(text);
      for (const [rank, value] of values.entries()) {
        assert.ok(Number.isInteger(value) && Math.abs(value) <= 1e9, `${said}: ${value}`);
        if (rank > 0) assert.ok(value < values[rank - 1]!, `${said}: ${values.join(" ")}`);
        const given = lanes[rank]!.kubernetes?.value;
        if (given !== undefined) assert.equal(value, given);
      }
    }
    assert.ok(refused > HISTORIES / 50 && refused < HISTORIES / 2, `${refused} refused`);
  });

  const values = (names: string, defaultLane: string): number[] =>
    valuesByRank({ lanes: names.split(" ").map(laneOf), defaultLane });

  it("leave the default lane at 0 whatever it is called, as pods without a class are", () => {
    assert.deepEqual(values("vip paid free", "free"), [1_000_000, 500_000, 0]);
    assert.deepEqual(values("vip paid free", "paid"), [1_000_000, 0, -5]);
  });

  it("stay where a cluster still grows for a lane, wherever there is room", () => {
    assert.deepEqual(values("normal a b bulk", "normal"), [0, -3, -7, -1_000]);
    assert.deepEqual(values("normal a b", "normal"), [0, -3, -6]);
    assert.deepEqual(values("bulk a", "bulk"), [-1_000, -2_000]);
  });

  it("of known lanes in another order follow the order", () => {
    const found = values("bulk normal critical", "normal");
    assert.deepEqual(
      found,
      found.toSorted((one, other) => other - one),
    );
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../src/testing/index.ts";
import { maxMinShares } from "./max-min.ts";
import type { Claim } from "./max-min.ts";

const rounded = (shares: readonly number[]) => shares.map((share) => Math.round(share * 1_000) / 1_000);

test("claims that want more than there is get equal shares", () => {
  assert.deepEqual(rounded(maxMinShares(9, [claim(100), claim(100), claim(100)])), [3, 3, 3]);
});

test("what a small claim leaves over is shared by the others", () => {
  assert.deepEqual(rounded(maxMinShares(10, [claim(2), claim(100), claim(100)])), [2, 4, 4]);
  assert.deepEqual(
    rounded(maxMinShares(10, [claim(100), claim(1), claim(2.5), claim(4)])),
    [3.25, 1, 2.5, 3.25],
  );
});

test("shares follow the weights until a demand is met", () => {
  assert.deepEqual(rounded(maxMinShares(12, [claim(100, 1), claim(100, 2), claim(100, 3)])), [2, 4, 6]);
  assert.deepEqual(rounded(maxMinShares(12, [claim(100, 1), claim(100, 2), claim(3, 3)])), [3, 6, 3]);
});

test("when there is enough everybody gets what it wants", () => {
  assert.deepEqual(maxMinShares(10, [claim(1), claim(2), claim(3)]), [1, 2, 3]);
});

test("nobody can get more without taking from somebody who has less for its weight", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    const claims = Array.from({ length: random.whole(1, 8) }, () =>
      claim(random.next() * 20, random.whole(1, 5)),
    );
    const capacity = 1 + random.next() * 40;
    const shares = maxMinShares(capacity, claims);
    const used = shares.reduce((sum, share) => sum + share, 0);
    const wanted = claims.reduce((sum, { demand }) => sum + demand, 0);
    assert.ok(
      Math.abs(used - Math.min(capacity, wanted)) < 1e-9,
      `seed ${seed}: capacity is left or exceeded`,
    );
    for (const [i, share] of shares.entries()) {
      const { weight, demand } = claims[i]!;
      assert.ok(share <= demand + 1e-9, `seed ${seed}: more than wanted`);
      if (share > demand - 1e-9) continue;
      for (const [j, other] of shares.entries())
        assert.ok(
          other / claims[j]!.weight <= share / weight + 1e-9,
          `seed ${seed}: claim ${j} has more for its weight than ${i}`,
        );
    }
  }
});

function claim(demand: number, weight = 1): Claim {
  return { weight, demand };
}

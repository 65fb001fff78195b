import assert from "node:assert/strict";
import { test } from "node:test";
import { seatsDue } from "../../src/admin/share.ts";
import type { Demand } from "../../src/admin/share.ts";

function lane(wanted: number, more: Partial<Demand> = {}): Demand {
  return { wanted, reservation: 0, floor: 0, ceiling: 100, weight: 1, ...more };
}

test("by rank: first what each wants of its reservation, then the highest takes what it wants of the rest", () => {
  assert.deepEqual(
    seatsDue(10, "strict", [lane(6, { reservation: 2 }), lane(9), lane(3, { reservation: 2 })]),
    [6, 2, 2],
  );
  assert.deepEqual(seatsDue(10, "strict", [lane(1), lane(0), lane(50)]), [1, 0, 9]);
});

test("what an idle lane's floor keeps is nobody's, and a ceiling is not passed", () => {
  assert.deepEqual(seatsDue(10, "strict", [lane(0, { reservation: 4, floor: 3 }), lane(50)]), [0, 7]);
  assert.deepEqual(seatsDue(10, "strict", [lane(2, { reservation: 4, floor: 3 }), lane(50)]), [2, 7]);
  assert.deepEqual(seatsDue(10, "strict", [lane(50, { ceiling: 4 }), lane(50, { ceiling: 5 })]), [4, 5]);
});

test("by weight: what one does not want is shared by the others", () => {
  assert.deepEqual(seatsDue(12, "weighted", [lane(50, { weight: 3 }), lane(50)]), [9, 3]);
  assert.deepEqual(
    seatsDue(12, "weighted", [lane(1, { weight: 9 }), lane(50, { weight: 1 }), lane(50)]),
    [1, 5.5, 5.5],
  );
  assert.deepEqual(seatsDue(12, "weighted", [lane(2), lane(3)]), [2, 3]);
});

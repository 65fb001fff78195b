import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { closest } from "../../src/policy/suggest.ts";
import { parseDuration, parsePercent, parseRate, parseSize, showDuration } from "../../src/policy/units.ts";

type Reader = (text: string) => number | undefined;

const table: readonly [Reader, readonly (readonly [text: string, value: number | undefined])[]][] = [
  [
    parseDuration,
    [
      ["100ms", 100],
      ["30s", 30_000],
      ["1.5s", 1_500],
      ["5m", 300_000],
      ["596h", 596 * 3_600_000],
      ["597h", undefined],
      ["0s", undefined],
      ["0.5ms", undefined],
      ["30", undefined],
      ["30 s", undefined],
      ["-1s", undefined],
      ["1e3s", undefined],
      ["5min", undefined],
      ["", undefined],
    ],
  ],
  [
    parsePercent,
    [
      ["40%", 40],
      ["0%", 0],
      ["99.9%", 99.9],
      ["100%", 100],
      ["100.1%", undefined],
      ["40", undefined],
      ["-1%", undefined],
      ["%", undefined],
    ],
  ],
  [
    parseSize,
    [
      ["32MiB", 33_554_432],
      ["500kB", 500_000],
      ["1B", 1],
      ["1.5KiB", 1_536],
      ["2GB", 2e9],
      ["0B", undefined],
      ["0.5B", undefined],
      ["32M", undefined],
      ["9999999999GiB", undefined],
    ],
  ],
  [
    parseRate,
    [
      ["400000/min", 400_000],
      ["10/s", 600],
      ["120/h", 2],
      ["0/min", undefined],
      ["10/m", undefined],
      ["10", undefined],
    ],
  ],
];

for (const [reader, cases] of table) {
  describe(`${reader.name} reads`, () => {
    for (const [text, value] of cases) {
      it(`${JSON.stringify(text)} as ${value ?? "nothing"}`, () => assert.equal(reader(text), value));
    }
  });
}

it("durations are shown in the largest unit that keeps them whole", () => {
  assert.deepEqual([100, 1_500, 30_000, 90_000, 300_000, 7_200_000].map(showDuration), [
    "100 ms",
    "1.5 s",
    "30 s",
    "90 s",
    "5 min",
    "2 h",
  ]);
});

describe("a suggestion", () => {
  const lanes = ["critical", "high", "normal", "low", "bulk"];
  for (const [word, meant] of [
    ["crticial", "critical"],
    ["CRITICAL", "critical"],
    ["nromal", "normal"],
    ["bluk", "bulk"],
    ["lo", "low"],
    ["urgent", undefined],
    ["x", undefined],
    ["", undefined],
    ["c".repeat(100_000), undefined],
  ] as const) {
    it(`for ${JSON.stringify(word.slice(0, 10))} is ${meant ?? "none"}`, () =>
      assert.equal(closest(word, lanes), meant));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { HiddenInPieces, HiddenKey, hides } from "../../src/gateway/hidden-key.ts";

const KEY = "sk-sk-abcsk-";
const STARS = "*".repeat(KEY.length);

/** What passes of a body in these pieces. */
function passed(pieces: readonly string[], endsKnown: boolean): string {
  const masked = new HiddenInPieces(new HiddenKey(KEY));
  const out = pieces.map((piece, i) => masked.pass(Buffer.from(piece), endsKnown && i === pieces.length - 1));
  return Buffer.concat([...out, masked.rest()]).toString();
}

test("a key is masked wherever a body is cut, and every other byte stays", () => {
  const text = `${KEY} sk- ${KEY}${KEY} sk-sk-ab sk-sk-sk-abcsk- end sk-s`;
  const expected = text.replaceAll(KEY, STARS);
  assert.notEqual(expected, text);
  for (let first = 0; first <= text.length; first++)
    for (let second = first; second <= text.length; second += 3)
      for (const endsKnown of [true, false])
        assert.equal(
          passed([text.slice(0, first), text.slice(first, second), text.slice(second)], endsKnown),
          expected,
        );
  assert.equal(passed([...text], false), expected);
});

test("a piece that cannot begin a key passes at once, whole", () => {
  const masked = new HiddenInPieces(new HiddenKey(KEY));
  const event = Buffer.from("data: {}\n\n");
  assert.equal(masked.pass(event, false), event);
  assert.equal(masked.rest().length, 0);
});

test("headers that show the key are left out, the others are the very same list", () => {
  const hidden = new HiddenKey(KEY);
  const clean = ["a", "1", "b", "2"];
  assert.equal(hides(hidden, clean), clean);
  assert.deepEqual(hides(hidden, ["a", "1", "x", `v${KEY}`, "b", "2"]), clean);
  assert.deepEqual(hides(undefined, ["x", KEY]), ["x", KEY]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { changedText } from "../../../src/cli/advise/policy-text.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import type { Edit } from "../../../src/verify/advise/edit.ts";

const RESERVE: Edit = { lane: "normal", field: ["reservation"], value: "45%" };

test("a field changes where it stands, and every comment, quote and space around it stays", () => {
  const text = `# who goes first
version: 1
lanes:
  - { name: critical,   reservation: '40%' }   # payments
  - name: normal
    reservation: 20%   # too few?
resources: { db: { limit: 10 } }
`;
  assert.equal(changedText(text, "db", [RESERVE]), text.replace("20%   # too few?", "45%   # too few?"));
});

test("a field that is not there yet is added to its lane, in the lane's own style", () => {
  const text =
    "lanes:\n  - { name: normal } # people\n  - name: bulk\n    weight: 2\nresources: { db: { limit: 4 } }\n";
  const edits: Edit[] = [RESERVE, { lane: "bulk", field: ["queue", "timeout"], value: "2s" }];
  assert.equal(
    changedText(text, "db", edits),
    "lanes:\n  - { name: normal, reservation: 45% } # people\n  - name: bulk\n    weight: 2\n    queue:\n      timeout: 2s\nresources: { db: { limit: 4 } }\n",
  );
});

test("what a resource says of its lane itself is changed there", () => {
  const text =
    "lanes: [{ name: normal }]\nresources: { db: { limit: 4, lanes: { normal: { reservation: 1 } } } }\n";
  assert.equal(
    changedText(text, "db", [{ ...RESERVE, value: 2 }]),
    text.replace("reservation: 1", "reservation: 2"),
  );
});

test("of several resources only the one that was replayed is changed", () => {
  const text =
    "lanes:\n  - { name: normal, reservation: 20% }\nresources:\n  db: { limit: 4 }\n  cache: { limit: 9 }\n";
  assert.equal(
    changedText(text, "db", [RESERVE]),
    text.replace("db: { limit: 4 }", "db: { limit: 4, lanes: { normal: { reservation: 45% } } }"),
  );
});

test("a policy that lists no lanes, or nothing at all, is given the one field", async () => {
  for (const text of ["", "# all by default\n", "resources: { http: { limit: 4 } }\n"]) {
    const changed = changedText(text, "http", [{ ...RESERVE, value: "15%" }])!;
    assert.ok(changed.startsWith(text.slice(0, 20)), changed);
    const { resources } = await parsePolicy(changed);
    assert.equal(resources["http"]!.lanes.find(({ name }) => name === "normal")!.reservation, "15%");
  }
});

test("a field of the resource itself: its limit, its queue, the bound of a learned limit", () => {
  const text = "resources:\n  db:\n    limit: 10 # connections\n";
  assert.equal(changedText(text, "db", [{ field: ["limit"], value: 12 }]), text.replace("10", "12"));
  assert.equal(
    changedText("resources: { db: { limit: { adaptive: true, max: 9 } } }\n", "db", [
      { field: ["limit", "max"], value: 12 },
    ]),
    "resources: { db: { limit: { adaptive: true, max: 12 } } }\n",
  );
});

test("what stands behind an alias cannot be changed for one lane alone", () => {
  const text =
    "lanes:\n  - &one { name: normal, reservation: 20% }\nresources:\n  db: { limit: 4, lanes: &all { normal: { reservation: 1 } } }\n  cache: { limit: 4, lanes: *all }\n";
  assert.equal(changedText(text, "cache", [{ ...RESERVE, value: 2 }]), undefined);
});

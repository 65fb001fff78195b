import assert from "node:assert/strict";
import { test } from "node:test";
import { relationOf } from "../../src/calls/side-by-side.ts";

const stack = (...frames: string[]): string => frames.map((frame) => `    at ${frame}`).join("\n");

const TRANSACTION = stack(
  "Driver.acquire (orm.js:1:9)",
  "async Db.transaction (orm.js:8:5)",
  "async pay (app.js:5:3)",
);

test("a wait that went on from where the checkout was made is inside it", () => {
  const inside = stack(
    "Driver.acquire (orm.js:1:9)",
    "Query.execute (orm.js:20:5)",
    "async app.js:6:11",
    "async Db.transaction (orm.js:10:5)",
    "async pay (app.js:5:3)",
  );
  assert.equal(relationOf(inside, TRANSACTION), "inside");
  // By hand, in one function: further down, or further to the right.
  const here = stack("pay (app.js:5:9)", "serve (app.js:1:1)");
  assert.equal(relationOf(stack("async pay (app.js:6:3)", "async serve (app.js:1:1)"), here), "inside");
  assert.equal(relationOf(stack("pay (app.js:5:30)", "serve (app.js:1:1)"), here), "inside");
});

test("nor does it matter that an await stands before the call that it awaits", () => {
  // await db.transaction().execute(…), whose connection was asked for in the same turn.
  const sync = stack(
    "provide (orm.js:8:9)",
    "execute (orm.js:30:5)",
    "pay (app.js:5:20)",
    "async serve (app.js:1:1)",
  );
  const later = stack(
    "provide (orm.js:8:9)",
    "async provide (orm.js:10:5)",
    "async pay (app.js:5:3)",
    "async serve (app.js:1:1)",
  );
  assert.equal(relationOf(later, sync), "inside");
  // By hand, over two lines: it may be an earlier await as well.
  const lines = stack("connect (a.js:1:1)", "pay (app.js:6:5)");
  assert.equal(relationOf(stack("select (a.js:9:1)", "async pay (app.js:5:3)"), lines), "unknown");
  const branch = stack("select (a.js:9:1)", "async Promise.all (index 1)", "async pay (app.js:5:3)");
  assert.equal(relationOf(branch, lines), "beside");
});

test("it is beside it in another branch, at the same place, and before it", () => {
  const branch = (index: number, ...frames: string[]): string =>
    stack(...frames, `async Promise.all (index ${index})`, "async pay (app.js:5:3)");
  assert.equal(
    relationOf(branch(1, "select (a.js:2:2)"), branch(0, "Db.transaction (orm.js:8:5)")),
    "beside",
  );
  assert.equal(relationOf(branch(1, "job (a.js:2:2)"), branch(0, "job (a.js:2:2)")), "beside");
  assert.equal(relationOf(TRANSACTION, TRANSACTION), "beside");
  assert.equal(relationOf(stack("job (a.js:2:2)"), stack("async job (a.js:4:2)")), "beside");
});

test("stacks that part anywhere else say nothing", () => {
  // A builder that begins when it is awaited, functions without a name, and callers that are the same but not their calls.
  assert.equal(relationOf(stack("Query.then (orm.js:40:5)"), TRANSACTION), "unknown");
  assert.equal(
    relationOf(stack("app.js:9:1", "a (app.js:1:1)"), stack("app.js:5:1", "a (app.js:1:1)")),
    "unknown",
  );
  assert.equal(relationOf(stack("b (app.js:9:1)"), stack("a (app.js:5:1)")), "unknown");
  assert.equal(relationOf(stack("a (b.js:9:1)"), stack("a (a.js:5:1)")), "unknown");
  assert.equal(relationOf(stack("a (a.js:5:1)", "b (a.js:1:1)"), stack("b (a.js:1:1)")), "unknown");
  assert.equal(relationOf("", TRANSACTION), "unknown");
});

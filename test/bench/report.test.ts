import assert from "node:assert/strict";
import { test } from "node:test";
import { beside, over, under } from "../../bench/question.ts";
import { page } from "../../bench/report.ts";
import type { BenchRow } from "../../bench/row.ts";

function written(...rows: BenchRow[]): string {
  return page([{ name: "x", asks: "What?", unit: "", figures: {}, rows }], new Date("2026-01-02T00:00:00Z"));
}

test("where a peer wins is said plainly: less of a time, more of what is served", () => {
  const text = written(
    beside({ question: "a run", ours: 300, peer: "fastq", theirs: 120, unit: "ns" }),
    beside({ question: "a wait", ours: 3, peer: "p-queue", theirs: 120, unit: "ms" }),
    beside({ question: "served", ours: 100, peer: "another", theirs: 5.6, unit: "%" }),
    beside({ question: "throughput", ours: 80, peer: "a third", theirs: 100, unit: "%" }),
    beside({ question: "a run", ours: 300, peer: "floor", theirs: 150, unit: "ns" }),
    beside({ question: "CPU added", ours: 2.8, peer: "a fourth", theirs: -0.1, unit: "µs" }),
  );
  assert.deepEqual(text.match(/^- .*Laneway.*$/gm), [
    "- a run: fastq 120 ns, Laneway 300 ns.",
    "- throughput: a third 100 %, Laneway 80 %.",
    "- CPU added: a fourth -0.1 µs, Laneway 2.8 µs.",
  ]);
  // No multiple of what chance put below nothing says anything.
  assert.match(text, /^\| CPU added \| 2\.8 µs \| a fourth \| -0\.1 µs \| – \|/m);
});

test("a bar that was missed is named on top, with what stops it as far as that is known", () => {
  const text = written(
    over("goodput", 90, 95, "%"),
    under("CPU added to a request by lanes: express", 6, 5, "µs"),
    under("CPU added to a request by lanes: hono", 7, 5, "µs"),
    under("CPU added to a request by lanes: koa", 4, 5, "µs"),
  );
  assert.match(text, /\*\*1 of 4 bars met\.\*\*/);
  assert.match(text, /^- \*\*goodput, 90 % where ≥ 95 % was asked\*\*: not known yet\.$/m);
  assert.match(
    text,
    /^- \*\*[^*]+express, 6 µs where ≤ 5 µs was asked; [^*]+hono, 7 µs where ≤ 5 µs was asked\*\*: a profile/m,
  );
});

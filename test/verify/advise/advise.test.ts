import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { changedText } from "../../../src/cli/advise/policy-text.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { PolicyError } from "../../../src/policy/problems.ts";
import { seeded } from "../../../src/testing/random.ts";
import { advise, misses } from "../../../src/verify/advise/search.ts";
import type { Advice } from "../../../src/verify/advise/search.ts";
import type { RecordedArrival } from "../../../src/verify/recording/format.ts";
import { prepare } from "../../../src/verify/replay/simulate.ts";
import { arrival, recordingOf } from "../recorded.ts";

interface Stream {
  readonly lane: string;
  readonly perSecond: number;
  readonly runMs: number;
  readonly flows?: number;
}

const SEED = 5;

/** Poisson arrivals with exponential runs: `seconds` of them. */
function traffic(seconds: number, streams: readonly Stream[]): RecordedArrival[] {
  const random = seeded(SEED);
  return streams.flatMap(({ lane, perSecond, runMs, flows = 4 }) => {
    const all: RecordedArrival[] = [];
    for (let atMs = random.exponential(1_000 / perSecond); atMs < seconds * 1_000;) {
      all.push(
        arrival({ atMs, lane, runMs: random.exponential(runMs), flow: `${lane} ${random.whole(1, flows)}` }),
      );
      atMs += random.exponential(1_000 / perSecond);
    }
    return all;
  });
}

async function adviceOn(t: TestContext, text: string, arrivals: readonly RecordedArrival[]): Promise<Advice> {
  t.diagnostic(`seed ${SEED}, ${arrivals.length} arrivals`);
  const policy = await parsePolicy(text, { file: "laneway.yaml" });
  const recording = await recordingOf(t, policy, arrivals);
  const advice = await advise({
    prepared: prepare(recording, policy, SEED)[0]!,
    policy,
    as: new Map(),
    progress: (line) => t.diagnostic(line),
    change: async (edits) => {
      const changed = changedText(text, "db", edits);
      try {
        return changed === undefined ? undefined : await parsePolicy(changed);
      } catch (error) {
        if (error instanceof PolicyError) return undefined;
        throw error;
      }
    },
  });
  for (const { lane, misses: what, because } of advice.findings)
    t.diagnostic(`${lane}: ${what}: ${because.join("; ")}`);
  t.diagnostic(JSON.stringify(advice.edits));
  return advice;
}

/** Edits as they would be said: `normal.reservation: 50%`. */
function said({ edits: all }: Advice): string[] {
  return all.map(
    ({ lane, field, value }) => `${lane === undefined ? "" : `${lane}.`}${field.join(".")}: ${value}`,
  );
}

function becauseOf({ findings }: Advice, lane: string): string {
  return findings.find((finding) => finding.lane === lane)?.because.join("\n") ?? "";
}

function isMended({ after }: Advice): boolean {
  return after !== undefined && !after.lanes.some(misses);
}

test("where every objective is met there is nothing to change, and nothing is tried", async (t) => {
  const text = "lanes: [{ name: critical }, { name: bulk }]\nresources: { db: { limit: 10 } }\n";
  const advice = await adviceOn(t, text, traffic(20, [{ lane: "critical", perSecond: 20, runMs: 20 }]));
  assert.deepEqual([advice.findings, advice.edits, advice.tried, advice.after], [[], [], 0, undefined]);
});

test("of a floor that is idle nearly all the time as much is lent as the lane that misses needs", async (t) => {
  const text = `lanes:
  - { name: critical, reservation: 60%, lendable: 0% }
  - { name: normal, reservation: 40%, objective: { wait: 200ms } }
resources: { db: { limit: 10 } }
`;
  const advice = await adviceOn(
    t,
    text,
    traffic(60, [
      { lane: "critical", perSecond: 0.2, runMs: 20 },
      { lane: "normal", perSecond: 60, runMs: 80 },
    ]),
  );
  assert.match(
    becauseOf(advice, "normal"),
    /too few seats: none of the 10 is free for it 9\d\.\d % of the time/,
  );
  assert.match(
    becauseOf(advice, "normal"),
    /critical keeps 6 seats that nobody else may use, idle (9\d|100|99\.\d) %/,
  );
  // 3 seats are enough: the others stay kept.
  assert.deepEqual(said(advice), ["critical.lendable: 50%"]);
  assert.deepEqual(advice.caveats, [
    "What critical keeps seats for may not have come while this was recorded.",
  ]);
  assert.ok(isMended(advice));
});

test("a lane that long tasks of a lower one keep from its seats gets a reservation, no larger than it needs", async (t) => {
  const text = `lanes:
  - { name: critical, lendable: 0%, objective: { wait: 50ms } }
  - { name: bulk }
resources: { db: { limit: 10 } }
`;
  const arrivals = traffic(60, [
    { lane: "critical", perSecond: 20, runMs: 20 },
    { lane: "bulk", perSecond: 6, runMs: 2_000 },
  ]);
  const advice = await adviceOn(t, text, arrivals);
  const [edit] = said(advice);
  assert.match(edit!, /^critical\.reservation: [1-4]0%$/);
  assert.ok(isMended(advice));
  // One seat less does not mend it.
  const seats = Number(/\d/.exec(edit!)![0]);
  if (seats === 1) return;
  const less = await adviceOn(
    t,
    text.replace("critical,", `critical, reservation: ${seats - 1}0%,`),
    arrivals,
  );
  assert.deepEqual(
    less.findings.map(({ lane }) => lane),
    ["critical"],
  );
});

test("where there are too few seats for all, more are proposed, with what a replay cannot know", async (t) => {
  const text = `lanes:
  - { name: critical, reservation: 100%, objective: { wait: 100ms, success: 99% } }
resources: { db: { limit: 4 } } # seats
`;
  const advice = await adviceOn(t, text, traffic(60, [{ lane: "critical", perSecond: 70, runMs: 55 }]));
  assert.match(said(advice).join(), /^limit: [5-8]$/);
  assert.match(
    advice.caveats.join(),
    /Whether what is behind the limit does as well with more at once, only it can tell/,
  );
  assert.ok(isMended(advice));
});

test("a queue that is too short for bursts is made longer", async (t) => {
  const text = `lanes:
  - { name: critical, queue: { max: 5 }, objective: { wait: 1s, success: 99% } }
resources: { db: { limit: 2 } }
`;
  const bursts = Array.from({ length: 20 }, (_, burst) =>
    Array.from({ length: 12 }, (_each, n) =>
      arrival({ atMs: burst * 1_000 + n, lane: "critical", runMs: 20 }),
    ),
  ).flat();
  const advice = await adviceOn(t, text, bursts);
  assert.match(
    becauseOf(advice, "critical"),
    /its queue is too short: \d+ tasks found 5 in it and were refused/,
  );
  assert.deepEqual(said(advice), ["critical.queue.max: 10"]);
  assert.ok(isMended(advice));
});

test("one flow that brings most of a lane's work is named, by its hash, and what a rule for it would do", async (t) => {
  const text =
    "lanes: [{ name: normal, objective: { wait: 100ms } }, { name: bulk }]\nresources: { db: { limit: 4 } }\n";
  const advice = await adviceOn(
    t,
    text,
    traffic(30, [
      { lane: "normal", perSecond: 80, runMs: 60, flows: 1 },
      { lane: "normal", perSecond: 10, runMs: 60, flows: 9 },
    ]),
  );
  assert.match(becauseOf(advice, "normal"), /one flow, [\w-]{10}, brings 9\d % of the lane's work/);
  assert.match(
    becauseOf(advice, "normal"),
    /^with that flow in bulk it would meet its objective: 99 % within \d+ ms$/m,
  );
});

test("a service that became slower is said to be, with both figures", async (t) => {
  const text = "lanes: [{ name: normal, objective: { wait: 50ms } }]\nresources: { db: { limit: 4 } }\n";
  const arrivals = traffic(60, [{ lane: "normal", perSecond: 40, runMs: 30 }]).map((each) => ({
    ...each,
    runMs: each.runMs * (each.atMs < 30_000 ? 1 : 4),
  }));
  const advice = await adviceOn(t, text, arrivals);
  assert.match(
    becauseOf(advice, "normal"),
    /db became slower: a task took \d+ ms in the first third of the recording and \d+ ms in the last/,
  );
});

test("tasks that take longer the more of them run are a warning against more seats", async (t) => {
  const text = "lanes: [{ name: normal, objective: { wait: 20ms } }]\nresources: { db: { limit: 8 } }\n";
  const random = seeded(SEED);
  const arrivals = Array.from({ length: 60 }, (_, second) => {
    const busy = second % 2 === 1;
    return Array.from({ length: busy ? 60 : 5 }, () =>
      arrival({ atMs: second * 1_000 + random.next() * 900, runMs: busy ? 120 : 40 }),
    );
  }).flat();
  const advice = await adviceOn(t, text, arrivals);
  assert.match(becauseOf(advice, "normal"), /tasks take 40 ms when few run and 120 ms when many do/);
});

test("a learned limit that stands at its bound is let higher", async (t) => {
  const text = `lanes: [{ name: normal, objective: { wait: 100ms, success: 99% } }]
resources: { db: { limit: { adaptive: true, min: 1, max: 4, start: 4 } } }
`;
  const advice = await adviceOn(t, text, traffic(60, [{ lane: "normal", perSecond: 70, runMs: 60 }]));
  assert.match(becauseOf(advice, "normal"), /the limit stands at its bound, max: 4, 100 % of the time/);
  assert.match(said(advice).join(), /^limit\.max: [5-8]$/);
  assert.ok(isMended(advice));
});

test("a lane for which there is too much work gives up sooner, where no success was asked of it", async (t) => {
  const text = "lanes: [{ name: bulk, objective: { wait: 2s } }]\nresources: { db: { limit: 2 } }\n";
  const advice = await adviceOn(t, text, traffic(60, [{ lane: "bulk", perSecond: 100, runMs: 60 }]));
  assert.deepEqual(said(advice), ["bulk.queue.timeout: 2s"]);
  assert.match(advice.caveats.join(), /There are not enough seats for all/);
  assert.ok(isMended(advice));
});

test("a lane is not mended by refusing what it would have served", async (t) => {
  const text = "lanes: [{ name: bulk, objective: { wait: 2s } }]\nresources: { db: { limit: 1 } }\n";
  const burst = Array.from({ length: 100 }, () => arrival({ lane: "bulk", runMs: 100 }));
  const advice = await adviceOn(t, text, [...burst, arrival({ atMs: 30_000, lane: "bulk" })]);
  assert.deepEqual([advice.findings.length, said(advice)], [1, []]);
});

test("where nothing that is tried helps, nothing is proposed", async (t) => {
  const text = `lanes:
  - { name: critical, objective: { wait: 10ms, success: 99.9% } }
resources: { db: { limit: 1 } }
`;
  const advice = await adviceOn(t, text, traffic(30, [{ lane: "critical", perSecond: 200, runMs: 60 }]));
  assert.equal(advice.findings.length, 1);
  assert.deepEqual([advice.edits, advice.after], [[], undefined]);
  assert.ok(advice.tried > 0 && advice.tried <= 60);
});

test("no lane is mended at the cost of another's objective", async (t) => {
  const text = (wait: string): string => `lanes:
  - { name: critical, reservation: 50%, lendable: 0%, objective: { wait: ${wait} } }
  - { name: normal, objective: { wait: 300ms } }
resources: { db: { limit: 4 } }
`;
  const arrivals = traffic(60, [
    { lane: "critical", perSecond: 1, runMs: 60 },
    { lane: "normal", perSecond: 38, runMs: 60 },
  ]);
  const patient = await adviceOn(t, text("1s"), arrivals);
  assert.deepEqual(said(patient), ["critical.lendable: 75%"]);
  const impatient = await adviceOn(t, text("12ms"), arrivals);
  assert.deepEqual(
    impatient.findings.map(({ lane }) => lane),
    ["normal"],
  );
  // Lent out, they would come back too late for critical: it takes more seats.
  assert.match(said(impatient).join(), /^limit: \d$/);
  const [critical] = (impatient.after ?? impatient.before).lanes;
  assert.ok(!misses(critical!));
});

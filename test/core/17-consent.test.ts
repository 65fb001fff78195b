/** Promise 17: nothing that runs is stopped for somebody else, and what gives up its seat itself goes back to its place. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../src/testing/random.ts";
import { simulated } from "./simulated.ts";

test("a running task of the lowest lane is never stopped, however many of the highest wait", async () => {
  const { clock, resource } = simulated({
    limit: 2,
    lanes: [{ name: "critical", reservation: 2 }, { name: "bulk" }],
  });
  let stopped = 0;
  const slow = ({ signal }: { signal: AbortSignal }) => {
    signal.addEventListener("abort", () => stopped++);
    return clock.sleep(1_000);
  };
  const runs = [
    resource.run(slow, { lane: "bulk" }),
    resource.run(() => clock.sleep(10), { lane: "critical" }),
  ];
  for (let i = 0; i < 200; i++) runs.push(resource.run(() => clock.sleep(10), { lane: "critical" }));
  await clock.advance(3_000);
  await Promise.all(runs);
  assert.equal(stopped, 0);
});

test("a task that consents gives its seat to a higher lane, a bounded number of times, and goes on at its own place", async () => {
  const { clock, resource, trace } = simulated({
    limit: 1,
    aging: false,
    lanes: [{ name: "critical" }, { name: "bulk" }],
  });
  const done = resource.run(
    async (first) => {
      let permit = first;
      for (let part = 1; part <= 3; part++) {
        trace.note(`part ${part}`);
        await clock.sleep(10);
        // Its own decision, between two parts of its work: somebody else first, but at most twice.
        if (part < 3) permit = await permit.requeue({ reason: "others wait" });
      }
    },
    { lane: "bulk" },
  );
  void trace.submit("younger", 10, { lane: "bulk" });
  await clock.advance(5);
  for (const name of ["c1", "c2"]) void trace.submit(name, 10, { lane: "critical" });
  await clock.advance(100);
  await done;
  assert.deepEqual(trace.events, [
    "0: part 1",
    "10: c1 starts",
    "20: c1 ends",
    "20: c2 starts",
    "30: c2 ends",
    "30: part 2", // before the younger one of its lane
    "40: part 3", // nobody of a higher lane waits: it goes on at once
    "50: younger starts",
    "60: younger ends",
  ]);
});

test("in no random load does a permit's signal abort but for its own caller or its own time", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = seeded(seed);
    const { clock, resource } = simulated({
      limit: 3,
      lanes: [{ name: "critical", reservation: 1 }, { name: "normal" }, { name: "bulk" }],
    });
    const aborts: string[] = [];
    for (let i = 0; i < 200; i++) {
      const run = ({ signal }: { signal: AbortSignal }) => {
        signal.addEventListener("abort", () => aborts.push(`seed ${seed}, task ${i}`));
        return clock.sleep(random.exponential(30));
      };
      resource
        .run(run, { lane: random.pick(["critical", "normal", "bulk"]), flow: random.pick(["a", "b"]) })
        .catch(() => undefined);
      await clock.advance(random.exponential(5));
    }
    await clock.advance(5_000);
    assert.deepEqual(aborts, []);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { aiFetch } from "../../../src/adapters/ai.ts";
import { seeded } from "../../../src/testing/random.ts";
import { collect } from "../../collect.ts";
import { abortAfter, ask, NOTHING, provide, QUESTION, taken, until } from "../provided.ts";

const CALLS = 1_000;

test("callers that leave at a thousand random moments leave no seat, no budget and no connection behind", async (t) => {
  const seed = Number(process.env["LANEWAY_TEST_SEED"] ?? 20_261);
  const random = seeded(seed);
  const { standIn, resource } = await provide(t, {
    resource: {
      limit: 4,
      lanes: [
        { name: "chat", queue: { max: 10_000 } },
        { name: "batch", queue: { max: 10_000 } },
      ],
      budgets: { requests: 100_000, inputTokens: 70_000_000, outputTokens: 70_000_000 },
    },
  });
  standIn.script(() =>
    random.next() < 0.1 ? { status: 429, headers: { "retry-after-ms": "2" } } : { eventDelayMs: 0 },
  );
  const fetchInLane = aiFetch(resource, { retry: { attempts: 2, budget: 1 } });
  const outcomes = { read: 0, left: 0, dropped: 0 };
  const one = async (): Promise<void> => {
    const caller = new AbortController();
    const lane = random.pick(["chat", "batch"]);
    const body = { ...QUESTION, stream: random.next() < 0.5 };
    const leaving = abortAfter(random.whole(0, 60), caller);
    try {
      const init = { ...ask(body, { "laneway-lane": lane }), signal: caller.signal };
      const response = await fetchInLane(`${standIn.url}/v1/messages`, init);
      if (random.next() < 0.3) {
        await response.body?.cancel();
        outcomes.dropped++;
      } else {
        await response.text();
        outcomes.read++;
      }
    } catch (error) {
      assert.match(String(error), /given up after/, `seed ${seed}`);
      outcomes.left++;
    }
    await leaving;
  };
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun++ < CALLS) await one();
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  assert.ok(outcomes.left > 50 && outcomes.read > 50 && outcomes.dropped > 20, JSON.stringify(outcomes));
  await until(() => standIn.stats().running === 0 && standIn.stats().waiting === 0);
  assert.deepEqual(taken(resource), NOTHING, `seed ${seed}`);
  for (const { name, waiting } of resource.snapshot().budgets)
    assert.equal(waiting, 0, `${name}, seed ${seed}`);
  // All seats can be held at once again.
  standIn.script(undefined);
  const replies = await Promise.all(
    Array.from({ length: 4 }, () => fetchInLane(`${standIn.url}/v1/messages`, ask())),
  );
  assert.equal(taken(resource).seats, 4);
  await Promise.all(replies.map((response) => response.text()));
});

test("a reply that is dropped unread gives its seat back when it is collected, though the caller's signal lives on", async (t) => {
  const { standIn, resource } = await provide(t);
  const caller = new AbortController();
  const init = { ...ask({ ...QUESTION, stream: true }), signal: caller.signal };
  const status = await aiFetch(resource)(`${standIn.url}/v1/messages`, init).then(
    (response) => response.status,
  );
  assert.equal(status, 200);
  await until(() => {
    collect();
    return taken(resource).seats === 0;
  });
  await turn();
  assert.deepEqual(taken(resource), NOTHING);
  assert.equal(caller.signal.aborted, false);
});

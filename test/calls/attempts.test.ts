import assert from "node:assert/strict";
import { test } from "node:test";
import { inAttempts } from "../../src/calls/attempts.ts";
import type { Attempts, Failed, Succeeded } from "../../src/calls/attempts.ts";
import { NO_REPLY } from "../../src/calls/traffic.ts";
import type { CallPlan } from "../../src/calls/traffic.ts";
import { isLanewayError } from "../../src/core/errors.ts";
import type { Permit } from "../../src/core/permit.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";

const resourceOf = (clock: TestClock): Resource =>
  new Resource({ name: "claude", limit: 1, lanes: [{ name: "chat", timeoutMs: 10_000 }], clock });

/** A plan that waits so long between tries, and charges another budget each time. */
function planOf(waits: readonly (number | undefined)[]): CallPlan {
  let attempt = 1;
  return {
    kind: "generate",
    cost: { requests: 1 },
    costNow: () => ({ requests: 1 }),
    isLimited: true,
    get budgets() {
      return [`key-${attempt}`];
    },
    get attempt() {
      return attempt;
    },
    keyOf: ({ budget }) => budget,
    replied: () => undefined,
    failed: () => waits[attempt++ - 1],
    used: () => undefined,
  };
}

interface Seen {
  readonly told: string[];
  readonly call: Attempts<string>;
}

/** Calls whose tries fail until the last, which has the permit released by its receiver. */
function failing(plan: CallPlan, times: number, options: Partial<Attempts<string>> = {}): Seen {
  const told: string[] = [];
  const attempt = async (permit: Permit, key?: string): Promise<Succeeded<string> | Failed<string>> => {
    told.push(`try with ${key}`);
    if (told.filter((line) => line.startsWith("try")).length > times) {
      permit.release();
      return { value: "reply" };
    }
    return {
      verdict: NO_REPLY,
      giveUp: (final) => (told.push("given up"), `failed, ${final ? "for good" : "once"}`),
      forget: () => void told.push("forgotten"),
    };
  };
  return { told, call: { plan, task: { lane: "chat" }, repeatable: true, attempt, ...options } };
}

test("each try is charged to what the plan says by then, and what failed is let go of before the next", async () => {
  const clock = new TestClock();
  const { told, call } = failing(planOf([100, 0]), 2);
  const answer = inAttempts(resourceOf(clock), call);
  await clock.advance(100);
  assert.equal(await answer, "reply");
  assert.deepEqual(told, ["try with key-1", "forgotten", "try with key-2", "forgotten", "try with key-3"]);
});

test("when the plan has no more tries the caller gets the last failure, and the seat is free", async () => {
  const resource = resourceOf(new TestClock());
  const { told, call } = failing(planOf([undefined]), 9);
  assert.equal(await inAttempts(resource, call), "failed, for good");
  assert.deepEqual(told, ["try with key-1", "given up"]);
  assert.deepEqual([resource.snapshot().seatsInUse, resource.snapshot().lanes[0]!.failed], [0, 1]);
});

test("what can be sent only once is tried once, whatever the plan says", async () => {
  const { told, call } = failing(planOf([0, 0]), 9, { repeatable: false });
  assert.equal(await inAttempts(resourceOf(new TestClock()), call), "failed, once");
  assert.deepEqual(told, ["try with key-1", "given up"]);
});

test("a try that throws ends the call with what it threw, and frees the seat", async () => {
  const resource = resourceOf(new TestClock());
  const attempt = (): Promise<never> => Promise.reject(new TypeError("a bug"));
  const { call } = failing(planOf([0]), 9, { attempt });
  await assert.rejects(inAttempts(resource, call), { name: "TypeError", message: "a bug" });
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("a try that is stopped because its time is up ends with that, however it words it itself", async () => {
  const clock = new TestClock();
  const resource = resourceOf(clock);
  const attempt = (permit: Permit): Promise<never> =>
    new Promise((_resolve, reject) => {
      permit.signal.addEventListener("abort", () => reject(new Error("socket hang up")));
    });
  const answer = inAttempts(resource, failing(planOf([0]), 9, { attempt }).call);
  const rejected = assert.rejects(answer, (error) => isLanewayError(error) && error.reason === "task");
  await clock.advance(10_000);
  await rejected;
  assert.equal(resource.snapshot().seatsInUse, 0);
});

test("a caller that leaves between two tries gets its own reason, and what failed is let go of", async () => {
  const clock = new TestClock();
  const resource = resourceOf(clock);
  const caller = new AbortController();
  const { told, call } = failing(planOf([5_000]), 9, { task: { lane: "chat", signal: caller.signal } });
  const rejected = assert.rejects(inAttempts(resource, call), { message: "left" });
  await clock.advance(1_000);
  caller.abort(new Error("left"));
  await rejected;
  assert.deepEqual(told, ["try with key-1", "forgotten"]);
  assert.deepEqual([resource.snapshot().seatsInUse, resource.snapshot().waiting], [0, 0]);
});

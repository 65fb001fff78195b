/** A scenario as calls: when each is due, of which lane it is, what it sends. */

import { dueInstants } from "../load/arrival.ts";
import { mergeDue } from "../load/merge-due.ts";
import { seededRandom } from "../load/random.ts";
import { perSecond } from "../scenario/rate.ts";
import type { Scenario, ScenarioLane } from "../scenario/scenario.ts";
import type { RequestPlan, WorkerPlan } from "./plan.ts";
import { requestBytes } from "./request-bytes.ts";
import type { Target } from "./target.ts";

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const BODILESS = "HEAD";

/** All calls of a scenario against a service that can do `capacity` a second. The same seed gives the same calls. */
export function planOf(scenario: Scenario, target: Target, capacity: number, seed: number): WorkerPlan {
  const requests: RequestPlan[] = [];
  const pickers = scenario.lanes.map((lane, number) => {
    const first = requests.length;
    const { plans, weights } = requestsOf(lane, target);
    requests.push(...plans);
    const pick = picker(weights, seededRandom(seed * 2_000 + number));
    return () => first + pick();
  });
  const streams = scenario.lanes.map((lane, number) =>
    dueOf(scenario, lane, capacity, seed * 1_000 + number),
  );
  const calls = mergeDue(streams);
  return {
    target: { host: target.host, port: target.port, tlsName: target.tlsName },
    lanes: scenario.lanes.map(({ name, lane, timeoutMs, returns, returnsMax }) => ({
      name,
      expects: lane,
      timeoutMs,
      returns,
      returnsMax,
    })),
    requests,
    due: calls.due,
    lane: calls.stream,
    request: Uint32Array.from(calls.stream, (lane) => pickers[lane]!()),
    phaseEndsMs: scenario.phases.map(({ untilMs }) => untilMs),
    inFlightMax: scenario.inFlightMax,
  };
}

function dueOf(
  { phases, arrivals }: Scenario,
  lane: ScenarioLane,
  capacity: number,
  seed: number,
): Float64Array {
  const parts = phases.map(({ fromMs, untilMs }, at) => {
    const { from, to } = lane.rates[at]!;
    const [fromPerSecond, toPerSecond] = [perSecond(from, capacity), perSecond(to, capacity)];
    // Apart by a prime, so that no two phases of any two lanes draw the same chances.
    return dueInstants(
      { kind: "ramp", arrivals, fromPerSecond, toPerSecond, fromMs, untilMs },
      seed + at * 100_003,
    );
  });
  const due = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    due.set(part, at);
    at += part.length;
  }
  return due;
}

/** One request for each path and caller of a lane, with how often it is sent beside the others. */
function requestsOf(lane: ScenarioLane, target: Target): { plans: RequestPlan[]; weights: number[] } {
  const { flows, requests } = lane;
  const callers = flows === undefined ? [undefined] : Array.from({ length: flows.count }, (_, at) => at + 1);
  const plans: RequestPlan[] = [];
  const weights: number[] = [];
  for (const request of requests) {
    for (const caller of callers) {
      const headers =
        flows === undefined || caller === undefined
          ? request.headers
          : { ...request.headers, [flows.header]: `${flows.prefix}-${caller}` };
      plans.push({
        bytes: requestBytes({ ...request, headers }, target.authority),
        bodiless: request.method === BODILESS,
        idempotent: IDEMPOTENT.has(request.method),
      });
      weights.push(request.weight * (caller === undefined ? 1 : caller ** -flows!.skew));
    }
  }
  return { plans, weights };
}

/** Picks an index as often as its weight says. */
function picker(weights: readonly number[], random: () => number): () => number {
  if (weights.length === 1) return () => 0;
  let sum = 0;
  const sums = weights.map((weight) => (sum += weight));
  return () => {
    const wanted = random() * sum;
    let low = 0;
    for (let high = sums.length - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (sums[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

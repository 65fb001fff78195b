/** A worker thread that makes load: its own event loop, so that nobody's drawing makes its calls late. */

import { availableParallelism } from "node:os";
import { parentPort } from "node:worker_threads";
import { Http1Connections } from "../load/http1/connections.ts";
import { generatorClock } from "../load/generator-clock.ts";
import type { LaneTick, WorkerCommand, WorkerMessage } from "./messages.ts";
import { offerLoad } from "./offer.ts";
import type { Offer } from "./offer.ts";
import type { WorkerPlan } from "./plan.ts";
import { warmUp } from "./warm-up.ts";

/**
 * With four processors one can be kept busy for exact instants. With fewer the service needs it more, and a thread that is
 * always busy is the one that has to wait when others work: there calls leave up to a millisecond late, and say so.
 */
const AWAKE_MS = availableParallelism() >= 4 ? 2 : 0;
const TICK_MS = 200;
const SWEEP_MS = 1_000;
/** Of the latencies between two ticks so many are shown. */
const SHOWN_MAX = 200;

const port = parentPort!;
let current: Offer | undefined;
/** A load may be called off before its start. */
let calledOff = false;

port.on("message", (command: WorkerCommand) => {
  calledOff = command.type === "stop";
  if (command.type === "load") void load(command);
  else current?.stop();
});
await warmUp();
say({ type: "ready" });

function say(message: WorkerMessage): void {
  port.postMessage(message);
}

async function load(command: Extract<WorkerCommand, { type: "load" }>): Promise<void> {
  const { plan, seed, startAtEpochMs } = command;
  const connections = new Http1Connections(plan.target);
  const requests = plan.requests.map((request) => ({ ...request, bytes: Buffer.from(request.bytes.buffer) }));
  // The worker's own clock has its origin when the worker began; the wall clock is the one that all share.
  await new Promise((resolve) => setTimeout(resolve, startAtEpochMs - Date.now()));
  const shown = new Latencies(plan.lanes.length);
  const startedAt = performance.now();
  const offer = offerLoad({
    plan,
    seed,
    clock: generatorClock(AWAKE_MS),
    sender: { send: (request, waiter) => connections.send(requests[request]!, waiter) },
    onServed: (lane, ms) => shown.add(lane, ms),
  });
  current = offer;
  if (calledOff) offer.stop();
  const ticks = setInterval(() => say({ type: "tick", lanes: ticksOf(offer, plan, shown) }), TICK_MS);
  const sweeps = setInterval(() => connections.sweep(), SWEEP_MS);
  await offer.done;
  clearInterval(ticks);
  clearInterval(sweeps);
  connections.close();
  current = undefined;
  say({
    type: "result",
    lanes: offer.lanes.map((lane) => lane.data()),
    lag: offer.lag.data(),
    stalls: offer.stalls.data(),
    sent: offer.sent(),
    lastedMs: performance.now() - startedAt,
  });
}

function ticksOf(offer: Offer, { lanes }: WorkerPlan, shown: Latencies): LaneTick[] {
  return lanes.map((_, lane) => {
    const tally = offer.lanes[lane]!;
    return {
      offered: tally.total("offered"),
      served: tally.total("served"),
      refused: tally.total("refused"),
      failed: tally.total("failed"),
      inFlight: offer.inFlight(lane),
      latenciesMs: shown.take(lane),
    };
  });
}

/** The latest latencies of each lane, up to a bound: what is shown is not what is judged. */
class Latencies {
  readonly #kept: number[][];
  readonly #seen: number[];

  constructor(lanes: number) {
    this.#kept = Array.from({ length: lanes }, () => []);
    this.#seen = Array.from({ length: lanes }, () => 0);
  }

  add(lane: number, ms: number): void {
    this.#kept[lane]![this.#seen[lane]!++ % SHOWN_MAX] = ms;
  }

  take(lane: number): number[] {
    const kept = this.#kept[lane]!;
    this.#kept[lane] = [];
    this.#seen[lane] = 0;
    return kept;
  }
}

import type { WorkerPlan } from "./plan.ts";

/** The calls of a plan dealt out one by one, so that every worker sends at an even pace and some of each lane. */
export function splitPlan(plan: WorkerPlan, workers: number): WorkerPlan[] {
  if (workers === 1) return [plan];
  return Array.from({ length: workers }, (_, worker) => {
    const count = Math.max(0, Math.ceil((plan.due.length - worker) / workers));
    const due = new Float64Array(count);
    const lane = new Uint16Array(count);
    const request = new Uint32Array(count);
    for (let at = 0; at < count; at++) {
      const from = worker + at * workers;
      due[at] = plan.due[from]!;
      lane[at] = plan.lane[from]!;
      request[at] = plan.request[from]!;
    }
    return { ...plan, due, lane, request, inFlightMax: Math.ceil(plan.inFlightMax / workers) };
  });
}

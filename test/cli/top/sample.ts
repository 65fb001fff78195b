import { LANE_FIELDS } from "../../../src/admin/wire.ts";
import type { LaneField, State, Tick } from "../../../src/admin/wire.ts";

/** A state with two resources, as the feed sends it. */
export const STATE: State = {
  lanes: [
    { name: "critical", objectiveMs: 50, success: null, exempt: false },
    { name: "normal", objectiveMs: 2_000, success: null, exempt: false },
    { name: "bulk", objectiveMs: 300_000, success: null, exempt: false },
  ],
  resources: [
    {
      name: "http",
      order: "strict",
      limitReason: "as the policy says",
      draining: false,
      lanes: ["critical", "normal", "bulk"],
      laneStates: ["open", "open", "paused"],
    },
    {
      name: "main-db",
      order: "weighted",
      limitReason: "41 after 64: upstream answered 429",
      draining: false,
      lanes: ["critical", "bulk"],
      laneStates: ["open", "open"],
    },
  ],
  overrides: [
    {
      id: "1f2e3d4c",
      text: "http, lane bulk: paused",
      until: Date.UTC(2026, 0, 1, 12, 9),
      note: "export storm",
      command: "laneway override --end 1f2e3d4c",
    },
  ],
  file: "laneway.yaml",
  gateway: "http://127.0.0.1:8080",
  enforced: true,
  refusedEdit: null,
  actions: true,
  version: "0.1.0",
};

/** The instant of the sample, in the calendar's milliseconds. */
export const AT: number = Date.UTC(2026, 0, 1, 12, 0, 0);

/** The numbers of a lane: those that are named, and 0. */
export function numbers(given: Partial<Record<LaneField, number>>): number[] {
  return LANE_FIELDS.map((field) => given[field] ?? 0);
}

/** One tick that fits `STATE`. */
export const TICK: Tick = {
  at: AT,
  verdict: {
    level: "missed",
    text: "critical on http waits 180 ms at p99, its objective is 50 ms: it holds 2 of 4 seats due.",
  },
  resources: [
    {
      limit: 64,
      seats: 64,
      lanes: [
        numbers({
          running: 8,
          seats: 8,
          reservation: 24,
          ceiling: 64,
          waitP50Ms: 3,
          waitP99Ms: 180,
          waiting: 4,
          oldestMs: 210,
          perMinute: 1_200,
          got: 0.125,
          due: 0.1875,
          finished: 71_240,
        }),
        numbers({
          running: 20,
          seats: 20,
          ceiling: 32,
          waiting: 12,
          oldestMs: 300,
          waitP50Ms: 60,
          waitP99Ms: 140,
          got: 0.74,
          due: 0.75,
          perMinute: 9_400,
        }),
        numbers({
          running: 36,
          seats: 36,
          ceiling: 0,
          waiting: 1_234_567,
          oldestMs: 41_000,
          waitP50Ms: 9_000,
          waitP99Ms: 38_000,
          got: 0.26,
          due: 0.25,
          perMinute: 240,
          shed: 123_456,
        }),
      ],
    },
    {
      limit: 41,
      seats: 1,
      lanes: [numbers({ running: 1, got: 0.02, due: 0.02, ceiling: 41 }), numbers({ ceiling: 41 })],
    },
  ],
};

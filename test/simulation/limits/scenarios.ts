/** What breaks limits that learn: the scenarios of docs/limits.md. */

import { servers, shared } from "./backends.ts";
import type { Scenario } from "./play.ts";
import type { Random } from "../../../src/testing/index.ts";

const MINUTE = 60_000;
const exponential = (mean: number) => (_now: number, random: Random) => random.exponential(mean);
const about = (mean: number) => (_now: number, random: Random) => mean * (0.5 + random.next());

const steady = { durationMs: 2 * MINUTE, objectiveMs: 500, patienceMs: 200 };

/** Each on a backend whose capacity nobody tells the limit. Rates are multiples of what the backend can do. */
export const SCENARIOS: readonly Scenario[] = [
  {
    ...steady,
    name: "twice the capacity, 64 servers",
    rate: () => 2_560,
    mostPerSecond: 2_560,
    backend: (agenda, random) => servers(agenda, random, { servers: () => 64, serviceMs: about(50) }),
  },
  {
    ...steady,
    name: "ten times the capacity, 10 servers",
    rate: () => 2_000,
    mostPerSecond: 2_000,
    backend: (agenda, random) => servers(agenda, random, { servers: () => 10, serviceMs: about(50) }),
  },
  {
    ...steady,
    name: "shared processors and waiting for others",
    rate: () => 1_600,
    mostPerSecond: 1_600,
    backend: (agenda, random) =>
      shared(agenda, random, { cores: () => 4, workMs: exponential(5), idleMs: exponential(45) }),
  },
  {
    ...steady,
    name: "a crowd that slows everybody down",
    rate: () => 1_600,
    mostPerSecond: 1_600,
    backend: (agenda, random) =>
      shared(agenda, random, {
        cores: () => 8,
        workMs: exponential(10),
        idleMs: exponential(20),
        crowd: { from: 40, loss: 0.03 },
      }),
  },
  {
    ...steady,
    name: "latency drifts to three times",
    durationMs: 3 * MINUTE,
    rate: () => 1_500,
    mostPerSecond: 1_500,
    backend: (agenda, random) =>
      servers(agenda, random, {
        servers: () => 40,
        serviceMs: (now, chance) => 40 * (1 + (2 * now) / (3 * MINUTE)) * (0.5 + chance.next()),
      }),
  },
  {
    ...steady,
    name: "what is too much is dropped",
    rate: () => 1_200,
    mostPerSecond: 1_200,
    backend: (agenda, random) =>
      servers(agenda, random, { servers: () => 40, serviceMs: about(50), most: 44 }),
  },
  {
    ...steady,
    name: "bursts and idle times",
    durationMs: 3 * MINUTE,
    rate: (now) => (now % 12_000 < 4_000 ? 1_600 : 8),
    mostPerSecond: 1_600,
    backend: (agenda, random) => servers(agenda, random, { servers: () => 40, serviceMs: about(50) }),
  },
  {
    ...steady,
    name: "the backend slowly loses its servers",
    durationMs: 3 * MINUTE,
    rate: () => 1_000,
    mostPerSecond: 1_000,
    backend: (agenda, random) =>
      servers(agenda, random, {
        servers: (now) => Math.round(60 - (45 * now) / (3 * MINUTE)),
        serviceMs: about(50),
      }),
  },
  {
    ...steady,
    name: "pauses for garbage collection",
    rate: () => 1_200,
    mostPerSecond: 1_200,
    backend: (agenda, random) =>
      servers(agenda, random, {
        servers: () => 40,
        serviceMs: about(50),
        pausedUntil: (now) => (now % 7_000 >= 6_600 ? Math.ceil(now / 7_000) * 7_000 : undefined),
      }),
  },
  {
    ...steady,
    name: "short work and some that is long",
    objectiveMs: 1_000,
    rate: () => 1_400,
    mostPerSecond: 1_400,
    backend: (agenda, random) =>
      servers(agenda, random, {
        servers: () => 40,
        serviceMs: (_now, chance) => (chance.next() < 0.05 ? 400 : 20) * (0.5 + chance.next()),
      }),
  },
  {
    ...steady,
    name: "a step to 1.4 times the capacity",
    durationMs: 2 * MINUTE,
    rate: (now) => (now < 40_000 ? 560 : 1_120),
    mostPerSecond: 1_120,
    backend: (agenda, random) => servers(agenda, random, { servers: () => 40, serviceMs: about(50) }),
  },
  {
    ...steady,
    name: "few and slow",
    objectiveMs: 3_000,
    patienceMs: 1_000,
    rate: () => 20,
    mostPerSecond: 20,
    backend: (agenda, random) => servers(agenda, random, { servers: () => 8, serviceMs: about(800) }),
  },
];

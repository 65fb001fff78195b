/** Scenarios that need no file. Each is what a file could say, so that it can be printed, changed and kept. */

import type { ScenarioFile, ScenarioLaneEntry } from "./file.ts";

/** What a scenario is made for: the lanes of the service, most important first, and what it promised of each. */
export interface ReadyMadeFor {
  readonly lanes: readonly { readonly name: string; readonly objectives: readonly string[] }[];
}

/** Parts of the capacity that lanes ask for in ordinary times, by rank; all but the lowest stay below a half. */
const ORDINARY = ["15%", "15%", "10%", "10%"];
/** The lowest lane's share in ordinary times, and twelve times that. */
const LOWEST = "20%";
const SPIKE = "240%";
const MOST_BEFORE_LOWEST = 50;

/**
 * What is promised where no policy says: the top lane hardly notices, the others are served, the lowest moves. Twice, for
 * who comes while every seat is taken waits for one run to end, however well the lanes are kept.
 */
function promised(rank: number, of: number): string[] {
  if (of > 1 && rank === of - 1) return ["progress > 0"];
  if (rank > 0) return ["success > 99%"];
  return ["p99 < 2x baseline + 10ms during flood", "success > 99.9%"];
}

/** The lanes in ordinary times, with what is promised of them. */
function ordinary({ lanes }: ReadyMadeFor): ScenarioLaneEntry[] {
  return lanes.map(({ name, objectives }, rank) => {
    const rate = rank === lanes.length - 1 ? LOWEST : share(rank, lanes.length - 1);
    return { name, rate, objectives: [...new Set([...promised(rank, lanes.length), ...objectives])] };
  });
}

function share(rank: number, above: number): string {
  return above <= ORDINARY.length
    ? ORDINARY[rank]!
    : `${Math.round((MOST_BEFORE_LOWEST / above) * 100) / 100}%`;
}

/** `entries` with the lowest lane replaced. */
function withLowest(
  entries: readonly ScenarioLaneEntry[],
  replace: (lowest: ScenarioLaneEntry) => ScenarioLaneEntry[],
): ScenarioLaneEntry[] {
  return [...entries.slice(0, -1), ...replace(entries.at(-1)!)];
}

const READY: Readonly<Record<string, { readonly about: string; make(wanted: ReadyMadeFor): ScenarioFile }>> =
  {
    spike: {
      about: "Do the other lanes hold when the lowest one asks twelve times as much as usual?",
      make: (wanted) => ({
        lanes: withLowest(ordinary(wanted), (lowest) => [{ ...lowest, during: { flood: SPIKE } }]),
      }),
    },
    steady: {
      about: "Does every lane get what it asks for when all together ask 70 % of what the service can do?",
      make: (wanted) => ({
        phases: [
          { name: "baseline", for: "15s" },
          { name: "flood", for: "15s" },
        ],
        lanes: withLowest(ordinary(wanted), (lowest) => [{ ...lowest, objectives: ["success > 99%"] }]),
      }),
    },
    ramp: {
      about: "Who gives way first when the lowest lane asks more and more, to twice what the service can do?",
      make: (wanted) => ({
        lanes: withLowest(ordinary(wanted), (lowest) => [
          { ...lowest, during: { flood: { from: LOWEST, to: "200%" } } },
        ]),
      }),
    },
    "noisy-neighbour": {
      about: "Do a lane's other callers notice when one of them asks for twice what the service can do?",
      make: (wanted) => noisyNeighbour(wanted),
    },
    "slow-upstream": {
      about: "Do the other lanes hold when what the lowest one asks for becomes slow?",
      make: (wanted) => ({
        lanes: withLowest(ordinary(wanted), ({ name, lane = name, objectives = [] }) => [
          { name, rate: LOWEST, during: { flood: "0%" } },
          {
            name: `${name}-slow`,
            lane,
            rate: "0%",
            during: { flood: LOWEST },
            paths: ["/slow"],
            objectives: [...objectives],
          },
        ]),
      }),
    },
    "retry-storm": {
      about:
        "Does the service recover when refused clients of the lowest lane come back, some without waiting?",
      make: (wanted) => ({
        lanes: withLowest(ordinary(wanted), ({ name, lane = name, objectives = [] }) => [
          {
            name: `${name}-obeys`,
            lane,
            rate: "10%",
            during: { flood: "120%" },
            returns: { after: "obey", most: 3 },
            objectives: [...objectives],
          },
          {
            name: `${name}-ignores`,
            lane,
            rate: "10%",
            during: { flood: "120%" },
            returns: { after: "ignore", most: 10 },
          },
        ]),
      }),
    },
  };

function noisyNeighbour(wanted: ReadyMadeFor): ScenarioFile {
  const entries = ordinary(wanted);
  // The middle lane, for it has others above and below it.
  const at = Math.floor((entries.length - 1) / 2);
  const { name, objectives = [], ...rest } = entries[at]!;
  return {
    lanes: [
      ...entries.slice(0, at),
      {
        name,
        ...rest,
        flows: { count: 10, prefix: "quiet" },
        objectives: [...objectives],
      },
      {
        name: `${name}-noisy`,
        lane: name,
        rate: "2%",
        during: { flood: "200%" },
        flows: { count: 1, prefix: "noisy" },
        objectives: ["progress > 0"],
      },
      ...entries.slice(at + 1),
    ],
  };
}

/** The names, as `--scenario` takes them. */
export const READY_MADE: readonly string[] = Object.keys(READY);

/** A ready-made scenario for these lanes; undefined when there is none of that name. */
export function readyMade(name: string, wanted: ReadyMadeFor): ScenarioFile | undefined {
  const found = Object.hasOwn(READY, name) ? READY[name] : undefined;
  return found === undefined ? undefined : { about: found.about, ...found.make(wanted) };
}

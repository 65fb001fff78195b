/** What happens to a gateway while it works. */

import { renameSync, writeFileSync } from "node:fs";
import type { Random } from "../../src/testing/random.ts";
import { BAD_POLICIES, randomPolicy } from "./gateway-policy.ts";
import type { Stand } from "./gateway-stand.ts";
import { setTimeOfDay } from "./jump-clock.ts";
import type { Round } from "./part.ts";
import { block } from "./process-watch.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

type Fault = (random: Random, at: Stand) => void | Promise<void>;

const FAULTS: Readonly<Record<string, Fault>> = {
  "jumps of the clock": (random, { clock }) => clock?.jump(random.pick([300, 10_000, HOUR_MS, DAY_MS])),
  "times of day set": (random) => setTimeOfDay(random.pick([-365 * DAY_MS, -HOUR_MS, HOUR_MS, 365 * DAY_MS])),
  "held-up loops": (random) => block(random.pick([50, 200, 1_000])),
  "deaths of the upstream": (_random, { upstream }) => upstream.die(),
  "edits of the file": (random, at) => {
    const text = randomPolicy(random, at.upstream.url);
    if (random.next() < 0.5) writeFileSync(at.file, text);
    else {
      writeFileSync(`${at.file}.new`, text);
      renameSync(`${at.file}.new`, at.file);
    }
  },
  "bad edits": (random, at) => writeFileSync(at.file, random.pick(BAD_POLICIES)),
  "policies put in force": (random, at) => at.putInForce(randomPolicy(random, at.upstream.url)),
  "lanes paused": (random, at) => {
    const { laneway } = at.gateway;
    const lane = random.pick(["normal", "bulk"]);
    const state = random.pick(["paused", "draining"] as const);
    const { id } = laneway.override({ resource: "http", lane, state, durationMs: MINUTE_MS });
    setTimeout(() => laneway.endOverride(id), random.whole(20, 400));
  },
  "readings of full memory": (random) => {
    const part = random.pick([0.92, 0.96, 1.1]);
    process.constrainedMemory = () => Math.ceil(process.memoryUsage.rss() / part);
  },
};

const NAMES = Object.keys(FAULTS);
const realMemory = process.constrainedMemory.bind(process);

/** One of them. */
export async function disturb(round: Round, random: Random, at: Stand): Promise<void> {
  const name = random.pick(NAMES);
  round.count(name);
  await FAULTS[name]!(random, at);
}

/** The time of day and the memory are again what they are. */
export function undisturb(): void {
  setTimeOfDay(0);
  process.constrainedMemory = realMemory;
}

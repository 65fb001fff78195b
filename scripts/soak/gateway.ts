/** A gateway on real sockets between bad clients and a bad upstream, with reloads, jumps of its clock and a held-up loop. */

import { isAtRest, judgeCounters, judgeMetrics, neverStarted, offeredTo, sumOf } from "./counters.ts";
import { seeded } from "../../src/testing/random.ts";
import { ask as askAndRead } from "../../test/gateway/fixture.ts";
import { ask } from "./bad-clients.ts";
import type { Seen } from "./bad-clients.ts";
import { disturb, undisturb } from "./gateway-faults.ts";
import { Stand } from "./gateway-stand.ts";
import { Round } from "./part.ts";
import type { Part } from "./part.ts";
import { holdsWithin } from "./process-watch.ts";

const REQUESTS = 120;
const AT_ONCE = 40;
const AT_REST_MS = 10_000;
const HEARD_WITHIN_MS = 3_000;
/** One gateway lives for so many rounds: what it fails to close shows at its end. */
const ROUNDS_OF_A_GATEWAY = 8;

/** What a gateway has counted. */
interface Totals {
  readonly offered: number;
  readonly never: number;
  readonly failed: number;
}

let stand: Stand | undefined;

/** One gateway after the other, each for many rounds. */
export const gateway: Part = {
  name: "gateway",
  what: "a gateway between bad clients and a bad upstream, with reloads, jumps and a held-up loop",
  unit: "requests",
  share: 3,
  // What a gateway keeps open between rounds is its own affair until its end.
  isAlone: isLastOf,
  // Nor do the last requests that it remembers grow for ever: compared is what is left when it is gone.
  isComparable: isLastOf,
  async round(round: Round) {
    // The same one whichever of its rounds comes first, so that a round can be played alone.
    stand ??= await Stand.open(seeded(Math.floor(round.seed / ROUNDS_OF_A_GATEWAY)));
    const isLast = isLastOf(round.seed);
    await burst(round, stand, isLast && round.chance(0.5));
    round.work = REQUESTS;
    if (!isLast) return;
    await stand.close(round);
    stand = undefined;
  },
  async close() {
    const round = new Round(0);
    await stand?.close(round);
    stand = undefined;
    if (round.faults.length > 0) throw new Error(round.faults.join("; "));
  },
};

function isLastOf(seed: number): boolean {
  return seed % ROUNDS_OF_A_GATEWAY === ROUNDS_OF_A_GATEWAY - 1;
}

async function burst(round: Round, at: Stand, isDrained: boolean): Promise<void> {
  const { random } = round;
  const leavers = random.pick([0, 0, 0.5, 0.9]);
  at.upstream.random = seeded(round.seed ^ 0x5bd1e995);
  at.upstream.manners = {
    broken: random.pick([0, 0.3, 0.8]),
    slow: random.pick([0, 0.2, 0.6]) * 0.5,
    errors: random.pick([0, 0.2]),
  };
  await at.begin(random);
  const before = totals(at);
  const seen: Seen[] = [];
  let left = REQUESTS;
  const drainAt = isDrained ? random.whole(1, REQUESTS) : -1;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      // Each has its own chance, whoever of the others is first.
      const own = seeded(round.seed * REQUESTS + left);
      if (left === drainAt) void round.settles("a drain under load", at.drain());
      seen.push(await ask(at.gateway.url, own, leavers));
      if (own.next() < 0.08) await disturb(round, own, at);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  undisturb();
  const isCalm = (): boolean => at.gateway.laneway.snapshot().resources.every(isAtRest);
  const rests = await holdsWithin(AT_REST_MS, isCalm);
  round.expect(rests, `not at rest ${AT_REST_MS / 1_000} s after the last client`);
  const isHeard = await holdsWithin(HEARD_WITHIN_MS, () => at.upstream.owed === 0);
  round.expect(isHeard, `${at.upstream.owed} calls to the upstream outlive their clients`);
  // A request whose client has left may come as late as this; what is judged is the rest after it.
  await holdsWithin(AT_REST_MS, isCalm);
  await judge(round, at, { seen, before, isDrained });
}

async function judge(
  round: Round,
  at: Stand,
  { seen, before, isDrained }: { seen: readonly Seen[]; before: Totals; isDrained: boolean },
): Promise<void> {
  const { laneway } = at.gateway;
  for (const resource of laneway.resources.values()) judgeCounters(round, resource);
  for (const line of at.log.splice(0)) round.fault(`the gateway logs: ${line}`);
  if (!isDrained) {
    await judgePage(round, at);
    judgeSeen(round, at, seen, before);
  }
  const whole = seen.filter(({ isWhole }) => isWhole);
  round.count("clients that left", seen.length - whole.length);
  round.count(
    "replies of the upstream",
    seen.filter(({ status, isRefused }) => status !== undefined && !isRefused).length,
  );
  round.count("refusals", whole.filter(({ isRefused }) => isRefused).length);
  round.count("cut replies", whole.filter(({ status }) => status === undefined).length);
}

/** The page of metrics, once nothing was counted while it was read: a request whose client has left may come late. */
async function judgePage(round: Round, at: Stand): Promise<void> {
  const { laneway, adminUrl } = at.gateway;
  const counted = (): string => JSON.stringify(totals(at));
  let page = "";
  await holdsWithin(AT_REST_MS, async () => {
    const before = counted();
    page = (await askAndRead(`${adminUrl}/metrics`)).text;
    return before === counted();
  });
  judgeMetrics(round, page, laneway.snapshot().resources);
}

/** What clients saw and what was counted is the same story. */
function judgeSeen(round: Round, at: Stand, seen: readonly Seen[], before: Totals): void {
  const now = totals(at);
  const offered = now.offered - before.offered;
  const never = now.never - before.never;
  const failed = now.failed - before.failed;
  const stayed = seen.filter(({ isWhole }) => isWhole);
  const asked = seen.filter(({ isWhole, isAsked }) => !isWhole && isAsked).length;
  round.expect(
    offered >= stayed.length && offered <= stayed.length + asked,
    `${stayed.length} clients stayed and ${asked} left after they had asked, but ${offered} were counted`,
  );
  // In shadow mode what is counted as refused goes on all the same.
  if (asked > 0 || at.wasShadow) return;
  const refused = stayed.filter(({ isRefused }) => isRefused).length;
  const untold = stayed.filter(({ status, isWarm }) => status === undefined || isWarm).length;
  round.expect(never <= refused + untold, `${never} were refused, but ${refused} clients were told so`);
  round.expect(
    refused <= never + failed,
    `${refused} clients were refused, but ${never} were counted, and ${failed} failed`,
  );
}

function totals({ gateway: { laneway } }: Stand): Totals {
  const { resources } = laneway.snapshot();
  const sum = (count: Parameters<typeof sumOf>[1]): number =>
    resources.reduce((all, resource) => all + sumOf(resource, count), 0);
  return { offered: sum(offeredTo), never: sum(neverStarted), failed: sum(({ failed }) => failed) };
}

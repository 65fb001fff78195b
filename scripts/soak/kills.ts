/** Gateways of their own process that are ended at any moment, by the signal that drains and by the one that nobody hears. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "./bad-clients.ts";
import type { Seen } from "./bad-clients.ts";
import { BadUpstream } from "./bad-upstream.ts";
import { freePort } from "../../test/programs.ts";
import { Site } from "./command.ts";
import type { Command } from "./command.ts";
import { randomPolicy } from "./gateway-policy.ts";
import type { Part, Round } from "./part.ts";
import { holdsWithin, pause } from "./process-watch.ts";

const CLIENTS = 30;
const CLOSED_WITHIN_MS = 5_000;
const WORKS_WITHIN_MS = 10_000;
const FILE = "laneway.yaml";

/** How it is ended, and what it may end with. */
const ENDS: readonly { readonly signals: readonly NodeJS.Signals[]; readonly codes: readonly string[] }[] = [
  { signals: ["SIGTERM"], codes: ["0"] },
  { signals: ["SIGINT"], codes: ["0"] },
  // A drain that is over before the second one comes ends as a drain does.
  { signals: ["SIGTERM", "SIGTERM"], codes: ["143", "0"] },
  { signals: ["SIGKILL"], codes: ["SIGKILL"] },
  { signals: ["SIGTERM", "SIGKILL"], codes: ["SIGKILL", "0"] },
  { signals: ["SIGSTOP", "SIGCONT", "SIGTERM"], codes: ["0"] },
];

/** Each round is one life and one death of a gateway, and the start of the next. */
export const kills: Part = {
  name: "kills",
  what: "gateway processes ended by signals at any moment, and started again on the same port",
  unit: "processes",
  share: 1,
  // The heap that would be read is not theirs.
  isComparable: () => false,
  async round(round: Round) {
    const upstream = new BadUpstream(round.random);
    await upstream.open();
    const site = new Site(round);
    try {
      writeFileSync(join(site.folder, FILE), randomPolicy(round.random, upstream.url));
      const port = await freePort();
      await live(round, { site, upstream, port });
    } finally {
      await site.close([FILE]);
      await upstream.close();
    }
    round.work = 2;
  },
};

interface Place {
  readonly site: Site;
  readonly upstream: BadUpstream;
  readonly port: number;
}

async function live(round: Round, place: Place): Promise<void> {
  const { upstream, port } = place;
  const { random } = round;
  const first = start(place);
  // Some are ended before they listen: then there is no way to drain yet, and the signal ends them.
  const isEarly = round.chance(0.15);
  if (isEarly) await pause(random.whole(0, 300));
  else if ((await first.says(/listens on http/)) === undefined)
    return round.fault(`it does not start: ${first.said}`);
  const clients = isEarly ? [] : Array.from({ length: CLIENTS }, () => ask(urlOf(port), random, 0.3));
  if (!isEarly) await pause(random.whole(0, 400));
  const end = random.pick(ENDS);
  for (const signal of end.signals) {
    first.child.kill(signal);
    await pause(random.whole(0, 60));
  }
  const seen = await Promise.all(clients);
  const code = await first.ended;
  const isExpected = end.codes.includes(code) || (isEarly && ["SIGTERM", "SIGINT", "0"].includes(code));
  round.expect(isExpected, `${end.signals.join(", ")} ends it with ${code}: ${first.said}`);
  first.judge(round);
  judgeDrained(round, end.signals, seen, isEarly);
  const isAlone = await holdsWithin(CLOSED_WITHIN_MS, () => upstream.connections === 0);
  round.expect(isAlone, `${upstream.connections} connections to the upstream outlive it`);
  round.count(end.signals.join(" "));
  await again(round, place);
}

function start({ site, port }: Place): Command {
  return site.start("gateway", "--policy", FILE, "--listen", `127.0.0.1:${port}`, "--admin", "127.0.0.1:0");
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** One that drains answers whom it let in. */
function judgeDrained(
  round: Round,
  signals: readonly string[],
  seen: readonly Seen[],
  isEarly: boolean,
): void {
  round.count("clients", seen.length);
  round.count("clients with a whole reply", seen.filter(({ status }) => status !== undefined).length);
  if (isEarly || signals.length > 1 || signals[0] === "SIGKILL") return;
  round.count(
    "replies while draining",
    seen.filter(({ isWhole, status }) => isWhole && status !== undefined).length,
  );
}

/** The port is free at once, and the next one works. */
async function again(round: Round, place: Place): Promise<void> {
  const next = start(place);
  if ((await next.says(/listens on http/)) === undefined)
    return round.fault(`it does not start again: ${next.said}`);
  place.upstream.manners = { broken: 0, slow: 0, errors: 0 };
  let last: number | undefined;
  // Its lanes' time-outs are short, and a machine may be busy.
  const works = await holdsWithin(WORKS_WITHIN_MS, async () => {
    last = (await ask(urlOf(place.port), round.random, 0)).status;
    return last === 200 || last === 304;
  });
  round.expect(works, `started again it answers ${last}`);
  next.child.kill("SIGTERM");
  const code = await next.ended;
  round.expect(code === "0", `started again it ends with ${code}: ${next.said}`);
  next.judge(round);
}

/** Commands that share one seat across processes, ended at any moment: the seat is never taken twice, and never lost. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Site } from "./command.ts";
import type { Command } from "./command.ts";
import type { Part, Round } from "./part.ts";
import { pause } from "./process-watch.ts";

const COMMANDS = 6;
const LANES = ["critical", "normal", "bulk"];
const SCRIPT = "job.sh";
const HOLDERS = "holders";

/** Says who holds the seat, and looks whether somebody else does who is alive. */
const JOB = `#!/bin/sh
: > ${HOLDERS}/$$
for other in ${HOLDERS}/*; do
  pid=\${other##*/}
  [ "$pid" = $$ ] || ! kill -0 "$pid" 2>/dev/null || echo "$$ beside $pid" >> ${HOLDERS}/both
done
sleep "$1"
rm ${HOLDERS}/$$
`;

/** Each round is a handful of commands that want the same seat. */
export const runs: Part = {
  name: "runs",
  what: "`laneway run --wait` by many processes, ended by signals at any moment",
  unit: "processes",
  share: 1,
  // The heap that would be read is not theirs.
  isComparable: () => false,
  async round(round: Round) {
    const site = new Site(round);
    try {
      mkdirSync(join(site.folder, HOLDERS));
      writeFileSync(join(site.folder, SCRIPT), JOB);
      await Promise.all(Array.from({ length: COMMANDS }, () => one(round, site)));
      await last(round, site);
      const found = readdirSync(join(site.folder, HOLDERS));
      if (found.includes("both"))
        round.fault(`two held one seat: ${readFileSync(join(site.folder, HOLDERS, "both"), "utf8")}`);
    } finally {
      await site.close([SCRIPT, HOLDERS]);
    }
    round.work = COMMANDS + 1;
  },
};

function start(round: Round, site: Site, seconds: string): Command {
  const lane = round.random.pick(LANES);
  const seat = `soak-${process.pid}`;
  return site.start("run", "--lane", lane, "--wait", seat, "--", "sh", SCRIPT, seconds);
}

async function one(round: Round, site: Site): Promise<void> {
  const { random } = round;
  const command = start(round, site, random.pick(["0.01", "0.1", "0.3"]));
  const signal = random.pick(["SIGTERM", "SIGKILL", "SIGINT", undefined] as const);
  if (signal !== undefined) {
    await pause(random.whole(0, 900));
    command.child.kill(signal);
  }
  const code = await command.ended;
  command.judge(round);
  round.count(`${signal ?? "no signal"}: ended with ${code}`);
  if (signal === undefined)
    round.expect(code === "0", `nobody ended it, but it ended with ${code}: ${command.said}`);
}

/** However the others ended, the seat can be had. */
async function last(round: Round, site: Site): Promise<void> {
  const command = start(round, site, "0");
  const code = await command.ended;
  round.expect(code === "0", `the last one ended with ${code}: ${command.said}`);
}

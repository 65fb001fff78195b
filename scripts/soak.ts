/**
 * Faults of every kind against the scheduler, the library and the gateway, for as long as you like: afterwards every seat
 * is back, every promise settled, no socket or process left, all counters add up and the heap has not grown.
 *
 *     npm run soak -- --minutes 10                        all parts, two at a time; exit 1 on a violation
 *     npm run soak -- --only gateway --seed 7 --rounds 1  one round again
 *     npm run soak -- --histories 1000000                 so many histories against the model, on two processors
 */

import { parseArgs } from "node:util";
import { playAll } from "./soak/crew.ts";
import type { Message, Order } from "./soak/crew.ts";
import type { Part } from "./soak/part.ts";
import { PARTS } from "./soak/parts.ts";
import { playPart } from "./soak/play.ts";
import type { Played, Progress } from "./soak/play.ts";
import { report } from "./soak/table.ts";

const AT_ONCE = 2;
const MINUTE_MS = 60_000;
const SAY_EVERY_MS = 10_000;
const OPTIONS = {
  minutes: { type: "string" },
  seed: { type: "string" },
  only: { type: "string" },
  rounds: { type: "string" },
  histories: { type: "string" },
  play: { type: "string" },
} as const;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // While a part is played nothing that is thrown ends the process: it is found instead.
  const isUsage =
    error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  console.error(isUsage ? `soak: ${error.message}` : error);
  process.exitCode = isUsage ? 2 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.play !== undefined) return play(JSON.parse(values.play) as Order);
  const parts = PARTS.filter(
    ({ name }) => values.only === undefined || values.only.split(",").includes(name),
  );
  const [minutes, rounds, histories] = [values.minutes, values.rounds, values.histories].map(numberOf);
  const seed = numberOf(values.seed) ?? Date.now() % 1e9;
  if (parts.length === 0 || [minutes, rounds, histories, seed].some(Number.isNaN)) {
    const names = PARTS.map(({ name }) => name).join(", ");
    console.error(
      `expected --minutes, --seed, --rounds and --histories with a number, --only with some of ${names}`,
    );
    return 2;
  }
  const orders =
    histories === undefined ? ordersFor(parts, { seed, minutes, rounds }) : historiesFor(histories, seed);
  console.error(`seed ${seed}; ${orders.map(({ part }) => part).join(", ")}`);
  const results = inOrder(await playAll(orders, AT_ONCE, progressTo(process.stderr)));
  console.log(report(results));
  const violated = results.filter(({ violation }) => violation !== undefined).length;
  console.log(violated === 0 ? "\nno violation" : `\n${violated} of ${results.length} violated`);
  return violated === 0 ? 0 : 1;
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** The time is shared out by the parts' shares; the longest first, so that all end at about the same time. */
function ordersFor(
  parts: readonly Part[],
  { seed, minutes, rounds }: { seed: number; minutes: number | undefined; rounds: number | undefined },
): Order[] {
  const all = parts.reduce((sum, { share }) => sum + share, 0);
  const totalMs = (minutes ?? 1) * MINUTE_MS * Math.min(AT_ONCE, parts.length);
  const forMs = (share: number): number => Math.min((totalMs * share) / all, (minutes ?? 1) * MINUTE_MS);
  return parts
    .toSorted((a, b) => b.share - a.share)
    .map(({ name, unit, share }) => ({
      part: name,
      unit,
      seed,
      ...(rounds === undefined ? {} : { rounds }),
      ...(rounds !== undefined && minutes === undefined ? {} : { forMs: forMs(share) }),
    }));
}

function historiesFor(count: number, seed: number): Order[] {
  const each = Math.ceil(count / AT_ONCE);
  return Array.from({ length: AT_ONCE }, (_, index) => ({
    part: "histories",
    unit: "histories",
    seed: seed + index * each,
    rounds: Math.min(each, count - index * each),
  }));
}

function inOrder(results: readonly Played[]): Played[] {
  const place = ({ part }: Played): number => PARTS.findIndex(({ name }) => name === part);
  return results.toSorted((a, b) => place(a) - place(b) || a.firstSeed - b.firstSeed);
}

/** A line now and then, of whoever has gone on most lately. */
function progressTo(stream: NodeJS.WriteStream): (progress: Progress) => void {
  const saidAt = new Map<string, number>();
  return ({ part, seed, rounds, work }) => {
    const key = `${part} ${seed}`;
    const now = performance.now();
    const last = saidAt.get(key);
    if (last === undefined) saidAt.set(key, now);
    if (last === undefined || now - last < SAY_EVERY_MS) return;
    saidAt.set(key, now);
    const unit = PARTS.find(({ name }) => name === part)!.unit;
    stream.write(`${part}: ${work.toLocaleString("en")} ${unit}, at seed ${seed + rounds}\n`);
  };
}

/** What the process of one part does. */
async function play({ part, seed, rounds, forMs }: Order): Promise<number> {
  const found = PARTS.find(({ name }) => name === part);
  if (found === undefined) throw new Error(`there is no part ${part}`);
  const tell = (message: Message): void => void process.send?.(message);
  let toldAt = 0;
  const played = await playPart(found, {
    seed,
    heap: true,
    ...(rounds === undefined ? {} : { rounds }),
    ...(forMs === undefined ? {} : { forMs }),
    onProgress: (progress) => {
      if (performance.now() - toldAt < 1_000) return;
      toldAt = performance.now();
      tell({ progress });
    },
  });
  tell({ played });
  process.disconnect?.();
  return 0;
}

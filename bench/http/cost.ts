/**
 * What does a request cost more with lanes in front? CPU time of the server's own process, which other programs on the
 * machine disturb far less than throughput; the same application bare and laned, in turn, the order reversed each time;
 * the median of what each pair of rounds differs by, over three sets of fresh processes: what the engine makes of the same
 * code differs from process to process by more than what is measured.
 */

import { ahead, beside, median, under } from "../question.ts";
import type { BenchRow } from "../row.ts";
import type { AskRun } from "./ask.ts";
import { Measured } from "./processes.ts";

const RUN: AskRun = { connections: 48, requests: 2_500 };
const ROUNDS = 9;
/** The compiler has settled after some forty thousand requests. */
const WARM_UP = 18;
const PROCESSES = 3;

/** What each adapter may add, in microseconds a request. */
const BARS: Readonly<Record<string, number>> = {
  http: 5,
  express: 5,
  koa: 5,
  fastify: 5,
  nest: 5,
  hono: 5,
  web: 20,
};

/** What people put in front of the same application today, and whether we are to be ahead of it. */
const PEERS: Readonly<Record<string, { readonly front: string; readonly row: typeof beside }>> = {
  express: { front: "express-rate-limit", row: ahead },
  fastify: { front: "under-pressure", row: beside },
};

/** Microseconds that each front adds to the bare application of a framework. */
async function added(framework: string, fronts: readonly string[]): Promise<number[]> {
  const more: number[][] = fronts.map(() => []);
  for (let set = 0; set < PROCESSES; set++) await measure(framework, fronts, more);
  return more.map(median);
}

async function measure(
  framework: string,
  fronts: readonly string[],
  more: readonly number[][],
): Promise<void> {
  const sides: Measured[] = [];
  try {
    for (const front of ["none", ...fronts]) sides.push(await Measured.start(framework, front));
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      const figures: number[] = [];
      const order = sides.map((_, index) => index);
      if (round % 2 !== 0) order.reverse();
      for (const index of order) figures[index] = await sides[index]!.run(RUN);
      if (round >= 0)
        for (const [i, differences] of more.entries()) differences.push(figures[i + 1]! - figures[0]!);
    }
  } finally {
    for (const side of sides) side.stop();
  }
}

/** Measures all adapters; takes about three minutes. */
export async function costRows(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [framework, bar] of Object.entries(BARS)) {
    const peer = PEERS[framework];
    const fronts = peer === undefined ? ["lanes"] : ["lanes", peer.front];
    const [ours, theirs] = await added(framework, fronts);
    const question = `CPU added to a request by lanes: ${framework}`;
    rows.push(under(question, tenths(ours!), bar, "µs"));
    if (peer === undefined) continue;
    rows.push(
      peer.row({ question, ours: tenths(ours!), peer: peer.front, theirs: tenths(theirs!), unit: "µs" }),
    );
  }
  return rows;
}

/** The rest is chance. */
function tenths(micros: number): number {
  return Math.round(micros * 10) / 10;
}

if (import.meta.main)
  for (const { question, ours, peer, theirs, met } of await costRows())
    console.log(`${met === false ? "MISSED" : "      "} ${question}: ${ours} µs, ${peer} ${theirs} µs`);

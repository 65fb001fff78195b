/**
 * What do metrics cost? CPU time a request of a gateway whose metrics nobody reads, beside one that is read once a second
 * with exemplars; all requests carry a trace. And how long one reading takes. Takes two minutes.
 */

import { Measured, median } from "./gateway/processes.ts";
import { MetricsPage } from "../src/metrics/page.ts";
import { Laneway } from "../src/policy/laneway.ts";
import { defaultPolicy, withResource } from "../src/policy/policy.ts";
import type { LoadRun } from "./gateway/load.ts";
import { atMost, under } from "./question.ts";
import type { BenchRow } from "./row.ts";

const RUN: LoadRun = {
  connections: 64,
  requests: 3_000,
  stream: false,
  headers: "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
};
const ROUNDS = 15;
const WARM_UP = 8;
const PROCESSES = 3;
const RESOURCES = 8;
const TASKS = 20_000;
const READINGS = 200;

/**
 * Rounds with and without a reader in turn, the order reversed each time, in the same process: what the compiler makes of
 * the same code differs by more from one process to the next. The median of what each pair of rounds differs by.
 */
async function costOfReading(): Promise<{ on: number; off: number }> {
  const pairs: { on: number; off: number }[] = [];
  for (let set = 0; set < PROCESSES; set++) {
    const gateway = await Measured.start("the gateway", "../metrics/gateway.ts");
    const micros = async (isRead: boolean): Promise<number> => (await gateway.run(RUN, { isRead })).cpuMicros;
    try {
      for (let round = -WARM_UP; round < ROUNDS; round++) {
        const first = round % 2 === 0;
        const one = await micros(first);
        const other = await micros(!first);
        if (round >= 0) pairs.push(first ? { on: one, off: other } : { on: other, off: one });
      }
    } finally {
      gateway.stop();
    }
  }
  const off = median(pairs.map((pair) => pair.off));
  return { off, on: off * median(pairs.map((pair) => pair.on / pair.off)) };
}

/** Milliseconds of one reading, of so many resources with the default lanes. */
async function readingMs(accept: string): Promise<number> {
  let policy = defaultPolicy();
  for (let i = 0; i < RESOURCES; i++) policy = withResource(policy, { name: `resource-${i}`, limit: 50 });
  const laneway = new Laneway(policy);
  for (let i = 0; i < TASKS; i++)
    await laneway
      .resource(`resource-${i % RESOURCES}`)
      .run(() => i, { lane: policy.lanes[i % policy.lanes.length]!.name });
  const page = new MetricsPage(laneway);
  const times = Array.from({ length: READINGS }, () => {
    const before = performance.now();
    page.read(accept);
    return performance.now() - before;
  });
  page.close();
  return median(times);
}

/** Runs all; rows for the report. */
export async function metricsBench(): Promise<BenchRow[]> {
  const { on, off } = await costOfReading();
  const rows = [
    atMost(
      {
        question: "gateway: CPU a request with its metrics read once a second, exemplars kept",
        ours: tenths(on),
        peer: "nobody reads them",
        theirs: tenths(off),
        unit: "µs",
      },
      1.03,
    ),
  ];
  for (const accept of ["text/plain", "application/openmetrics-text"])
    rows.push(
      under(
        `metrics: one reading of ${RESOURCES} resources with 5 lanes, ${accept}`,
        Math.round((await readingMs(accept)) * 100) / 100,
        5,
        "ms",
      ),
    );
  return rows;
}

/** The rest is chance. */
function tenths(micros: number): number {
  return Math.round(micros * 10) / 10;
}

if (import.meta.main)
  for (const { question, ours, peer, theirs, unit, ratio, met } of await metricsBench())
    console.log(
      `${met === false ? "MISSED" : "      "} ${question}: ${ours} ${unit}, ${peer} ${theirs}, ${ratio.toFixed(3)}`,
    );

/**
 * What does a request cost in our gateway, beside the least that any proxy on the same parts costs, and beside another
 * AI gateway for Node? CPU time of the proxy's own process, which other programs on the machine disturb far less than
 * throughput; rounds in turn, the order reversed each time; medians.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BenchRow } from "../row.ts";
import type { LoadRun } from "./load.ts";
import { LOAD_CORE, Measured, median, start } from "./processes.ts";
import { EVENTS_PER_STREAM } from "./events.ts";

type Round = Awaited<ReturnType<Measured["run"]>>;

// V8 may decide by chance, during a burst after the start, to allocate a proxy's short-lived objects as if they were
// long-lived, which costs either side up to a third. Our gateway's process switches that off; so does the bare proxy's,
// or the comparison would be a draw of lots. Portkey runs as it is published.
const STEADY_HEAP = ["--no-allocation-site-pretenuring"];

const JSON_RUN: LoadRun = { connections: 64, requests: 3_000, stream: false };
const STREAM_RUN: LoadRun = { connections: 200, requests: 200, stream: true };
const ONE_RUN: LoadRun = { connections: 1, requests: 400, stream: false };
const FIRST_BYTE_RUN: LoadRun = { connections: 10, requests: 10, stream: true };

/** Rounds of two sides in turn, after some that do not count. */
async function rounds(
  count: number,
  warmUp: number,
  sides: readonly (() => Promise<Round>)[],
): Promise<Round[][]> {
  const results: Round[][] = sides.map(() => []);
  for (let round = -warmUp; round < count; round++) {
    const order = sides.map((_, index) => index);
    if (round % 2 !== 0) order.reverse();
    for (const index of order) {
      const result = await sides[index]!();
      if (round >= 0) results[index]!.push(result);
    }
  }
  return results;
}

function compare(
  [ours, theirs]: readonly Round[][],
  value: (round: Round) => number,
): { ours: number; theirs: number; ratio: number } {
  const mine = ours!.map(value);
  const yours = theirs!.map(value);
  return {
    ours: median(mine),
    theirs: median(yours),
    ratio: median(mine.map((each, round) => each / yours[round]!)),
  };
}

/** Runs all comparisons; takes about two minutes, and installs Portkey on first use. */
export async function gatewayBench(): Promise<BenchRow[]> {
  const upstream = await start("upstream.ts", LOAD_CORE, []);
  const stop: (() => void)[] = [() => upstream.child.disconnect()];
  const measured = async (
    name: string,
    script: string,
    execArgv: readonly string[] = [],
  ): Promise<Measured> => {
    const side = await Measured.start(name, script, upstream.port, execArgv);
    stop.push(() => side.stop());
    return side;
  };
  try {
    const ours = await measured("the gateway", "ours.ts");
    const full = await measured("the gateway with budgets", "ours-with-budgets.ts");
    const bare = await measured("the bare proxy", "bare-proxy.ts", STEADY_HEAP);
    const direct = await measured("no proxy", "no-proxy.ts");
    return [
      ...(await besideBare(ours, full, bare, upstream.port)),
      ...(await besideNothing(ours, direct)),
      await besidePortkey(ours, measured, upstream.port),
    ];
  } finally {
    for (const end of stop) end();
  }
}

/** How well the compiler does by a process is decided once in its life, and differs by a tenth from one to the next. */
const PROCESSES = 3;

/** Rounds of the gateway, the same with budgets and the bare proxy, pooled from several processes of each. */
async function inFreshProcesses(upstreamPort: number): Promise<Round[][]> {
  const pooled: Round[][] = [[], [], []];
  for (let each = 0; each < PROCESSES; each++) {
    const sides = [
      await Measured.start("the gateway", "ours.ts", upstreamPort),
      await Measured.start("the gateway with budgets", "ours-with-budgets.ts", upstreamPort),
      await Measured.start("the bare proxy", "bare-proxy.ts", upstreamPort, STEADY_HEAP),
    ];
    try {
      // The compiler has settled after some thirty thousand requests.
      const found = await rounds(
        9,
        12,
        sides.map((side) => () => side.run(JSON_RUN)),
      );
      for (const [index, results] of found.entries()) pooled[index]!.push(...results);
    } finally {
      for (const side of sides) side.stop();
    }
  }
  return pooled;
}

/** The gateway as it is by default, and with all that it can do before an AI provider; both in turn with the bare proxy. */
async function besideBare(
  ours: Measured,
  full: Measured,
  bare: Measured,
  upstreamPort: number,
): Promise<BenchRow[]> {
  const peer = "bare node:http + undici dispatch proxy";
  const sides = (run: LoadRun): (() => Promise<Round>)[] =>
    [ours, full, bare].map((side) => () => side.run(run));
  const [json, jsonFull, jsonBare] = await inFreshProcesses(upstreamPort);
  const [stream, streamFull, streamBare] = await rounds(7, 2, sides(STREAM_RUN));
  const row = (question: string, mine: Round[], theirs: Round[], per: number, most: number): BenchRow => {
    const compared = compare([mine, theirs], ({ cpuMicros }) => cpuMicros / per);
    return { question, ...compared, peer, unit: "µs", bar: `≤ ${most}×`, met: compared.ratio <= most };
  };
  const request = "CPU per request, 1 KB replies, 64 connections, one core";
  const event = "CPU per event of 200 streams, an event each 20 ms";
  const everything = "with a key, budgets, retries and usage reading";
  return [
    row(request, json!, jsonBare!, 1, 1.25),
    row(`${request}, ${everything}`, jsonFull!, jsonBare!, 1, 1.4),
    row(event, stream!, streamBare!, EVENTS_PER_STREAM, 1.2),
    row(`${event}, ${everything}`, streamFull!, streamBare!, EVENTS_PER_STREAM, 1.25),
  ];
}

async function besideNothing(ours: Measured, direct: Measured): Promise<BenchRow[]> {
  const peer = "the upstream without a proxy";
  const one = compare(
    await rounds(9, 2, [() => ours.run(ONE_RUN), () => direct.run(ONE_RUN)]),
    ({ p50Ms }) => p50Ms,
  );
  const first = compare(
    await rounds(5, 1, [() => ours.run(FIRST_BYTE_RUN), () => direct.run(FIRST_BYTE_RUN)]),
    ({ firstByteP50Ms }) => firstByteP50Ms,
  );
  return [
    {
      question: "median reply time, one connection",
      ...one,
      peer,
      unit: "ms",
      bar: "< 0.3 ms more",
      met: one.ours - one.theirs < 0.3,
    },
    {
      question: "median time to the first byte of a stream",
      ...first,
      peer,
      unit: "ms",
      bar: "< 1 ms more",
      met: first.ours - first.theirs < 1,
    },
  ];
}

/** One core's throughput is what it answers in a second of its time: other programs take the core away, not that. */
async function besidePortkey(
  ours: Measured,
  measured: (name: string, script: string) => Promise<Measured>,
  upstreamPort: number,
): Promise<BenchRow> {
  install();
  const portkey = await measured("Portkey", "portkey.ts");
  const headers = `x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:${upstreamPort}/v1\r\n`;
  const theirRun: LoadRun = { ...JSON_RUN, requests: 1_000, headers };
  const results = compare(
    await rounds(9, 3, [() => ours.run({ ...JSON_RUN, requests: 10_000 }), () => portkey.run(theirRun)]),
    ({ cpuMicros }) => 1e6 / cpuMicros,
  );
  return {
    question: "throughput of one core, 1 KB replies, 64 connections",
    ...results,
    peer: "@portkey-ai/gateway 1.15.2",
    unit: "requests/s",
    bar: "≥ 10×",
    met: results.ratio >= 10,
  };
}

/** What only this comparison needs is not among the project's own dependencies. */
function install(): void {
  const folder = fileURLToPath(new URL(".", import.meta.url));
  if (existsSync(`${folder}node_modules/@portkey-ai/gateway`)) return;
  console.error("installing @portkey-ai/gateway for the comparison …");
  execFileSync("npm", ["ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

if (import.meta.main) {
  for (const { question, ours, peer, theirs, unit, ratio, bar, met } of await gatewayBench()) {
    const digits = unit === "requests/s" ? 0 : unit === "ms" ? 3 : 1;
    console.log(
      `${met === true ? "met" : "MISSED"}  ${question}: ${ours.toFixed(digits)} ${unit}, ${peer} ${theirs.toFixed(digits)} ${unit}: ${ratio.toFixed(2)}× (bar ${bar})`,
    );
  }
}

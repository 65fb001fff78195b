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
import { Measured, median } from "./processes.ts";
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

/** Runs all comparisons; takes about five minutes, and installs Portkey on first use. */
export async function gatewayBench(): Promise<BenchRow[]> {
  return [...(await besideBare()), ...(await besideNothing()), ...(await besidePortkey())];
}

/** How well the compiler does by a process is decided once in its life, and differs by a tenth from one to the next. */
const PROCESSES = 3;

/** Rounds that count and those before them. */
interface Rounds {
  readonly count: number;
  readonly warmUp: number;
}

/** The compiler has settled after some fifty thousand requests: its last wave comes at forty. */
const JSON_ROUNDS: Rounds = { count: 9, warmUp: 18 };
/** A round takes a second, and differs from the next by a third: how its streams lie to each other is chance. */
const STREAM_ROUNDS: Rounds = { count: 9, warmUp: 3 };

/** Portkey settles after some fifteen thousand requests, to two thirds of what it took after three thousand. */
const PORTKEY_ROUNDS: Rounds = { count: 6, warmUp: 11 };

/** Rounds of the gateway, the same with budgets and the bare proxy, pooled from several processes of each. */
async function inFreshProcesses(run: LoadRun, { count, warmUp }: Rounds): Promise<Round[][]> {
  const pooled: Round[][] = [[], [], []];
  for (let each = 0; each < PROCESSES; each++) {
    const sides = [
      await Measured.start("the gateway", "ours.ts"),
      await Measured.start("the gateway with budgets", "ours-with-budgets.ts"),
      await Measured.start("the bare proxy", "bare-proxy.ts", STEADY_HEAP),
    ];
    try {
      const found = await rounds(
        count,
        warmUp,
        sides.map((side) => () => side.run(run)),
      );
      for (const [index, results] of found.entries()) pooled[index]!.push(...results);
    } finally {
      for (const side of sides) side.stop();
    }
  }
  return pooled;
}

/** The gateway as it is by default, and with all that it can do before an AI provider; both in turn with the bare proxy. */
async function besideBare(): Promise<BenchRow[]> {
  const peer = "bare node:http + undici dispatch proxy";
  const [json, jsonFull, jsonBare] = await inFreshProcesses(JSON_RUN, JSON_ROUNDS);
  const [stream, streamFull, streamBare] = await inFreshProcesses(STREAM_RUN, STREAM_ROUNDS);
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

async function besideNothing(): Promise<BenchRow[]> {
  const ours = await Measured.start("the gateway", "ours.ts");
  const direct = await Measured.start("no proxy", "no-proxy.ts");
  const beside = (run: LoadRun): (() => Promise<Round>)[] =>
    [ours, direct].map((side) => () => side.run(run));
  try {
    const one = compare(await rounds(9, 2, beside(ONE_RUN)), ({ p50Ms }) => p50Ms);
    const first = compare(await rounds(5, 1, beside(FIRST_BYTE_RUN)), ({ firstByteP50Ms }) => firstByteP50Ms);
    const shared = { peer: "the upstream without a proxy", unit: "ms" } as const;
    return [
      {
        question: "median reply time, one connection",
        ...one,
        ...shared,
        bar: "< 0.3 ms more",
        met: one.ours - one.theirs < 0.3,
      },
      {
        question: "median time to the first byte of a stream",
        ...first,
        ...shared,
        bar: "< 1 ms more",
        met: first.ours - first.theirs < 1,
      },
    ];
  } finally {
    for (const side of [ours, direct]) side.stop();
  }
}

/**
 * One core's throughput is what it answers in a second of its time: other programs take the core away, not that. The bare
 * proxy stands beside, for it says how far a proxy on the same parts can get at all.
 */
async function besidePortkey(): Promise<BenchRow[]> {
  install();
  const pooled: Round[][] = [[], [], []];
  for (let each = 0; each < PROCESSES; each++) {
    const ours = await Measured.start("the gateway", "ours.ts");
    const bare = await Measured.start("the bare proxy", "bare-proxy.ts", STEADY_HEAP);
    const portkey = await Measured.start("Portkey", "portkey.ts");
    try {
      const host = `http://127.0.0.1:${portkey.upstreamPort}/v1`;
      const headers = `x-portkey-provider: openai\r\nx-portkey-custom-host: ${host}\r\n`;
      const found = await rounds(PORTKEY_ROUNDS.count, PORTKEY_ROUNDS.warmUp, [
        () => ours.run({ ...JSON_RUN, requests: 6_000 }),
        () => bare.run({ ...JSON_RUN, requests: 6_000 }),
        () => portkey.run({ ...JSON_RUN, requests: 1_500, headers }),
      ]);
      for (const [index, results] of found.entries()) pooled[index]!.push(...results);
    } finally {
      for (const side of [ours, bare, portkey]) side.stop();
    }
  }
  const [ours, bare, portkey] = pooled;
  const beside = (mine: Round[]): ReturnType<typeof compare> =>
    compare([mine, portkey!], ({ cpuMicros }) => 1e6 / cpuMicros);
  const question = "throughput of one core, 1 KB replies, 64 connections";
  const shared = { peer: "@portkey-ai/gateway 1.15.2", unit: "requests/s" } as const;
  const found = beside(ours!);
  return [
    { question, ...found, ...shared, bar: "≥ 10×", met: found.ratio >= 10 },
    { question: `${question}: the bare proxy`, ...beside(bare!), ...shared, bar: "", met: undefined },
  ];
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
    const verdict = met === undefined ? "      " : met ? "met   " : "MISSED";
    console.log(
      `${verdict} ${question}: ${ours.toFixed(digits)} ${unit}, ${peer} ${theirs.toFixed(digits)} ${unit}: ${ratio.toFixed(2)}×${bar === "" ? "" : ` (bar ${bar})`}`,
    );
  }
}

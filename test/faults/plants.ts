/**
 * What each detector of the soak must find, planted: run as a process of its own, for some of it would fail any test that
 * it is planted in. Prints what was found, by plant.
 */

import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { join } from "node:path";
import { Site } from "../../scripts/soak/command.ts";
import { judgeCounters, judgeMetrics } from "../../scripts/soak/counters.ts";
import type { Part, Round } from "../../scripts/soak/part.ts";
import { playPart } from "../../scripts/soak/play.ts";
import type { PlayOptions } from "../../scripts/soak/play.ts";
import type { ResourceMeasures, ResourceSnapshot } from "../../src/core/snapshot.ts";
import { Resource } from "../../src/node/resource.ts";

const ROUNDS_OF_GROWTH = 60;
const kept: unknown[] = [];
const listening = new Set<Server>();
const connected = new Set<Socket>();

/** A resource that says of itself what it is told to. */
function saying(change: (snapshot: ResourceSnapshot) => object): {
  snapshot(): ResourceSnapshot;
  measures(): ResourceMeasures;
} {
  const resource = new Resource({ name: "db", limit: 2, lanes: [{ name: "only" }] });
  resource.tryAcquire()!.release();
  const snapshot = resource.snapshot();
  const [lane] = snapshot.lanes;
  return {
    snapshot: () => ({ ...snapshot, lanes: [{ ...lane!, ...change(snapshot) }] }),
    measures: () => resource.measures(),
  };
}

async function keepSocket(isUnreffed: boolean): Promise<void> {
  const server = createServer();
  listening.add(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  connected.add(socket);
  await once(socket, "connect");
  if (!isUnreffed) return;
  server.unref();
  socket.unref();
}

const PLANTS: Readonly<Record<string, (round: Round) => unknown>> = {
  nothing: (round) => round.settles("a promise", Promise.resolve()),
  "a seat": async (round) => {
    const resource = new Resource({ name: "db", limit: 2, lanes: [{ name: "only" }] });
    await resource.acquire();
    judgeCounters(round, resource);
  },
  "a task that is counted and never ends": (round) =>
    judgeCounters(
      round,
      saying(() => ({ admitted: 2 })),
    ),
  "a page of metrics that says something else": (round) => {
    const { resources } = { resources: [saying(() => ({})).snapshot()] };
    judgeMetrics(round, `laneway_tasks_total{resource="db",lane="only",result="finished"} 7\n`, resources);
  },
  "a promise": (round) => void round.settles("a run", new Promise(() => {})),
  "a socket": () => keepSocket(false),
  "an idle socket that holds nothing": () => keepSocket(true),
  "a timer": () => void kept.push(setTimeout(() => {}, 3_600_000)),
  "a process": () => void kept.push(spawn("sleep", ["60"], { stdio: "ignore" })),
  "a rejection": () => void Promise.reject(new Error("nobody listens")),
  "an exception": () =>
    void setImmediate(() => {
      throw new Error("nobody catches");
    }),
  "too many listeners": () => {
    const emitter = new EventEmitter();
    for (let i = 0; i < 11; i++) emitter.on("a", () => {});
  },
  "a throw": () => {
    throw new Error("the part itself is broken");
  },
  "a hang": () => new Promise(() => {}),
  "an array that grows": () => void kept.push(Array.from({ length: 2_000 }, (_, index) => ({ index }))),
  "a file and a process of a command": async (round) => {
    const site = new Site(round, 100);
    const command = site.start("run", "--lane", "bulk", "--", "sleep", "60");
    writeFileSync(join(site.folder, "left"), "");
    const isThere = (): boolean => command.child.exitCode === null && command.child.pid !== undefined;
    if (isThere()) await once(command.child, "spawn");
    await site.close([]);
    await command.ended;
  },
};

async function play(name: string, options: Partial<PlayOptions> = {}): Promise<readonly string[]> {
  const part: Part = {
    name,
    what: "a plant",
    unit: "rounds",
    share: 1,
    async round(round) {
      round.work = 1;
      await PLANTS[name]!(round);
      await new Promise((resolve) => void setImmediate(resolve));
    },
  };
  const limits = { longestRoundMs: 20_000, patienceMs: 100 };
  const { violation } = await playPart(part, { seed: 1, rounds: 1, ...limits, ...options });
  return violation?.found ?? [];
}

/** Sockets, timers and processes are in the way of the next plant, and of the end. */
function uproot(): void {
  for (const socket of connected) socket.destroy();
  for (const server of listening) server.close();
  connected.clear();
  listening.clear();
  for (const one of kept.splice(0)) {
    if (one !== null && typeof one === "object" && "kill" in one) (one as { kill(): void }).kill();
    else clearTimeout(one as NodeJS.Timeout);
  }
}

const OPTIONS: Readonly<Record<string, Partial<PlayOptions>>> = {
  "a hang": { longestRoundMs: 100 },
  "an array that grows": { rounds: ROUNDS_OF_GROWTH, heap: true },
};

const found: Record<string, readonly string[]> = {};
for (const name of Object.keys(PLANTS)) {
  found[name] = await play(name, OPTIONS[name]);
  uproot();
}
// The seat that was planted would keep this process until its lane's time-out.
process.stdout.write(JSON.stringify(found), () => process.exit());

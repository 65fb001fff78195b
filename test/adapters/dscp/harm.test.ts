import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { harmText, markingHarm, mayHarm } from "../../../src/adapters/dscp/harm.ts";
import type { Harm, HostQueue } from "../../../src/adapters/dscp/harm.ts";
import { laneMarks } from "../../../src/adapters/dscp/marks.ts";
import type { LaneMark, Profile } from "../../../src/adapters/dscp/marks.ts";
import { defaultPolicy, parsePolicy } from "../../../src/policy/policy.ts";
import { Namespace, needsNetwork } from "./namespace.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const SRC = new URL("../../../src/", import.meta.url).href;
const NOTHING: ReadonlySet<number> = new Set();

const queue = (kind: string, more: Partial<HostQueue> = {}): HostQueue => ({
  kind,
  dev: "eth0",
  handle: "0:",
  ...more,
});

function harms(profile: Profile, queues: HostQueue[], remapped = NOTHING): Harm[] {
  return markingHarm(laneMarks(defaultPolicy().lanes, profile), "normal", { queues, remapped });
}

function marks(...codePoints: [string, number][]): LaneMark[] {
  return codePoints.map(([lane, codePoint]) => ({ lane, codePoint }));
}

describe("marks on a queue that takes them for something else", () => {
  it("the safe profile harms on none, RFC 4594's on those that go by the old bits", () => {
    for (const kind of ["pfifo_fast", "prio", "fq", "fq_codel", "cake", "noqueue", "htb", "mq", "tbf"])
      assert.deepEqual(harms("safe", [queue(kind)]), [], kind);
    for (const kind of ["fq_codel", "cake", "noqueue", "tbf", "sfq"])
      assert.deepEqual(harms("rfc4594", [queue(kind)]), [], kind);
    for (const kind of ["pfifo_fast", "prio", "fq"])
      assert.deepEqual(harms("rfc4594", [queue(kind)]), [
        { lane: "high", mark: "AF21", interface: "eth0", queue: kind, behind: undefined },
      ]);
    assert.equal(
      harmText(harms("rfc4594", [queue("pfifo_fast")])[0]!),
      "on eth0 (pfifo_fast) lane high, marked AF21, would be sent after what has no mark",
    );
  });

  it("our queue and our rules make them ready, for the marks that the rules know", () => {
    const ours = queue("htb", { handle: "4c57:" });
    assert.deepEqual(harms("rfc4594", [ours, queue("pfifo_fast")]), []);
    assert.equal(harms("rfc4594", [ours, queue("pfifo_fast", { dev: "eth1" })]).length, 1);
    assert.deepEqual(harms("rfc4594", [queue("pfifo_fast")], new Set([46, 18, 8, 1])), []);
    assert.equal(harms("rfc4594", [queue("pfifo_fast")], new Set([46])).length, 1);
  });

  it("each queue of a card counts, and one harm is told for all of them", () => {
    const queues = [queue("mq"), queue("pfifo_fast"), queue("pfifo_fast")];
    assert.equal(harms("rfc4594", queues).length, 1);
    assert.equal(harms("rfc4594", [...queues, queue("pfifo_fast", { dev: "eth1" })]).length, 2);
  });

  it("what a queue says of its bands counts", () => {
    const flat = queue("prio", { options: { priomap: Array.from({ length: 16 }, () => 1) } });
    assert.deepEqual(harms("rfc4594", [flat]), []);
  });

  it("a low lane that would overtake all that has no mark is a harm too", () => {
    const lanes = marks(["critical", 40], ["normal", 0], ["bulk", 12]);
    assert.deepEqual(markingHarm(lanes, "normal", { queues: [queue("pfifo_fast")], remapped: NOTHING }), [
      { lane: "critical", mark: "CS5", interface: "eth0", queue: "pfifo_fast", behind: "bulk" },
      { lane: undefined, mark: "DF", interface: "eth0", queue: "pfifo_fast", behind: "bulk" },
      { lane: "normal", mark: "DF", interface: "eth0", queue: "pfifo_fast", behind: "bulk" },
    ]);
    assert.equal(mayHarm(lanes, "normal"), true);
    assert.equal(mayHarm(marks(["a", 46], ["b", 0], ["c", 10]), "b"), false);
  });

  it("a lane has its name's mark unless the policy says otherwise", async () => {
    const text =
      "network: { profile: safe }\nlanes: [{ name: critical, network: { dscp: ef } }, { name: own }, { name: batch }, { name: low, network: { dscp: 17 } }]";
    const { lanes } = await parsePolicy(text);
    assert.deepEqual(
      laneMarks(lanes, "safe"),
      marks(["critical", 46], ["own", 0], ["batch", 1], ["low", 17]),
    );
  });
});

/** Starts a gateway on this policy and prints the message of what went wrong, or "started". */
const START = `
import { startGateway } from "${SRC}gateway/index.ts";
import { Laneway } from "${SRC}policy/laneway.ts";
import { parsePolicy } from "${SRC}policy/policy.ts";
const laneway = new Laneway(await parsePolicy(process.argv[1]));
const gateway = await startGateway({ laneway, listen: "127.0.0.1:0", admin: false }).catch((error) => void console.log(error.message));
if (gateway !== undefined) { console.log("started"); await gateway.close(); }
`;

describe("a host whose queues are not ready", () => {
  it("refuses RFC 4594's marks until its queue or its rules are loaded, and takes the safe ones at once", (t) => {
    if (!needsNetwork(t)) return;
    const space = new Namespace(t, "card");
    space.run("tc", "qdisc", "add", "dev", "card", "root", "pfifo_fast");
    const start = (network: string): string =>
      space.run(
        process.execPath,
        "--input-type=module",
        "--eval",
        START,
        `network: ${network}\nresources: { http: { limit: 1, upstream: "http://127.0.0.1:9" } }`,
      );
    assert.equal(start("{ profile: safe }"), "started\n");
    assert.equal(
      start("{ profile: rfc4594 }"),
      "network: rfc4594: on card (pfifo_fast) lane high, marked AF21, would be sent after what has no mark; " +
        "make them ready by the script of laneway network, choose profile: safe, or mark all the same with checkQueue: false\n",
    );
    assert.equal(start("{ profile: rfc4594, checkQueue: false }"), "started\n");
    const script = (...args: string[]): string =>
      space.run(process.execPath, MAIN, "network", "--profile", "rfc4594", ...args);
    assert.equal(space.shell(script("--only", "rules")).status, 0);
    assert.equal(start("{ profile: rfc4594 }"), "started\n");
    assert.equal(space.shell(script("--only", "rules", "--undo")).status, 0);
    assert.match(start("{ profile: rfc4594 }"), /lane high/);
    space.run("tc", "qdisc", "del", "dev", "card", "root");
    assert.equal(space.shell(script("--only", "queue", "-i", "card", "--rate", "10mbit")).status, 0);
    assert.equal(start("{ profile: rfc4594 }"), "started\n");
  });
});

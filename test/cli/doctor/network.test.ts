/** Queues and marks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { networkFindings } from "../../../src/cli/doctor/network.ts";
import { defaultPolicy, parsePolicy } from "../../../src/policy/policy.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { LAPTOP, qdiscs, recordedHost } from "./recorded-host.ts";

const PFIFO_FAST = {
  kind: "pfifo_fast",
  root: true,
  options: { bands: 3, priomap: [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1] },
};

async function queueFindings(
  t: TestContext,
  commands: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
  policy: Policy = defaultPolicy(),
): Promise<Finding[]> {
  const host = await recordedHost(t, { ...LAPTOP, commands, files: { ...LAPTOP.files, ...files } });
  return networkFindings(host, policy).filter(({ topic }) => /^(?:marks \(DSCP\)|network: \w+)$/.test(topic));
}

test("the queue of each interface that is up is told once, and those that never wait are left out", async (t) => {
  const [finding, ...others] = await queueFindings(
    t,
    qdiscs(
      { ...PFIFO_FAST, dev: "enp3s0" },
      { ...PFIFO_FAST, dev: "wlp2s0" },
      { ...PFIFO_FAST, dev: "docker0" },
    ),
  );
  assert.deepEqual(others, []);
  assert.equal(finding!.state, "partly");
  assert.equal(finding!.found, "enp3s0, wlp2s0: pfifo_fast");
  assert.match(finding!.why!, /^there AF21 of RFC 4594 is sent after what is less important/);
});

test("rules of laneway network make up for pfifo_fast, and its queue is one that orders", async (t) => {
  const commands = qdiscs({ ...PFIFO_FAST, dev: "enp3s0" });
  const rule = (codePoint: number): string =>
    `ip dscp ${codePoint} meta priority set 0:7 comment "laneway ${codePoint} x"`;
  const nft = "nft list table inet laneway_dscp";
  const [all] = await queueFindings(t, { ...commands, [nft]: [46, 18, 8, 1].map(rule).join("\n") });
  assert.equal(all!.state, "yes");
  const [some] = await queueFindings(t, { ...commands, [nft]: rule(46) });
  assert.equal(some!.state, "partly");
  const own = qdiscs({ kind: "htb", handle: "4c57:", dev: "enp3s0", root: true });
  assert.equal((await queueFindings(t, own))[0]!.state, "yes");
});

test("a policy's own marks are a problem where they would be refused, and only told where it says not to look", async (t) => {
  const commands = qdiscs({ ...PFIFO_FAST, dev: "enp3s0" });
  const by = async (network: string): Promise<Finding> =>
    (await queueFindings(t, commands, {}, await parsePolicy(`network: { ${network} }`)))[0]!;
  const refused = await by("profile: rfc4594");
  assert.deepEqual([refused.topic, refused.state], ["network: rfc4594", "problem"]);
  assert.match(refused.why!, /lane high, marked AF21, would be sent after/);
  assert.match(refused.fix!, /^network: \{ profile: safe \}; or as root: laneway network --interface enp3s0/);
  assert.equal((await by("profile: rfc4594, checkQueue: false")).state, "partly");
  assert.equal((await by("profile: safe")).state, "no");
  const blind = await queueFindings(t, {}, {}, await parsePolicy("network: { profile: rfc4594 }"));
  assert.equal(blind[0]!.state, "problem");
});

test("a policy with marks on a Node that cannot mark is a problem; without, nobody is told", async (t) => {
  const host = await recordedHost(t, { ...LAPTOP, node: { canMark: false, version: "22.19.0" } });
  const of = (policy: Policy): Finding =>
    networkFindings(host, policy).find(({ topic }) => topic === "marks (DSCP) on Node's sockets")!;
  assert.equal(of(await parsePolicy("network: { profile: safe }")).state, "problem");
  assert.deepEqual([of(defaultPolicy()).state, of(defaultPolicy()).minor], ["no", true]);
});

test("cake goes by marks unless it is told not to, plain queues do not, classes are their filters' to say", async (t) => {
  const stateOf = async (kind: string, options: object = {}): Promise<string> =>
    (await queueFindings(t, qdiscs({ kind, dev: "enp3s0", root: true, options })))[0]!.state;
  assert.equal(await stateOf("cake", { diffserv: "diffserv3" }), "yes");
  assert.equal(await stateOf("cake", { diffserv: "besteffort" }), "no");
  assert.equal(await stateOf("fq_codel"), "no");
  for (const kind of ["htb", "hfsc", "ets", "invented"]) assert.equal(await stateOf(kind), "partly", kind);
});

test("fq has the bands of pfifo_fast from Linux 6.7 on", async (t) => {
  const commands = qdiscs({ kind: "fq", dev: "enp3s0", root: true, options: {} });
  const osrelease = "proc/sys/kernel/osrelease";
  const [newer] = await queueFindings(t, commands, { [osrelease]: "6.7.0\n" });
  const [older] = await queueFindings(t, commands, { [osrelease]: "6.6.99\n" });
  assert.match(newer!.why!, /AF21/);
  assert.match(older!.why!, /does not go by marks/);
});

test("without tc the kernel's default is told as a guess, and nothing where that is not to be seen", async (t) => {
  const files = {
    "sys/class/net/enp3s0/tx_queue_len": "1000\n",
    "sys/class/net/wlp2s0/tx_queue_len": "0\n",
    "proc/sys/net/core/default_qdisc": "pfifo_fast\n",
  };
  const [guessed] = await queueFindings(t, {}, files);
  assert.equal(guessed!.found, "enp3s0: pfifo_fast, if nobody changed it");
  const [unknown] = await queueFindings(t, { "tc -j qdisc show": "qdisc fq_codel 0: dev enp3s0 root" });
  assert.match(unknown!.found, /is not known$/);
});

test("IPv4 clients are marked where listen(port) gives them a socket of their own", async (t) => {
  const files = { ...LAPTOP.files };
  delete (files as Record<string, string>)["proc/net/if_inet6"];
  const host = await recordedHost(t, { ...LAPTOP, files });
  const finding = networkFindings(host, defaultPolicy()).find(
    ({ topic }) => topic === "marks to IPv4 clients",
  );
  assert.equal(finding!.state, "yes");
});

/** What the doctor says of whole machines. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { hostFindings } from "../../../src/cli/doctor.ts";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { thisHost } from "../../../src/cli/doctor/host.ts";
import { defaultPolicy } from "../../../src/policy/policy.ts";
import { CONTAINER, LAPTOP, MAC, POD, recordedHost, SERVER } from "./recorded-host.ts";
import type { Recording } from "./recorded-host.ts";

/** The findings by the beginning of their topic; asking for one that is not there fails. */
async function examined(t: TestContext, recording: Recording): Promise<(topic: string) => Finding> {
  const findings = hostFindings(await recordedHost(t, recording), defaultPolicy());
  for (const finding of findings) assertWhole(finding);
  return (topic) => {
    const found = findings.find((finding) => finding.topic.startsWith(topic));
    assert.ok(found !== undefined, `${topic} is none of ${findings.map((each) => each.topic).join(" | ")}`);
    return found;
  };
}

/** A line says what was found; one that is not well says what to do. */
function assertWhole({ state, found, fix, topic }: Finding): void {
  assert.ok(found.length > 0, topic);
  if (state !== "yes") assert.ok((fix ?? "").length > 0, `${topic}: no fix`);
}

test("a laptop: no shares without delegation, autogroup, a disk and a queue that look at nothing", async (t) => {
  const of = await examined(t, LAPTOP);
  assert.equal(of("shares of the processor").state, "no");
  assert.match(of("shares of the processor").fix!, /Delegate=cpu/);
  assert.equal(of("nice between sessions").state, "partly");
  assert.match(of("nice between sessions").why!, /plain nice counts for nothing between sessions/);
  assert.equal(of("quota of the processor").found, "none; 8 processors");
  assert.deepEqual([of("CAP_SYS_NICE").state, of("CAP_SYS_NICE").minor], ["no", true]);
  assert.match(of("idle lanes").found, /nvme0n1 is none/);
  assert.deepEqual([of("shares of the disk").state, of("shares of the disk").minor], ["no", true]);
  const marks = of("marks (DSCP)");
  assert.deepEqual([marks.state, marks.found], ["no", "enp3s0: fq_codel"]);
  assert.match(marks.fix!, /laneway network --interface enp3s0/);
  assert.equal(of("marks to IPv4 clients").state, "partly");
  assert.equal(of("marks over TLS").state, "partly");
});

test("a server with delegation has all but marks over TLS", async (t) => {
  const findings = hostFindings(await recordedHost(t, SERVER), defaultPolicy());
  const lacking = findings.filter(({ state }) => state !== "yes").map(({ topic }) => topic);
  assert.deepEqual(lacking, ["marks over TLS"]);
  const of = await examined(t, SERVER);
  assert.equal(of("shares of the processor").found, "cgroup v2; systemd makes a slice for each lane");
  assert.equal(of("marks (DSCP)").found, "eth0: cake");
  assert.equal(of("shares of the disk").found, "io.bfq.weight");
});

test("a container: a quota that stops all lanes, a heap larger than its memory, groups that only its host can set", async (t) => {
  const of = await examined(t, CONTAINER);
  assert.match(of("shares of the processor").why!, /read-only/);
  assert.match(of("shares of the processor").fix!, /requests\.cpu or --cpu-shares/);
  const quota = of("quota of the processor");
  assert.deepEqual([quota.state, quota.found], ["partly", "0.5 of a processor's time"]);
  assert.match(quota.why!, /^it is used up in 31 % of the periods/);
  const heap = of("V8's heap");
  assert.equal(heap.found, "the heap may grow to 4 GiB, the container has 512 MiB");
  assert.equal(heap.fix, "node --max-old-space-size=384");
  assert.match(of("idle lanes").found, /there is no ionice/);
  assert.match(of("marks (DSCP)").found, /noqueue/);
  assert.equal(of("open files").found, "1024 at most");
});

test("a pod on version 1: no pressure, a Node that cannot mark and counts more processors than it has", async (t) => {
  const of = await examined(t, POD);
  assert.match(of("shares of the processor").found, /^cgroup v1/);
  assert.match(of("quota of the processor").why!, /counts 8 processors/);
  assert.match(of("quota of the processor").fix!, /threads: 2/);
  assert.equal(of("V8's heap").found, "the heap may grow to 1 GiB, the container has 2 GiB");
  assert.equal(of("pressure").state, "no");
  assert.match(of("marks (DSCP)").found, /which queue it has is not known/);
  assert.match(of("marks (DSCP) on Node").found, /^Node 22\.19\.0 cannot mark packets/);
  assert.equal(of("Node's version").state, "partly");
});

test("without systemd groups are made beside the process's own; with it and no systemd-run none are", async (t) => {
  const { "run/systemd/system/x": _systemd, ...files } = SERVER.files;
  const alone = await examined(t, { ...SERVER, files });
  assert.match(alone("shares of the processor").found, /^cgroup v2; groups are made in .*\/shop\.service$/);
  const { "systemd-run": _run, ...commands } = SERVER.commands!;
  const without = await examined(t, { ...SERVER, commands });
  assert.match(without("limits of memory").why!, /no systemd-run/);
});

test("a user's own systemd holds what it was handed, controller by controller", async (t) => {
  const own = "cg/user.slice/user-1000.slice/user@1000.service";
  const files = {
    ...LAPTOP.files,
    "proc/self/cgroup": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n",
    [`${own}/cgroup.controllers`]: "memory pids\n",
  };
  const of = await examined(t, { ...LAPTOP, files, commands: { ...LAPTOP.commands, "systemd-run": "" } });
  assert.equal(of("limits of memory").state, "yes");
  assert.equal(of("shares of the processor").state, "no");
  assert.match(of("shares of the processor").fix!, /Delegate=cpu memory io/);
});

test("a capability is told by its own bit", async (t) => {
  for (const [bits, name] of [
    ["0000000000800000", "CAP_SYS_NICE"],
    ["0000000001000000", "CAP_SYS_RESOURCE"],
    ["0000000000001000", "CAP_NET_ADMIN"],
  ] as const) {
    const files = { ...LAPTOP.files, "proc/self/status": `CapEff:\t${bits}\n` };
    const of = await examined(t, { ...LAPTOP, files });
    for (const each of ["CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_NET_ADMIN"])
      assert.equal(of(each).state, each === name ? "yes" : "no", `${bits} ${each}`);
  }
});

test("a process in a group of its own inside of a container is held by both", async (t) => {
  const files = {
    ...POD.files,
    "proc/self/cgroup":
      "4:cpu,cpuacct:/kubepods/burstable/pod1/c1/worker\n5:memory:/kubepods/burstable/pod1/c1\n",
    "cg/cpu,cpuacct/worker/cpu.cfs_quota_us": "100000\n",
  };
  assert.equal(
    (await examined(t, { ...POD, files }))("quota of the processor").found,
    "1 of a processor's time",
  );
});

test("the tightest of the groups around a process counts, also of those that it is not in itself", async (t) => {
  const files = {
    ...SERVER.files,
    "cg/system.slice/shop.service/cpu.max": "300000 100000\n",
    "cg/system.slice/cpu.max": "150000 100000\n",
    "cg/system.slice/shop.service/memory.max": `${2 ** 30}\n`,
    "cg/system.slice/memory.max": `${2 ** 31}\n`,
  };
  const of = await examined(t, { ...SERVER, files });
  assert.equal(of("quota of the processor").found, "1.5 of a processor's time");
  assert.equal(of("V8's heap").found, "the heap may grow to 4 GiB, the container has 1 GiB");
});

test("elsewhere than on Linux nice is all there is, and that is said", async (t) => {
  const of = await examined(t, MAC);
  assert.equal(of("shares of the processor").found, "darwin: nice is all there is");
  assert.equal(of("limits of memory").state, "no");
});

test("this machine is told whole, and quickly enough for a deployment", () => {
  const findings = hostFindings(thisHost(), defaultPolicy());
  for (const finding of findings) assertWhole(finding);
  assert.deepEqual(
    ["processor", "memory", "disk", "network", "Node"].filter((group) =>
      findings.every((finding) => finding.group !== group),
    ),
    [],
  );
});

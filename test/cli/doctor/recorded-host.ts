/** Machines that are not this one: the files that their kernels show, and what their commands print. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { DoctorHost, NodeFacts } from "../../../src/cli/doctor/host.ts";

/** What was recorded. `FOLDER` in a file is where the files are now. */
export interface Recording {
  readonly files: Readonly<Record<string, string>>;
  /** By command line; a program of which there is none is not installed. */
  readonly commands?: Readonly<Record<string, string>>;
  readonly platform?: NodeJS.Platform;
  /** Default: root. */
  readonly uid?: number;
  readonly node?: Partial<NodeFacts>;
}

const GIB = 2 ** 30;

/** A recorded machine, removed after the test. */
export async function recordedHost(t: TestContext, recording: Recording): Promise<DoctorHost> {
  const { files, commands = {}, platform = "linux", uid = 0, node = {} } = recording;
  const folder = await mkdtemp(join(tmpdir(), "laneway-host-"));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "app"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text.replaceAll("FOLDER", folder));
  }
  return {
    proc: join(folder, "proc"),
    runtime: join(folder, "run"),
    uid,
    sys: join(folder, "sys"),
    cwd: join(folder, "app"),
    platform,
    node: {
      version: "24.21.0",
      canMark: true,
      parallelism: 8,
      heapLimitBytes: 4 * GIB,
      totalMemoryBytes: 16 * GIB,
      ...node,
    },
    has: (program) => Object.keys(commands).some((line) => line.split(" ")[0] === program),
    run: (program, args) => commands[[program, ...args].join(" ")],
  };
}

/** What `tc -j qdisc show` prints. */
export function qdiscs(...all: readonly object[]): Record<string, string> {
  return { "tc -j qdisc show": JSON.stringify(all) };
}

const ALL_RIGHTS = "000001ffffffffff";
const NO_RIGHTS = "0000000000000000";
const DOCKER_RIGHTS = "00000000a80425fb";

const PRESSURE = {
  "proc/pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
  "proc/pressure/io": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
  "proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
};

const limits = (files: number): string =>
  `Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 ${files}               files\n`;

/** A Debian laptop, somebody's session: control groups that are systemd's, no rights, the usual queues. */
export const LAPTOP: Recording = {
  files: {
    ...PRESSURE,
    "proc/self/mountinfo":
      "35 24 0:30 / FOLDER/cg rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw\n",
    "proc/self/cgroup": "0::/user.slice/user-1000.slice/session-2.scope\n",
    "proc/self/status": `CapEff:\t${NO_RIGHTS}\n`,
    "proc/self/limits": limits(1_048_576),
    "proc/sys/kernel/sched_autogroup_enabled": "1\n",
    "proc/sys/kernel/osrelease": "6.12.48+deb13-amd64\n",
    "proc/sys/net/ipv6/bindv6only": "0\n",
    "proc/net/if_inet6": "00000000000000000000000000000001 01 80 10 80       lo\n",
    "cg/cgroup.controllers": "cpuset cpu io memory pids\n",
    "sys/class/net/lo/flags": "0x9\n",
    "sys/class/net/enp3s0/flags": "0x1003\n",
    "sys/class/net/wlp2s0/flags": "0x1003\n",
    "sys/class/net/docker0/flags": "0x1002\n",
    "sys/block/nvme0n1/queue/scheduler": "[none] mq-deadline\n",
    "run/systemd/system/x": "",
  },
  uid: 1_000,
  commands: {
    ionice: "",
    ...qdiscs(
      { kind: "noqueue", dev: "lo", root: true },
      { kind: "fq_codel", dev: "enp3s0", root: true, options: { limit: 10_240 } },
      { kind: "noqueue", dev: "wlp2s0", root: true },
    ),
  },
};

/** A server: a service of systemd's with delegation and rights, a card with a queue for each processor. */
export const SERVER: Recording = {
  files: {
    ...PRESSURE,
    "proc/self/mountinfo":
      "35 24 0:30 / FOLDER/cg rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw\n",
    "proc/self/cgroup": "0::/system.slice/shop.service/main\n",
    "proc/self/status": `CapEff:\t${ALL_RIGHTS}\n`,
    "proc/self/limits": limits(524_288),
    "proc/sys/kernel/sched_autogroup_enabled": "0\n",
    "proc/sys/kernel/osrelease": "6.12.48+deb13-amd64\n",
    "proc/sys/net/ipv6/bindv6only": "1\n",
    "proc/net/if_inet6": "00000000000000000000000000000001 01 80 10 80       lo\n",
    "cg/cgroup.controllers": "cpuset cpu io memory pids\n",
    "cg/cgroup.subtree_control": "cpu memory\n",
    "cg/system.slice/shop.service/cgroup.subtree_control": "cpu memory\n",
    "cg/system.slice/shop.service/main/cgroup.type": "domain\n",
    "cg/system.slice/shop.service/main/cpu.max": "max 100000\n",
    "cg/system.slice/shop.service/main/memory.max": "max\n",
    "cg/system.slice/shop.service/main/io.bfq.weight": "default 100\n",
    "sys/class/net/lo/flags": "0x9\n",
    "sys/class/net/eth0/flags": "0x1003\n",
    "sys/block/sda/queue/scheduler": "none [mq-deadline] kyber bfq\n",
    "sys/block/loop0/queue/scheduler": "[none] mq-deadline\n",
    "run/systemd/system/x": "",
  },
  commands: {
    "systemd-run": "",
    ionice: "",
    ...qdiscs(
      { kind: "mq", handle: "0:", dev: "eth0", root: true, options: {} },
      { kind: "cake", handle: "0:", dev: "eth0", parent: ":2", options: { diffserv: "diffserv4" } },
      { kind: "cake", handle: "0:", dev: "eth0", parent: ":1", options: { diffserv: "diffserv4" } },
    ),
  },
};

/** A container of Docker's: half a processor, 512 MiB, control groups that cannot be written, nothing installed. */
export const CONTAINER: Recording = {
  files: {
    ...PRESSURE,
    "proc/self/mountinfo": "35 24 0:30 / FOLDER/cg ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw\n",
    "proc/self/cgroup": "0::/\n",
    "proc/self/status": `CapEff:\t${DOCKER_RIGHTS}\n`,
    "proc/self/limits": limits(1_024),
    "proc/sys/kernel/sched_autogroup_enabled": "1\n",
    "proc/sys/kernel/osrelease": "6.8.0-90-generic\n",
    "cg/cgroup.controllers": "cpuset cpu io memory pids\n",
    "cg/cgroup.type": "domain\n",
    "cg/cpu.max": "50000 100000\n",
    "cg/cpu.stat": "usage_usec 1\nnr_periods 200\nnr_throttled 62\nthrottled_usec 9\n",
    "cg/memory.max": "536870912\n",
    "sys/class/net/lo/flags": "0x9\n",
    "sys/class/net/eth0/flags": "0x1003\n",
    "sys/class/net/eth0/tx_queue_len": "0\n",
  },
};

/** A pod of Kubernetes on a node with version 1: its groups are seen under the paths of the node. */
export const POD: Recording = {
  files: {
    "proc/self/mountinfo": [
      "701 700 0:50 /kubepods/burstable/pod1/c1 FOLDER/cg/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct",
      "702 700 0:51 /kubepods/burstable/pod1/c1 FOLDER/cg/memory ro,nosuid - cgroup cgroup rw,memory",
      "",
    ].join("\n"),
    "proc/self/cgroup":
      "4:cpu,cpuacct:/kubepods/burstable/pod1/c1\n5:memory:/kubepods/burstable/pod1/c1\n1:name=systemd:/x\n",
    "proc/self/status": `CapEff:\t${NO_RIGHTS}\n`,
    "proc/self/limits": limits(1_048_576),
    "proc/sys/kernel/sched_autogroup_enabled": "0\n",
    "proc/sys/kernel/osrelease": "5.4.0-150-generic\n",
    "cg/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
    "cg/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "cg/memory/memory.limit_in_bytes": "2147483648\n",
    "sys/class/net/lo/flags": "0x9\n",
    "sys/class/net/eth0/flags": "0x1003\n",
    "sys/class/net/eth0/tx_queue_len": "1000\n",
  },
  node: { version: "22.19.0", canMark: false, heapLimitBytes: GIB },
};

/** A Mac. */
export const MAC: Recording = { files: {}, platform: "darwin" };

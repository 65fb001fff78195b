/** The disk: the class `idle`, and shares. */

import { read } from "../../adapters/process/host.ts";
import type { Finding } from "./finding.ts";
import { groupMounts, list } from "./host.ts";
import type { DoctorHost } from "./host.ts";

const group = "disk";

/** Those of the kernel's that look at a process's class. */
const HEEDING = new Set(["bfq", "mq-deadline", "cfq"]);

/** All findings on the disk. */
export function diskFindings(host: DoctorHost): Finding[] {
  return [...classFindings(host), ...shareFindings(host)];
}

/** A weight of the lane's group, which not every kernel has. */
function shareFindings(host: DoctorHost): Finding[] {
  if (host.platform !== "linux") return [];
  const topic = "shares of the disk (io.weight)";
  const own = groupMounts(host).own("io");
  const weighs = ["io.weight", "io.bfq.weight"].find((file) =>
    own?.folders.some((folder) => read(`${folder}/${file}`) !== undefined),
  );
  if (own?.version === 2 && weighs !== undefined) return [{ group, topic, state: "yes", found: weighs }];
  const why = "it takes cgroup v2, and blk-iocost or the scheduler BFQ";
  const fix = "use the I/O scheduler bfq for the disk, on cgroup v2";
  return [{ group, topic, state: "no", found: "this kernel weighs no I/O by groups", why, fix, minor: true }];
}

function classFindings(host: DoctorHost): Finding[] {
  const topic = "idle lanes behind others (ionice)";
  if (host.platform !== "linux") {
    const found = `${host.platform} has no ionice`;
    return [{ group, topic, state: "no", found, fix: "run it on Linux", minor: true }];
  }
  if (!host.has("ionice")) {
    const why = "the kernel goes by the nice";
    return [{ group, topic, state: "partly", found: "there is no ionice", why, fix: "install util-linux" }];
  }
  const disks = list(`${host.sys}/block`).flatMap((disk) => {
    const scheduler = /\[([^\]]+)\]/.exec(read(`${host.sys}/block/${disk}/queue/scheduler`) ?? "")?.[1];
    return scheduler === undefined || /^(?:loop|ram|zram)\d/.test(disk) ? [] : [{ disk, scheduler }];
  });
  const deaf = disks.filter(({ scheduler }) => !HEEDING.has(scheduler));
  if (deaf.length === 0) return [{ group, topic, state: "yes", found: "ionice" }];
  const [first] = deaf;
  return [
    {
      group,
      topic,
      state: "partly",
      found: `the I/O scheduler of ${deaf.map(({ disk, scheduler }) => `${disk} is ${scheduler}`).join(", of ")}`,
      why: "only bfq and mq-deadline look at it",
      fix: `as root: echo bfq > /sys/block/${first!.disk}/queue/scheduler`,
    },
  ];
}

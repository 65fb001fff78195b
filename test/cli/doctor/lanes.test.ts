/** What the lanes that run now are losing. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { HOST_FILES, lookAtHost } from "../../../src/adapters/process/host.ts";
import { groupMounts, thisHost } from "../../../src/cli/doctor/host.ts";
import { laneLosses, lossWords } from "../../../src/cli/doctor/lanes.ts";
import type { LaneLoss } from "../../../src/cli/doctor/lanes.ts";
import { needsHost } from "../../needs.ts";
import { folderWith, laneway } from "../command.ts";
import { POD, recordedHost, SERVER } from "./recorded-host.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

const GROUP = "cg/system.slice/cron.service/laneway-bulk";

test("a lane's group tells what its processes wait for, wherever in the tree it was made", async (t) => {
  const files = {
    ...SERVER.files,
    [`${GROUP}/run-77/cgroup.procs`]: "77\n78\n",
    [`${GROUP}/cpu.pressure`]:
      "some avg10=30.97 avg60=1.00 avg300=0.00 total=9\nfull avg10=1.00 avg60=0.00 total=1\n",
    [`${GROUP}/memory.pressure`]: "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
  };
  const [loss, ...others] = laneLosses(await recordedHost(t, { ...SERVER, files }));
  assert.deepEqual(others, []);
  assert.deepEqual([loss!.lane, loss!.processes], ["bulk", 2]);
  assert.equal(lossWords(loss!), "bulk: waits for the processor 31 % of the time, for memory 0 %");
});

test("version 1 has no pressure: threads say how long they stood ready, and two hierarchies are one lane", async (t) => {
  const files = {
    ...POD.files,
    "cg/cpu,cpuacct/laneway-low/run-5/cgroup.procs": "5\n",
    "cg/memory/laneway-low/run-5/cgroup.procs": "5\n",
    "proc/5/task/5/schedstat": "100 200 7\n",
    "proc/5/task/6/schedstat": "0 100 7\n",
  };
  const losses = laneLosses(await recordedHost(t, { ...POD, files }));
  assert.deepEqual(losses.map(lossWords), [
    "low: waits for the processor 75 % of the time, since its processes began",
  ]);
});

test("a lane's slice of systemd's is its group, and a hyphen of its name is one again", async (t) => {
  const slice = String.raw`cg/laneway_nightly\x2dexport.slice`;
  const files = {
    ...SERVER.files,
    [`${slice}/run-r1.scope/cgroup.procs`]: "9\n",
    [`${slice}/cpu.pressure`]: "some avg10=5.00 avg60=1.00 avg300=0.00 total=9\n",
    "cg/laneway_other/cgroup.procs": "10\n",
  };
  const losses = laneLosses(await recordedHost(t, { ...SERVER, files }));
  assert.deepEqual(losses.map(lossWords), ["nightly-export: waits for the processor 5 % of the time"]);
});

test("a group in which nothing runs is not told", async (t) => {
  const files = {
    ...SERVER.files,
    [`${GROUP}/cgroup.procs`]: "",
    [`${GROUP}/cpu.pressure`]: "some avg10=9.00\n",
  };
  assert.deepEqual(laneLosses(await recordedHost(t, { ...SERVER, files })), []);
});

test("this kernel's pressure of a lane's group is read where version 2 is mounted, with controllers or without", async (t) => {
  const { unified } = groupMounts(HOST_FILES);
  const folder = `${unified}/laneway-doctor-pressure-${process.pid}`;
  if (
    !needsHost(
      t,
      unified !== undefined && canMake(folder),
      "no group of version 2 can be made here: run it as root",
    )
  )
    return;
  const child = spawn("sh", ["-c", "echo up; read -r stop"], { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(child, "close");
  t.after(async () => {
    child.kill("SIGKILL");
    await closed;
    rmdirSync(folder);
  });
  await once(child.stdout, "data");
  writeFileSync(`${folder}/cgroup.procs`, String(child.pid));
  const own = laneLosses(thisHost()).find((each) => each.folder === folder);
  assert.deepEqual([own?.processes, own?.source], [1, "pressure"]);
  assert.ok(own!.processor! >= 0 && own!.memory! >= 0 && own!.disk! >= 0, JSON.stringify(own));
});

function canMake(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

test("what laneway run has started is in the doctor's report while it runs", async (t) => {
  const { cpu } = lookAtHost();
  if (
    !needsHost(
      t,
      cpu.version !== 0,
      "no control group can be made here: run it as root, on a host with cgroups",
    )
  )
    return;
  const lane = `doctor-${process.pid}`;
  const cwd = await folderWith(t, { "laneway.yaml": `lanes: [{ name: ${lane}, cpu: { weight: 25 } }]\n` });
  const program = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo up; read -r stop"];
  const child = spawn(process.execPath, [MAIN, "run", "--lane", lane, "--", ...program], {
    cwd,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const closed = once(child, "close");
  await once(child.stdout, "data");
  const { out } = await laneway(["doctor", "--json"], { cwd });
  child.stdin.end("stop\n");
  await closed;
  const { lanes } = JSON.parse(out) as { lanes: LaneLoss[] };
  const own = lanes.find((each) => each.lane === lane);
  assert.ok(own !== undefined, out);
  assert.ok(own.processes >= 1 && own.processor! >= 0 && own.processor! <= 1, JSON.stringify(own));
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { applyLevels } from "../../../src/adapters/process/apply.ts";
import { lookAtHost } from "../../../src/adapters/process/host.ts";
import type { Host } from "../../../src/adapters/process/host.ts";
import { levelsOf } from "../../../src/adapters/process/levels.ts";
import { sliceName, sliceProperties } from "../../../src/adapters/process/systemd.ts";

const BULK = levelsOf({ name: "bulk" });
const NOTHING = { version: 0, why: "there are none here", fix: "get some" } as const;

/**
 * Does what the real one does with a scope: makes the groups, becomes the command, and says what it does not know. FOLDER
 * stands for cgroupfs, whose files it fills in itself; the last word of the command is the process that is moved.
 */
const RUN = `#!/bin/sh
echo "$@" >> FOLDER/said
user= slice=
while [ "$1" != -- ]; do case "$1" in --slice=*) slice=\${1#--slice=};; --user) user=/user@7.service;; esac; shift; done
shift
mkdir -p "FOLDER/cg$user/$slice"
for last; do :; done
mkdir -p "FOLDER/proc/$last"
echo "0::$user/$slice/run-r1.scope" > "FOLDER/proc/$last/cgroup"
cat FOLDER/properties > "FOLDER/cg$user/$slice/cpu.weight"
echo 1048576 > "FOLDER/cg$user/$slice/memory.max"
echo "default 1" > "FOLDER/cg$user/$slice/io.weight"
exec "$@"
`;
const SYSTEMCTL = `#!/bin/sh
echo "$@" >> FOLDER/said
echo "$@" > FOLDER/properties
`;

/** A machine run by systemd, with a process on it; these programs stand first in PATH. */
async function machine(
  t: TestContext,
  {
    run = RUN,
    systemctl = SYSTEMCTL,
    user = false,
  }: { run?: string; systemctl?: string; user?: boolean } = {},
): Promise<{ folder: string; pid: number; host: Host; said: () => Promise<string> }> {
  const folder = await mkdtemp(join(tmpdir(), "laneway-systemd-"));
  const path = process.env["PATH"];
  const child = spawn("sh", ["-c", "read -r line"], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  t.after(async () => {
    process.env["PATH"] = path;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true });
  });
  await mkdir(join(folder, "bin"));
  await mkdir(join(folder, "cg"));
  await writeFile(join(folder, "properties"), "");
  for (const [name, text] of [
    ["systemd-run", run],
    ["systemctl", systemctl],
  ] as const) {
    await writeFile(join(folder, "bin", name), text.replaceAll("FOLDER", folder));
    await chmod(join(folder, "bin", name), 0o755);
  }
  process.env["PATH"] = `${join(folder, "bin")}${delimiter}${path}`;
  const systemd = { user, mounted: join(folder, "cg"), proc: join(folder, "proc") };
  const host: Host = { platform: "linux", cpu: NOTHING, memory: NOTHING, systemd, autogroup: true };
  return { folder, pid: child.pid!, host, said: () => readFile(join(folder, "said"), "utf8") };
}

const STANDING = { ownSession: true, raise: false };

test("systemd is asked for a slice of the lane at the top, and the waiting process is moved into a scope in it", async (t) => {
  const { folder, pid, host, said } = await machine(t);
  const levels = levelsOf({ name: "bulk", memory: { maxBytes: 2 ** 20, highBytes: 2 ** 19 } });
  const { means, complete } = await applyLevels(pid, levels, host, STANDING);
  const lines = await said();
  assert.match(
    lines,
    /^set-property --runtime laneway_bulk\.slice CPUWeight=idle IOWeight=1 MemoryHigh=524288 MemoryLow=0 MemoryMax=1048576$/m,
  );
  assert.match(
    lines,
    /^--scope --quiet --collect --slice=laneway_bulk\.slice --description=laneway run \d+ -- \/bin\/sh -c/m,
  );
  // What runs in the scope writes the process into the scope's own group.
  assert.equal(await readFile(join(folder, "cg/cgroup.procs"), "utf8"), `${pid}\n`);
  const group = means.find((each) => each.means === "control group")!;
  assert.deepEqual([group.applied, group.where], [true, `${folder}/cg/laneway_bulk.slice (systemd)`]);
  assert.equal(means.find((each) => each.means === "io.weight")!.applied, true);
  assert.equal(means.find((each) => each.means === "memory.max")!.applied, true);
  // The stand-in made no such file: what systemd passes over in silence is read back and told.
  assert.match(
    means.find((each) => each.means === "memory.high")!.why!,
    /did not hand the controller memory/,
  );
  assert.equal(complete, false);
});

test("a user's own manager is asked where it holds the process", async (t) => {
  const { folder, pid, host, said } = await machine(t, { user: true });
  const { means } = await applyLevels(pid, BULK, host, STANDING);
  assert.match(await said(), /^--user --scope /m);
  assert.match(await said(), /^--user set-property /m);
  assert.equal(means[0]!.where, `${folder}/cg/user@7.service/laneway_bulk.slice (systemd)`);
});

test("a systemd that knows no idle share is asked for the least", async (t) => {
  const old = `${SYSTEMCTL}case "$*" in *idle*) echo "Invalid value" >&2; exit 1;; esac\n`;
  const { pid, host, said } = await machine(t, { systemctl: old });
  const { means } = await applyLevels(pid, BULK, host, STANDING);
  assert.match(await said(), /CPUWeight=1 /);
  assert.equal(means[0]!.applied, true);
});

test("a systemd that refuses costs the slice and nothing else, and its words are in the report", async (t) => {
  const run = "#!/bin/sh\necho 'Failed to start transient scope unit: Access denied' >&2; exit 1\n";
  const { pid, host } = await machine(t, { run });
  const { means } = await applyLevels(pid, BULK, host, STANDING);
  const [group] = means;
  assert.equal(group!.applied, false);
  assert.equal(
    group!.why,
    "there are none here; systemd-run: Failed to start transient scope unit: Access denied",
  );
  assert.equal(means.find((each) => each.means === "nice")!.applied, true);
});

test("lanes without a share of their own ask systemd for nothing", async (t) => {
  const { pid, host, said } = await machine(t);
  await applyLevels(pid, levelsOf({ name: "critical" }), host, STANDING);
  await assert.rejects(said(), { code: "ENOENT" });
});

test("a slice keeps what it was told before, so all of it is said each time; a hyphen in a lane's name nests nothing", () => {
  assert.deepEqual(sliceProperties(levelsOf({ name: "low" })), [
    ...["CPUWeight=25", "IOWeight=25", "MemoryHigh=infinity", "MemoryLow=0", "MemoryMax=infinity"],
  ]);
  assert.equal(sliceName("night-jobs"), String.raw`laneway_night\x2djobs.slice`);
});

test("the machine's manager is there for root, and a user's own only for what it holds already", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "laneway-systemd-"));
  t.after(() => rm(folder, { recursive: true }));
  const proc = join(folder, "proc");
  await mkdir(join(proc, "self"), { recursive: true });
  await mkdir(join(folder, "cg"));
  await mkdir(join(folder, "run/systemd/system"), { recursive: true });
  await writeFile(join(proc, "self/mountinfo"), `20 1 0:5 / ${folder}/cg rw - cgroup2 cgroup2 rw\n`);
  await writeFile(join(folder, "cg/cgroup.controllers"), "cpu memory io\n");
  const at = async (uid: number, group: string, runtime = join(folder, "run")): Promise<Host["systemd"]> => {
    await writeFile(join(proc, "self/cgroup"), `0::${group}\n`);
    return lookAtHost({ proc, platform: "linux", runtime, uid }).systemd;
  };
  const mounted = join(folder, "cg");
  assert.deepEqual(await at(0, "/system.slice/cron.service"), { user: false, mounted, proc });
  const app = "/user.slice/user-7.slice/user@7.service/app.slice/x.scope";
  assert.deepEqual(await at(7, app), { user: true, mounted, proc });
  assert.equal(await at(7, "/user.slice/user-7.slice/session-2.scope"), undefined);
  assert.equal(await at(8, app), undefined);
  assert.equal(await at(0, "/", join(folder, "none")), undefined);
});

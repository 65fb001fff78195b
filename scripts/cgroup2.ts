/**
 * `npm run test:cgroup2`: what `laneway run` does on kernels with cgroup v2, on a machine whose own kernel may have none.
 * User-Mode Linux is such a kernel as an ordinary program. It sees this machine's files and writes none of them: its root
 * is an overlay whose upper half is memory. Two of them run at once, one with nothing but the kernel and one under systemd.
 *
 *     npm run test:cgroup2              both; exit 1 if a test fails or there is no end after three minutes
 *     npm run test:cgroup2 -- systemd   one of them
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const KERNEL = "linux.uml";
const LONGEST_MS = 180_000;

interface Guest {
  readonly name: string;
  readonly files: readonly string[];
  /** What the first process of the guest becomes, in a shell. */
  readonly init: string;
}

const GUESTS: readonly Guest[] = [
  {
    name: "kernel",
    files: [
      "scripts/cgroup2-lanes.ts",
      "test/adapters/process/process.test.ts",
      "test/cli/run-memory.test.ts",
    ],
    init: "exec chroot . /bin/sh /laneway-guest",
  },
  {
    name: "systemd",
    files: ["scripts/cgroup2-systemd.ts", "scripts/cgroup2-service.ts"],
    init: "exec chroot . /lib/systemd/systemd --system --unit=laneway-guest.service --show-status=0 --log-level=err",
  },
];

/** Runs before anything else, on the machine's own files: makes a root of its own of them. */
const boot = ({ init }: Guest): string => `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc && mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir up work root
insmod "$(find "/usr/lib/uml/modules/$(uname -r)" -name overlay.ko)"
mount -t overlay -o lowerdir=/,upperdir=up,workdir=work overlay root && cd root || echo o > /proc/sysrq-trigger
mount -t proc proc proc; mount -t sysfs sys sys; mount -t devtmpfs dev dev
for folder in run tmp; do mount -t tmpfs tmpfs $folder; done
mkdir -p dev/shm && mount -t tmpfs tmpfs dev/shm
mount -t cgroup2 cgroup2 sys/fs/cgroup
cp "\${0%/*}/guest" laneway-guest
mkdir -p run/systemd/system
cat > run/systemd/system/laneway-guest.service <<'UNIT'
[Unit]
DefaultDependencies=no
[Service]
ExecStart=/bin/sh /laneway-guest
UNIT
${init}
`;

/** Runs in that root. */
const inside = ({ files }: Guest): string => `#!/bin/sh
exec > /dev/console 2>&1 < /dev/null
export PATH=${ROOT}/node_modules/.bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp LANEWAY_TEST_NO_SKIP=1
ip link set lo up
cd ${ROOT}
node --test --test-concurrency=1 --test-reporter=tap ${files.join(" ")}
echo "guest ended with $?"
echo o > /proc/sysrq-trigger
sleep 60
`;

/** Runs a guest; true when every test in it passed. */
async function run(guest: Guest, scratch: string): Promise<boolean> {
  const folder = join(scratch, guest.name);
  mkdirSync(folder);
  writeFileSync(join(folder, "boot"), boot(guest), { mode: 0o755 });
  writeFileSync(join(folder, "guest"), inside(guest));
  const root = ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw"];
  const words = [...root, "mem=768M", "quiet", "con=null", "con0=fd:0,fd:1", `uml_dir=${folder}/`];
  const child = spawn(KERNEL, [...words, `init=${folder}/boot`], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const end = (): void => {
    try {
      // All of its processes: the guest's own are processes of this machine, too.
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  process.once("exit", end);
  const timer = setTimeout(end, LONGEST_MS);
  let ended = "it did not come to its end";
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (/^(?:not )?ok \d/.test(line)) console.log(`${guest.name.padEnd(7)}  ${line}`);
    if (line.startsWith("guest ended with ")) ended = line;
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  clearTimeout(timer);
  end();
  process.off("exit", end);
  const ok = ended === "guest ended with 0";
  if (!ok) console.error(`${seen.slice(-200).join("\n")}\n${guest.name}: ${ended}`);
  return ok;
}

function missing(): string | undefined {
  if (process.getuid?.() !== 0)
    return "it mounts file systems in the guest, whose root is the user that starts it: run it as root";
  const program = [KERNEL, "insmod"].find(
    (name) => spawnSync("sh", ["-c", 'command -v "$0"', name]).status !== 0,
  );
  if (program !== undefined) return `${program} is not installed: apt-get install user-mode-linux kmod`;
  if (!existsSync("/lib/systemd/systemd")) return "systemd is not installed: apt-get install systemd";
  return undefined;
}

async function main(names: readonly string[]): Promise<number> {
  const lacking = missing();
  const guests = GUESTS.filter(({ name }) => names.length === 0 || names.includes(name));
  if (lacking !== undefined || guests.length === 0) {
    console.error(lacking ?? `expected one of ${GUESTS.map(({ name }) => name).join(", ")}`);
    return 1;
  }
  const scratch = mkdtempSync(join(tmpdir(), "laneway-cgroup2-"));
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  try {
    const results = await Promise.all(guests.map((guest) => run(guest, scratch)));
    const ok = results.every(Boolean);
    console.log(ok ? "ok: lanes hold on cgroup v2" : "FAIL");
    return ok ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

process.exitCode = await main(process.argv.slice(2));

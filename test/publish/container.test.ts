/**
 * The image, without a builder of images: the Dockerfile's own steps in folders, and its last stage as the root of a process
 * that has the rights and the disk of a tight container.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { defaultPolicy } from "../../src/policy/policy.ts";
import { needsHost, needsPackage, needsProgram } from "../needs.ts";
import type { News, Order } from "./container-network.ts";
import { emptyFolder, ROOT, runIn } from "./project.ts";

const FILE = readFileSync(join(ROOT, "packaging/Dockerfile"), "utf8");
const IGNORED = readFileSync(join(ROOT, "packaging/Dockerfile.dockerignore"), "utf8");

/** One line of the Dockerfile, as far as these tests look. */
interface Step {
  readonly word: string;
  readonly args: readonly string[];
}

interface Stage {
  readonly from: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

interface Instruction {
  getKeyword(): string;
  getArguments(): { getValue(): string }[];
  getArgumentsContent(): string | null;
  getFlags?(): { getName(): string; getValue(): string }[];
}

function stagesOf(): Stage[] {
  const { DockerfileParser } = createRequire(import.meta.url)("dockerfile-ast") as {
    DockerfileParser: { parse(text: string): { getInstructions(): Instruction[] } };
  };
  const stages: { from: string; name: string | undefined; steps: Step[] }[] = [];
  for (const one of DockerfileParser.parse(FILE).getInstructions()) {
    const word = one.getKeyword();
    const text = one.getArgumentsContent() ?? "";
    // The form of a list is run as it is; any other is a shell's.
    const list = text.startsWith("[") ? (JSON.parse(text) as string[]) : undefined;
    const flags = (word === "COPY" ? (one.getFlags?.() ?? []) : []).map(
      (flag) => `--${flag.getName()}=${flag.getValue()}`,
    );
    const args = [...flags, ...(list ?? one.getArguments().map((argument) => argument.getValue()))];
    if (word === "FROM") stages.push({ from: args[0]!, name: args[2], steps: [] });
    else stages.at(-1)!.steps.push({ word, args });
  }
  return stages;
}

function argsOf(stage: Stage, word: string): readonly string[] {
  return stage.steps.find((step) => step.word === word)?.args ?? [];
}

/** Does the steps of a stage that make files, below a folder, and gives the folder. */
function build(stage: Stage, built: ReadonlyMap<string, string>, root: string): string {
  let workdir = "/";
  for (const { word, args } of stage.steps) {
    if (word === "WORKDIR") mkdirSync(join(root, (workdir = args[0]!)), { recursive: true });
    if (word === "RUN") {
      const { code, output } = runIn(join(root, workdir), ["sh", "-c", args.join(" ")]);
      if (code !== 0) throw new Error(`RUN ${args.join(" ")}: ${output}`);
    }
    if (word !== "COPY") continue;
    const from = args.find((arg) => arg.startsWith("--from="))?.slice("--from=".length);
    const [target = "", ...sources] = args.filter((arg) => !arg.startsWith("--")).toReversed();
    for (const source of sources) {
      if (from === undefined)
        assert.ok(IGNORED.split("\n").includes(`!${source}`), `${source} does not reach the builder`);
      const origin = join(from === undefined ? ROOT : built.get(from)!, source);
      const into = target.startsWith("/") ? join(root, target) : join(root, workdir, target);
      // As Docker does: a folder's content, a file by its own name into a folder.
      const isFile = statSync(origin).isFile();
      cpSync(origin, isFile && target.endsWith("/") ? join(into, source) : into, { recursive: true });
    }
  }
  return root;
}

test("the Dockerfile: lint finds nothing, its bases are of one version, and what it runs is no shell and not root", (t) => {
  if (!needsPackage(t, "test/publish", "dockerfile-utils")) return;
  const { validate } = createRequire(import.meta.url)("dockerfile-utils") as {
    validate(text: string): { readonly message: string }[];
  };
  assert.deepEqual(validate(FILE), []);
  const stages = stagesOf();
  const last = stages.at(-1)!;
  for (const { from } of stages)
    assert.match(from, /^node:24\.\d+\.\d+-[\w-]+$/, "a version, not whatever is newest");
  assert.ok(stages.every(({ steps }) => steps.every(({ word }) => word !== "ADD" && word !== "VOLUME")));
  assert.match(
    argsOf(last, "USER").join(),
    /^[1-9]\d*:[1-9]\d*$/,
    "a number, which a kubelet can see is not root",
  );
  assert.deepEqual(argsOf(last, "STOPSIGNAL"), ["SIGTERM"]);
  assert.deepEqual(argsOf(last, "EXPOSE"), ["8080", "8082"]);
  assert.equal(argsOf(last, "ENTRYPOINT")[0], "node", "no shell stands between it and the signal");
  assert.ok(FILE.includes("HEALTHCHECK "));
});

test("the image's Node is the one that the tests run on, and compose and unit leave a drain its time", () => {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly devDependencies: { readonly node: string };
  };
  const versions = [...FILE.matchAll(/^FROM node:([\d.]+)/gm)].map(([, version]) => version);
  assert.deepEqual(versions, Array(2).fill(devDependencies.node.replace("^", "")));
  const compose = readFileSync(join(ROOT, "packaging/compose.yaml"), "utf8");
  const grace = Number(/^ +stop_grace_period: (\d+)s$/m.exec(compose)?.[1]);
  assert.ok(grace * 1_000 > defaultPolicy().gateway.drainTimeoutMs);
  for (const line of ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"])
    assert.ok(compose.includes(line));
});

/** Makes a root of this host's programs and the image's files, all of it read only, and becomes a user without rights in it. */
const ENTER = `set -e
root=$1; node=$2; user=$3; shift 3
ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
mkdir -p "$root/usr" "$root/proc" "$root/dev" "$root/opt"
for link in bin lib lib64 sbin; do [ ! -e "/$link" ] || [ -e "$root/$link" ] || ln -s "usr/$link" "$root/$link"; done
mount --bind /usr "$root/usr"
touch "$root/opt/node"; mount --bind "$node" "$root/opt/node"; mount -o remount,bind,ro "$root/opt/node"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for name in null urandom random; do touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
mount -o remount,bind,ro "$root/usr"; mount -o remount,ro "$root/dev"; mount -o remount,bind,ro "$root"
exec chroot "$root" /usr/bin/setpriv --reuid="\${user%:*}" --regid="\${user#*:}" --clear-groups --no-new-privs \
  --bounding-set=-all --inh-caps=-all /usr/bin/env -i PATH=/opt:/usr/bin "$@"
`;

function begin([program = "", ...args]: readonly string[], stdio: StdioOptions): ChildProcess {
  return spawn(program, args, { stdio });
}

/** A process that stands for the container, by its number here. */
interface Container {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly said: () => string;
}

async function start(t: TestContext, stage: Stage, root: string): Promise<Container> {
  const env = stage.steps.filter(({ word }) => word === "ENV").flatMap(({ args }) => args);
  const command = [...argsOf(stage, "ENTRYPOINT"), ...argsOf(stage, "CMD")];
  const args = [root, process.execPath, argsOf(stage, "USER")[0]!, ...env, ...command];
  const world = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child=SIGKILL"];
  const child = begin([...world, "sh", "-c", ENTER, "enter", ...args], ["ignore", "pipe", "pipe"]);
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  const listens = new Promise<void>((resolve, reject) => {
    const take = (text: string): void => {
      said += text;
      if (said.includes("point clients here")) resolve();
    };
    for (const stream of [child.stdout, child.stderr]) stream!.setEncoding("utf8").on("data", take);
    child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
  await listens;
  // Each step became the next, so the one child of unshare is the gateway, and the first process of its own world.
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim();
  assert.match(children, /^\d+$/);
  // Who becomes another user is not told any more that its parent has died.
  t.after(() => child.exitCode !== null || process.kill(Number(children), "SIGKILL"));
  return { child, pid: Number(children), said: () => said };
}

/** Whoever stands beside the container in its network. */
class Beside {
  private readonly process: ChildProcess;
  private readonly waiting: {
    readonly wanted: (news: News) => boolean;
    readonly resolve: (news: News) => void;
  }[] = [];
  private asked = 0;

  constructor(t: TestContext, { pid }: Container) {
    const file = new URL("container-network.ts", import.meta.url).pathname;
    const network = ["nsenter", "--target", `${pid}`, "--net", "--", process.execPath, file];
    this.process = begin(network, ["ignore", "inherit", "inherit", "ipc"]);
    t.after(() => this.process.kill("SIGKILL"));
    this.process.on("message", (news: News) => {
      const at = this.waiting.findIndex(({ wanted }) => wanted(news));
      if (at !== -1) this.waiting.splice(at, 1)[0]!.resolve(news);
    });
  }

  news(wanted: (news: News) => boolean): Promise<News> {
    return new Promise((resolve) => this.waiting.push({ wanted, resolve }));
  }

  async ask(address: string): Promise<readonly [status: number, text: string]> {
    const id = ++this.asked;
    const answered = this.news((news) => "id" in news && news.id === id);
    this.process.send({ ask: `http://127.0.0.1:${address}`, id } satisfies Order);
    const news = await answered;
    return "id" in news ? [news.status, news.text] : [0, ""];
  }

  release(): void {
    this.process.send({ release: true } satisfies Order);
  }
}

test("as the image runs it, the gateway starts without rights or a disk, answers its probes and drains", async (t) => {
  if (!needsPackage(t, "test/publish", "dockerfile-ast")) return;
  for (const program of ["unshare", "nsenter", "setpriv"])
    if (!needsProgram(t, program, "apt-get install util-linux")) return;
  if (!needsProgram(t, "ip", "apt-get install iproute2")) return;
  if (!needsHost(t, process.getuid?.() === 0, "this test makes namespaces, which takes root")) return;

  const folder = emptyFolder();
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const stages = stagesOf();
  const built = new Map<string, string>();
  for (const [index, stage] of stages.entries()) {
    const root = join(folder, `${index}`);
    mkdirSync(root);
    built.set(stage.name ?? "last", build(stage, built, root));
  }
  const container = await start(t, stages.at(-1)!, built.get("last")!);

  const status = readFileSync(`/proc/${container.pid}/status`, "utf8");
  assert.match(status, /^NSpid:\s\d+\s1$/m, "it is the first process, as in a container");
  assert.match(status, /^Uid:\s65532\s65532\s65532\s65532$/m);
  assert.match(status, /^NoNewPrivs:\s1$/m);
  for (const set of ["CapEff", "CapPrm", "CapInh", "CapBnd"])
    assert.match(status, new RegExp(`^${set}:\\s0+$`, "m"));
  const mounts = readFileSync(`/proc/${container.pid}/mountinfo`, "utf8").trim().split("\n");
  const writable = mounts
    .map((line) => line.split(" "))
    .filter(([, , , , at, options]) => at !== "/proc" && !/^ro\b/.test(options!));
  assert.deepEqual(
    writable.map(([, , , , at]) => at).filter((at) => !at!.startsWith("/dev/")),
    [],
  );

  const beside = new Beside(t, container);
  await beside.news((news) => "listens" in news);
  const [, ...health] = healthcheck();
  const inNetwork = ["nsenter", "--target", `${container.pid}`, "--net", "--", process.execPath];
  assert.equal(runIn(folder, [...inNetwork, ...health]).code, 0);
  assert.deepEqual(await beside.ask("8082/readyz"), [200, "ready\n"]);
  assert.equal((await beside.ask("8082/metrics"))[0], 404);

  const arrived = beside.news((news) => "arrived" in news);
  const slow = beside.ask("8080/slow");
  await arrived;
  process.kill(container.pid, "SIGTERM");
  // It says so at once, is alive, takes nobody else, and finishes what it has accepted.
  while ((await beside.ask("8082/readyz"))[0] !== 503);
  assert.equal(runIn(folder, [...inNetwork, ...health]).code, 0);
  assert.equal((await beside.ask("8080/late"))[0], 503);
  const ended = once(container.child, "exit");
  beside.release();
  assert.deepEqual(await slow, [200, "from the upstream"]);
  assert.deepEqual(await ended, [0, null], container.said());
  assert.match(container.said(), /drained/);
});

/** The command of HEALTHCHECK. */
function healthcheck(): string[] {
  const text = /^HEALTHCHECK [^]*?CMD (\[.*\])$/m.exec(FILE)?.[1];
  return JSON.parse(text ?? "[]") as string[];
}

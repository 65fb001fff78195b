/**
 * What only a real cluster can show: that its server takes our manifests, and that pods of bulk are put out for critical
 * ones. On demand, for it builds Kubernetes from Debian's source package, once: some ten minutes of one processor and 3 GB.
 *
 *     npm run test:kubernetes                             on a control plane of its own, on this machine
 *     LANEWAY_TEST_KUBECONFIG=~/.kube/config npm run test:kubernetes   on a cluster that there is; all that it makes goes again
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { startCluster } from "../test/kubernetes/cluster.ts";
import { checkOn } from "../test/kubernetes/suite.ts";

const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "laneway-kubernetes");
const BIN = join(CACHE, "bin");
const PROGRAMS = ["kube-apiserver", "kube-scheduler", "kube-controller-manager"];
const GO = "/usr/lib/go-1.19/bin";

/** What a program is, and the Debian package that brings it. */
const NEEDED: readonly (readonly [program: string, debian: string])[] = [
  ["kubectl", "kubernetes-client"],
  ["etcd", "etcd-server"],
  ["openssl", "openssl"],
  [join(GO, "go"), "golang-1.19-go"],
  ["dpkg-source", "dpkg-dev"],
];

process.exitCode = await main();

async function main(): Promise<number> {
  const given = process.env["LANEWAY_TEST_KUBECONFIG"];
  if (given !== undefined) return (await checkOn(given)) === 0 ? 0 : 1;
  const missing = NEEDED.filter(
    ([program]) => spawnSync("sh", ["-c", 'command -v "$0"', program]).status !== 0,
  );
  if (missing.length > 0) {
    console.error(`missing: apt-get install ${missing.map(([, debian]) => debian).join(" ")}`);
    return 1;
  }
  if (!PROGRAMS.every((program) => existsSync(join(BIN, program)))) build();
  const start = performance.now();
  const cluster = await startCluster(BIN);
  try {
    console.log(`ready after ${((performance.now() - start) / 1_000).toFixed(1)} s`);
    return (await checkOn(cluster.kubeconfig)) === 0 ? 0 : 1;
  } finally {
    await cluster.stop();
  }
}

function build(): void {
  console.log(`building Kubernetes in ${CACHE}, once`);
  const source = fetchSource();
  const path = join(CACHE, "go");
  const root = join(path, "src/k8s.io/kubernetes");
  mkdirSync(join(path, "src/k8s.io"), { recursive: true });
  mkdirSync(BIN, { recursive: true });
  if (!existsSync(root)) symlinkSync(source, root);
  const env = {
    ...process.env,
    // The tools go by the path that the shell says, which is not through the link otherwise.
    PWD: root,
    PATH: `${GO}:${process.env["PATH"] ?? ""}`,
    GOPATH: path,
    GOCACHE: join(CACHE, "go-cache"),
    GO111MODULE: "off",
    CGO_ENABLED: "0",
    // One processor, and the last one in the queue for it.
    GOFLAGS: "-p=1",
    GOMAXPROCS: "1",
  };
  const go = (...args: readonly string[]): void =>
    run("nice", ["-n", "19", join(GO, "go"), ...args], root, env);
  const generator = join(CACHE, "openapi-gen");
  go("build", "-o", generator, "./vendor/k8s.io/kube-openapi/cmd/openapi-gen");
  // The one file that the release lacks: what the server tells of its own forms.
  const out = ["--output-base", join(path, "src"), "-p", "k8s.io/kubernetes/pkg/generated/openapi"];
  const header = ["--go-header-file", "vendor/k8s.io/code-generator/hack/boilerplate.go.txt"];
  const input = ["-i", describedPackages(root).join(","), "-r", join(CACHE, "violations.txt")];
  run("nice", ["-n", "19", generator, "-O", "zz_generated.openapi", ...header, ...out, ...input], root, env);
  const [, major, minor] = /-(\d+)\.(\d+)\./.exec(source)!;
  // One is what the programs say of themselves, the other what the server tells its clients.
  const places = ["component-base/version", "client-go/pkg/version"];
  const words = { gitMajor: major!, gitMinor: minor!, gitVersion: `v${major}.${minor}.0` };
  const flags = places.flatMap((place) =>
    Object.entries(words).map(
      ([name, value]) => `-X k8s.io/kubernetes/vendor/k8s.io/${place}.${name}=${value}`,
    ),
  );
  go("build", "-ldflags", flags.join(" "), "-o", `${BIN}/`, ...PROGRAMS.map((program) => `./cmd/${program}`));
}

/** From Debian's archive, whose signature apt checks; the sources of the machine stay as they are. */
function fetchSource(): string {
  const unpacked = (): string | undefined =>
    readdirSync(CACHE).find(
      (name) => /^kubernetes-\d/.test(name) && existsSync(join(CACHE, name, "cmd/kube-apiserver")),
    );
  mkdirSync(join(CACHE, "lists/partial"), { recursive: true });
  const found = unpacked();
  if (found !== undefined) return join(CACHE, found);
  const signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
  writeFileSync(
    join(CACHE, "sources.list"),
    `deb-src ${signed} http://deb.debian.org/debian bookworm main\n`,
  );
  const options = [
    `Dir::Etc::SourceList=${join(CACHE, "sources.list")}`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State::Lists=${join(CACHE, "lists")}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  run("apt-get", [...options, "-qq", "update"], CACHE, process.env);
  run("apt-get", [...options, "-qq", "source", "kubernetes"], CACHE, process.env);
  rmSync(join(CACHE, "lists"), { recursive: true });
  return join(CACHE, unpacked()!);
}

/** The packages whose types are described, by the mark in their source. */
function describedPackages(root: string): string[] {
  const { stdout } = spawnSync(
    "grep",
    ["-rl", "--include=*.go", "+k8s:openapi-gen=", "staging/src/k8s.io", "pkg", "cmd", "plugin"],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  const folders = stdout
    .split("\n")
    .filter((file) => file !== "" && !/zz_generated|\/code-generator\/|\/sample-apiserver\//.test(file))
    .map((file) => file.slice(0, file.lastIndexOf("/")).replace(/^staging\/src\//, "vendor/"));
  return [...new Set(folders)].map((folder) => `k8s.io/kubernetes/${folder}`);
}

function run(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): void {
  const { status, signal, error } = spawnSync(program, args, {
    cwd,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(" ").slice(0, 200)}: ended with ${error?.message ?? signal ?? status}`,
    );
}

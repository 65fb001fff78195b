import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, test } from "node:test";
import type { TestContext } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { needsProgram } from "../needs.ts";
import { folderWith, laneway } from "./command.ts";
import type { Ended } from "./command.ts";

const POLICY = `lanes:
  - { name: critical, reservation: 40%, kubernetes: { requests: { cpu: 1 } } }
  - { name: normal }
  - { name: bulk, kubernetes: { value: -50, total: { pods: 20 } } }
`;

const DEPLOYMENT = `# Payments.
apiVersion: apps/v1
kind: Deployment
metadata: { name: payments }
spec:
  template:
    spec:
      containers:
        - name: a # the one
`;

interface Found {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

async function run(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Ended> {
  return laneway(["kubernetes", ...args], { cwd: await folderWith(t, files) });
}

function objectsIn(text: string): Found[] {
  return (parseAllDocuments(text) as { toJS(): unknown }[]).map((document) => document.toJS() as Found);
}

/** What it says on stderr; it must print nothing. */
async function refusal(
  t: TestContext,
  code: number,
  files: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<string> {
  const ended = await run(t, files, ...args);
  assert.deepEqual([ended.code, ended.out], [code, ""], ended.err);
  return ended.err;
}

function kubectl(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("kubectl", args, {
    encoding: "utf8",
    // No cluster of this machine's user is any business of a test's.
    env: { ...process.env, KUBECONFIG: "/dev/null" },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

describe("laneway kubernetes", () => {
  it("prints classes, quotas and disruption budgets, and talks elsewhere", async (t) => {
    const { code, out, err } = await run(t, { "laneway.yaml": POLICY }, "--namespace", "shop");
    assert.deepEqual([code, err], [0, ""]);
    assert.deepEqual(
      objectsIn(out).map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? "-"} ${metadata.name}`),
      [
        "PriorityClass - lane-critical",
        "PriorityClass - lane-normal",
        "PriorityClass - lane-bulk-v-50",
        "ResourceQuota shop lane-bulk-v-50",
        "PodDisruptionBudget shop lane-critical",
      ],
    );
    assert.match(
      out,
      /^# Made by laneway kubernetes of laneway\.yaml, for Kubernetes 1\.36\.\n# A class cannot be changed/,
    );
  });

  it("does without a policy, and says so", async (t) => {
    const { code, out, err } = await run(t, {});
    assert.equal(code, 0);
    assert.equal(objectsIn(out).length, 7);
    assert.match(err, /^no laneway\.yaml here and no --policy: these are the defaults$/m);
    assert.match(err, /^no ResourceQuota: no lane has a total/m);
  });

  it("prints only what is asked for, or that too, as YAML or as one List of JSON", async (t) => {
    const only = await run(t, { "laneway.yaml": POLICY }, "--only", "quota,priorityclass", "--json");
    const list = JSON.parse(only.out) as { kind: string; items: Found[] };
    assert.equal(list.kind, "List");
    assert.deepEqual(
      new Set(list.items.map(({ kind }) => kind)),
      new Set(["PriorityClass", "ResourceQuota"]),
    );
    const scale = ["--scale-target", "deployment/gw", "--prometheus", "http://p:9090", "--replicas", "1-3"];
    const more = await run(t, {}, "--with", "keda,limitrange,kueue", ...scale, "--capacity", "cpu=4,pods=10");
    assert.deepEqual(
      [...new Set(objectsIn(more.out).map(({ kind }) => kind))],
      [
        "PriorityClass",
        "WorkloadPriorityClass",
        "ResourceQuota",
        "LimitRange",
        "PodDisruptionBudget",
        "ScaledObject",
      ],
    );
  });

  it("warns of shadow mode, which a cluster does not know", async (t) => {
    const { err } = await run(t, { "laneway.yaml": "enforce: false" }, "--only", "priorityclass");
    assert.match(
      err,
      /laneway\.yaml has enforce: false; a cluster that is given this holds back all the same/,
    );
  });

  it("refuses what makes no sense, and prints nothing of it", async (t) => {
    const usage = (...args: string[]): Promise<string> => refusal(t, 2, {}, ...args);
    assert.match(await usage("--kube-version", "1.2"), /--kube-version: expected a version .*found "1\.2"/);
    assert.match(await usage("--only", "pods"), /Expected some of priorityclass, quota/);
    assert.match(await usage("--only", "quota", "--with", "hpa"), /cannot be used with/);
    assert.match(await usage("--capacity", "disk=4"), /Expected amounts such as/);
    assert.match(await usage("--capacity", "cpu=4GB"), /--capacity: cpu: expected an amount of processor/);
    assert.match(await usage("--deny", "vip"), /--deny: expected one of the lanes critical, .*found "vip"/);
    assert.match(await usage("--class-prefix", "system-x"), /--class-prefix: .*does not begin with system/);
    assert.match(await usage("--namespace", "Shop"), /--namespace: expected/);
    assert.match(await usage("--with", "keda"), /--scale-target: expected what keda scales/);
    assert.match(await usage("--replicas", "5-2"), /Expected two whole numbers/);
    assert.match(
      await refusal(t, 4, { "laneway.yaml": "lanes: [{ name: a, kubernetes: { value: 2000000000 } }]" }),
      /^laneway\.yaml:1:41: lanes\.a\.kubernetes\.value: expected a whole number from -1000000000 to 1000000000/m,
    );
    assert.match(
      await refusal(t, 4, { "laneway.yaml": "lanes: [{ name: a_b }, { name: A.b }]" }),
      /^laneway kubernetes: laneway\.yaml: lane "A\.b": expected a name in a cluster that no other lane has/m,
    );
    assert.match(await refusal(t, 1, {}, "--policy", "gone.yaml"), /cannot read gone\.yaml/);
  });
});

describe("laneway kubernetes --out", () => {
  it("writes a base that kubectl builds, and brings it up to date", async (t) => {
    const folder = await folderWith(t, { "laneway.yaml": POLICY });
    const base = join(folder, "base");
    const write = (...args: string[]): Promise<Ended> =>
      laneway(["kubernetes", "--out", "base", ...args], { cwd: folder });
    const { code, out, err } = await write();
    assert.deepEqual([code, out], [0, ""]);
    assert.match(err, /apply it with kubectl apply -k base/);
    const files = [
      "kustomization.yaml",
      "poddisruptionbudget.yaml",
      "priorityclass.yaml",
      "resourcequota.yaml",
    ];
    assert.deepEqual((await readdir(base)).toSorted(), files);
    await writeFile(join(base, "mine.yaml"), "a: 1\n");
    await write("--only", "priorityclass");
    assert.deepEqual((await readdir(base)).toSorted(), [
      "kustomization.yaml",
      "mine.yaml",
      "priorityclass.yaml",
    ]);
    if (!needsProgram(t, "kubectl", "apt-get install kubernetes-client")) return;
    const built = objectsIn(kubectl("kustomize", base));
    assert.deepEqual(built.map(({ metadata }) => metadata.name).toSorted(), [
      "lane-bulk-v-50",
      "lane-critical",
      "lane-normal",
    ]);
  });

  it("leaves alone what it has not made, and then writes nothing", async (t) => {
    const folder = await folderWith(t, {});
    await mkdir(join(folder, "base"));
    await writeFile(join(folder, "base/priorityclass.yaml"), "mine: 1\n");
    const { code, err } = await laneway(["kubernetes", "--out", "base"], { cwd: folder });
    assert.equal(code, 1);
    assert.match(err, /base\/priorityclass\.yaml was not made by this command/);
    assert.deepEqual(await readdir(join(folder, "base")), ["priorityclass.yaml"]);
  });
});

test("objects are what kubectl's own generators make of the same words", async (t) => {
  if (!needsProgram(t, "kubectl", "apt-get install kubernetes-client")) return;
  const { out } = await run(t, { "laneway.yaml": POLICY }, "--kube-version", "1.24", "--capacity", "cpu=10");
  const ours = objectsIn(out) as unknown as Record<string, unknown>[];
  const like = (kind: string, name: string): Record<string, unknown> =>
    ours.find((object) => object["kind"] === kind && (object["metadata"] as { name: string }).name === name)!;
  const dry = ["--dry-run=client", "-o", "json"];
  const generated = JSON.parse(
    kubectl(
      "create",
      "priorityclass",
      "lane-bulk-v-50",
      "--value=-50",
      "--preemption-policy=Never",
      "--description=x",
      ...dry,
    ),
  ) as Record<string, unknown>;
  const mine = like("PriorityClass", "lane-bulk-v-50");
  // Left out by the generator where it is the default.
  for (const field of ["apiVersion", "kind", "value", "preemptionPolicy"])
    assert.equal(mine[field], generated[field], field);
  assert.deepEqual([mine["globalDefault"], generated["globalDefault"] ?? false], [undefined, false]);
  const totals = JSON.parse(kubectl("create", "quota", "q", "--hard=pods=20,requests.cpu=8000m", ...dry)) as {
    spec: { hard: Record<string, string> };
  };
  const hard = (like("ResourceQuota", "lane-bulk-v-50")["spec"] as { hard: Record<string, string> }).hard;
  assert.deepEqual(Object.keys(hard).toSorted(), Object.keys(totals.spec.hard).toSorted());
  const budget = JSON.parse(
    kubectl(
      "create",
      "poddisruptionbudget",
      "b",
      "--selector=laneway.dev/lane=critical",
      "--max-unavailable=1",
      ...dry,
    ),
  ) as { spec: { maxUnavailable: unknown; selector: { matchLabels: unknown } } };
  const spec = like("PodDisruptionBudget", "lane-critical")["spec"] as typeof budget.spec;
  assert.equal(spec.maxUnavailable, budget.spec.maxUnavailable);
  assert.deepEqual(spec.selector.matchLabels, budget.spec.selector.matchLabels);
});

describe("laneway kubernetes patch", () => {
  const files = { "laneway.yaml": POLICY, "deployment.yaml": DEPLOYMENT };
  const patch = (t: TestContext, ...args: string[]): Promise<Ended> => run(t, files, "patch", ...args);

  it("prints the file with its pods in the lane, by the policy", async (t) => {
    const { code, out, err } = await patch(t, "deployment.yaml", "--lane", "critical");
    assert.deepEqual([code, err], [0, ""]);
    assert.ok(out.startsWith("# Payments.\n"));
    assert.match(out, /- name: a # the one$/m);
    const { spec } = parse(out) as { spec: { template: { spec: Record<string, unknown> } } };
    assert.deepEqual(spec.template.spec, {
      priorityClassName: "lane-critical",
      containers: [
        {
          name: "a",
          env: [{ name: "LANEWAY_LANE", value: "critical" }],
          resources: { requests: { cpu: "1", memory: "512Mi" } },
        },
      ],
    });
  });

  it("takes the policy and the names of classes where they are given", async (t) => {
    const folder = await folderWith(t, { "deployment.yaml": DEPLOYMENT, "other.yaml": POLICY });
    const options = ["--policy", "other.yaml", "--class-prefix", "shop", "--class-suffix", "v2"];
    const command = ["patch", "deployment.yaml", "--lane", "bulk"];
    for (const args of [
      [...command, ...options],
      [...options, ...command],
      ["patch", ...options, ...command.slice(1)],
    ]) {
      const { out, err } = await laneway(["kubernetes", ...args], { cwd: folder });
      assert.match(out, /priorityClassName: shop-bulk-v2$/m, err);
    }
  });

  it("shows the change as a diff, which leaves the file alone", async (t) => {
    const folder = await folderWith(t, files);
    const args = ["kubernetes", "patch", "deployment.yaml", "--lane", "bulk"];
    const { code, out } = await laneway([...args, "--diff"], { cwd: folder });
    assert.equal(code, 0);
    assert.match(out, /^--- deployment\.yaml\n\+\+\+ deployment\.yaml\n@@ -\d+,\d+ \+\d+,\d+ @@\n/);
    assert.match(out, /^\+ {6}priorityClassName: lane-bulk-v-50$/m);
    assert.equal(out.match(/^-(?!--)/gm), null);
    assert.equal(await readFile(join(folder, "deployment.yaml"), "utf8"), DEPLOYMENT);
  });

  it("writes it in place, behind a link and with its mode, and has nothing to do the second time", async (t) => {
    const folder = await folderWith(t, files);
    const file = join(folder, "deployment.yaml");
    await chmod(file, 0o640);
    await symlink("deployment.yaml", join(folder, "link.yaml"));
    const args = ["kubernetes", "patch", "link.yaml", "--lane", "bulk", "--write"];
    assert.deepEqual(await laneway(args, { cwd: folder }), { code: 0, out: "", err: "" });
    const first = await readFile(file, "utf8");
    assert.match(first, /laneway\.dev\/lane: bulk/);
    assert.equal((await stat(file)).mode & 0o777, 0o640);
    assert.equal((await laneway(args, { cwd: folder })).err, "link.yaml: nothing to change\n");
    assert.equal(await readFile(file, "utf8"), first);
    assert.deepEqual((await readdir(folder)).toSorted(), ["deployment.yaml", "laneway.yaml", "link.yaml"]);
  });

  it("says what it left, and what it replaced, at its place", async (t) => {
    const text = DEPLOYMENT.replace("      containers:", "      priorityClassName: mine\n      containers:");
    const { code, err } = await run(
      t,
      { ...files, "deployment.yaml": text },
      "patch",
      "deployment.yaml",
      "--lane",
      "bulk",
    );
    assert.equal(code, 0);
    assert.equal(err, 'deployment.yaml:8:26: priorityClassName was that of "mine"\n');
  });

  it("reads from stdin", async (t) => {
    const folder = await folderWith(t, files);
    const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
    const args = [main, "kubernetes", "patch", "-", "--lane", "critical", "--diff"];
    const { status, stdout } = spawnSync(process.execPath, args, {
      cwd: folder,
      input: DEPLOYMENT,
      encoding: "utf8",
    });
    assert.equal(status, 0);
    assert.match(stdout, /^--- stdin\n/);
  });

  it("refuses what it cannot put in a lane, and prints nothing", async (t) => {
    const of = (code: number, text: string, ...args: string[]): Promise<string> =>
      refusal(t, code, { ...files, "d.yaml": text }, "patch", "d.yaml", ...args);
    const lane = ["--lane", "critical"];
    assert.match(
      await of(2, DEPLOYMENT, "--lane", "vip"),
      /--lane: expected one of the lanes critical, normal, bulk, found "vip"/,
    );
    assert.match(await of(2, DEPLOYMENT), /required option '--lane <name>' not specified/);
    assert.match(
      await of(1, "just text\n", ...lane),
      /^d\.yaml:1:1: expected a Kubernetes object.*found "just text"/,
    );
    assert.match(await of(1, "a: [\n", ...lane), /^d\.yaml:2:1: not valid YAML/);
    assert.match(await of(1, `${DEPLOYMENT}---\na: 1\n`, ...lane), /^d\.yaml:11:1: .*found no apiVersion/);
    assert.match(
      await refusal(t, 1, files, "patch", "gone.yaml", ...lane),
      /cannot read gone\.yaml: there is no such file/,
    );
    assert.match(await refusal(t, 1, files, "patch", ".", ...lane), /cannot read \.: it is a folder/);
    assert.match(await of(2, DEPLOYMENT, "--json", ...lane), /--json is nothing that patch takes/);
    assert.match(
      await of(2, DEPLOYMENT, ...lane, "--kube-version", "1.20"),
      /--kube-version is nothing that patch takes/,
    );
    assert.match(await refusal(t, 2, files, "patch", "-", "--write", ...lane), /--write needs a file/);
    assert.match(
      await refusal(t, 2, files, "patch", "deployment.yaml", "--write", "--diff", ...lane),
      /cannot be used with/,
    );
    assert.match(
      await refusal(t, 4, { ...files, "laneway.yaml": "lanes: 3" }, "patch", "deployment.yaml", ...lane),
      /laneway kubernetes patch: laneway\.yaml is not a valid policy/,
    );
  });
});

/** What only a real API server and scheduler can show. Runs on any cluster; all that it makes there goes again. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Api } from "./api.ts";
import type { Found } from "./api.ts";
import { addNode } from "./node.ts";
import type { FakeNode } from "./node.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const POLICY = `lanes:
  - { name: critical, kubernetes: { requests: { cpu: 1 } } }
  - { name: high, kubernetes: { preemption: false, requests: { cpu: 1 } } }
  - { name: normal }
  - { name: bulk, kubernetes: { requests: { cpu: 1 }, total: { pods: 4 } } }
`;

/** What a check works with. */
interface Ground {
  readonly kubeconfig: string;
  readonly api: Api;
  readonly node: FakeNode;
  readonly namespace: string;
  /** Everything with a name of its own in the cluster begins so. */
  readonly prefix: string;
  readonly version: string;
  readonly folder: string;
}

/** Runs every check on the cluster, and prints what each one found. Gives the number of those that failed. */
export async function checkOn(kubeconfig: string): Promise<number> {
  const api = await Api.start(kubeconfig);
  const prefix = `laneway-test-${randomBytes(3).toString("hex")}`;
  const folder = mkdtempSync(join(tmpdir(), `${prefix}-`));
  let failed = 0;
  let node: FakeNode | undefined;
  try {
    writeFileSync(join(folder, "laneway.yaml"), POLICY);
    const { major, minor } = (await api.call("GET", "/version")).body as unknown as {
      major: string;
      minor: string;
    };
    const version = `${major}.${minor.replace(/\D/g, "")}`;
    console.log(`Kubernetes ${version}`);
    kubectl({ kubeconfig }, ["create", "namespace", prefix]);
    node = await addNode(api, prefix, 4);
    const ground: Ground = { kubeconfig, api, node, namespace: prefix, prefix, version, folder };
    for (const [name, check] of Object.entries(CHECKS)) {
      const found = await check(ground).catch((error: unknown) => error as Error);
      if (found instanceof Error) {
        failed++;
        console.log(`FAIL ${name}\n${found.stack ?? found.message}`);
        console.log(kubectl({ kubeconfig }, ["get", "events", "-n", prefix, "--sort-by=.lastTimestamp"]));
      } else console.log(`ok   ${name}${found === "" ? "" : `: ${found}`}`);
    }
  } finally {
    kubectl({ kubeconfig }, ["delete", "namespace", prefix, "--wait=false", "--ignore-not-found"]);
    for (const name of classesOf(kubeconfig, prefix))
      kubectl({ kubeconfig }, ["delete", "priorityclass", name]);
    await node?.stop();
    await api.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return failed;
}

const CHECKS: Readonly<Record<string, (ground: Ground) => Promise<string>>> = {
  "the server takes what is rendered, and takes it again": async (ground) => {
    for (const word of ["created", "unchanged"]) {
      const lines = apply(ground, render(ground)).trim().split("\n");
      assert.deepEqual(
        lines.filter((line) => !line.endsWith(word)),
        [],
      );
    }
    return `${classesOf(ground.kubeconfig, ground.prefix).length} classes`;
  },

  "a class cannot be changed, so another value is another class": async (ground) => {
    const changed = POLICY.replace("requests: { cpu: 1 }", "value: 900000, requests: { cpu: 1 }");
    writeFileSync(join(ground.folder, "changed.yaml"), changed);
    apply(ground, render(ground, "--policy", "changed.yaml", "--only", "priorityclass"));
    assert.ok(classesOf(ground.kubeconfig, ground.prefix).includes(`${ground.prefix}-critical-v900000`));
    const same = render(ground, "--only", "priorityclass").replace("value: 1000000", "value: 900000");
    const { status, stderr } = tryApply(ground, same);
    assert.notEqual(status, 0);
    return /value: Forbidden: (.*)/.exec(stderr)?.[1] ?? stderr;
  },

  "bulk pods on a full node are put out for critical ones, and stay out": async (ground) => {
    const { api, namespace } = ground;
    await fill(ground);
    const start = performance.now();
    apply(ground, patch(ground, deployment(ground, "pay", 2), "critical"));
    const pods = await api.until(
      `/api/v1/namespaces/${namespace}/pods`,
      "two pods of each lane running, and two of bulk waiting",
      (found) =>
        running(found, "pay") === 2 && running(found, "batch") === 2 && waiting(found, "batch") === 2,
    );
    const ms = Math.round(performance.now() - start);
    assert.equal(pods.length, 6);
    const events = `/api/v1/namespaces/${namespace}/events?fieldSelector=reason=Preempted`;
    await api.until(events, "two pods preempted", (found) => found.length === 2);
    return `running after ${ms} ms, two pods preempted`;
  },

  "a lane without preemption waits, though what runs matters less": async (ground) => {
    const { api, namespace } = ground;
    const before = await eventsOf(ground, "Preempted");
    apply(ground, patch(ground, deployment(ground, "chat", 1), "high"));
    // What is put out for a pod is put out before that pod is said to have no place.
    await api.until(
      `/api/v1/namespaces/${namespace}/pods`,
      "the pod waiting beside two running ones of bulk",
      (found) => waiting(found, "chat") === 1 && running(found, "batch") === 2,
    );
    assert.equal(await eventsOf(ground, "Preempted"), before);
    kubectl(ground, ["delete", "deployment", "chat", "-n", namespace]);
    return "";
  },

  "a lane's pods are counted against its own total": async ({ api, namespace, prefix, ...ground }) => {
    const { status, body } = await api.call(
      "POST",
      `/api/v1/namespaces/${namespace}/pods`,
      pod({ ...ground, namespace, prefix, api }, "one-more", `${prefix}-bulk`),
    );
    assert.equal(status, 403);
    assert.match(
      body.message ?? "",
      /exceeded quota: laneway-test-\w+-bulk, requested: pods=1, used: pods=4, limited: pods=4/,
    );
    return body.message!.replace(/^.*exceeded/, "exceeded");
  },

  "a namespace that is denied a lane gets no pod of it": async (ground) => {
    const { api, namespace, prefix, kubeconfig } = ground;
    const other = `${namespace}-guest`;
    kubectl(ground, ["create", "namespace", other]);
    try {
      apply(ground, render({ ...ground, namespace: other }, "--only", "quota", "--deny", "critical"));
      const name = `${prefix}-critical`;
      // Only once the server has counted does a total hold.
      await api.until(`/api/v1/namespaces/${other}/resourcequotas`, "the total counted", (found) =>
        found.some(({ metadata, status }) => metadata.name === name && status?.hard !== undefined),
      );
      await api.until(
        `/api/v1/namespaces/${other}/serviceaccounts`,
        "an account",
        (found) => found.length > 0,
      );
      const { status, body } = await api.call(
        "POST",
        `/api/v1/namespaces/${other}/pods`,
        pod(ground, "climber", name),
      );
      assert.equal(status, 403);
      assert.match(body.message ?? "", /exceeded quota/);
      return "";
    } finally {
      kubectl({ kubeconfig }, ["delete", "namespace", other, "--wait=false"]);
    }
  },

  "one critical pod may go at a time, with a Job in the lane too": async (ground) => {
    const { api, namespace, prefix } = ground;
    const template = { spec: { ...spec(ground), restartPolicy: "Never" } };
    const work = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "refund", namespace },
      spec: { template },
    };
    kubectl(ground, ["scale", "deployment", "batch", "--replicas=1", "-n", namespace]);
    apply(ground, patch(ground, JSON.stringify(work), "critical"));
    const pods = await api.until(
      `/api/v1/namespaces/${namespace}/pods`,
      "the Job running",
      (found) => running(found, "refund") === 1,
    );
    const budgets = ground.version === "1.20" ? "policy/v1beta1" : "policy/v1";
    await api.until(
      `/apis/${budgets}/namespaces/${namespace}/poddisruptionbudgets`,
      "two pods counted, one of which may go",
      (found) =>
        found.some(
          ({ metadata, status }) =>
            metadata.name === `${prefix}-critical` &&
            status?.expectedPods === 2 &&
            status.disruptionsAllowed === 1,
        ),
    );
    const names = pods
      .filter(({ metadata }) => metadata.name.startsWith("pay"))
      .map(({ metadata }) => metadata.name);
    const evictions: number[] = [];
    for (const name of names) {
      const eviction = {
        apiVersion: Number(ground.version.slice(2)) < 22 ? "policy/v1beta1" : "policy/v1",
        kind: "Eviction",
        metadata: { name, namespace },
      };
      evictions.push(
        (await api.call("POST", `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction)).status,
      );
    }
    assert.deepEqual(evictions, [201, 429]);
    return `evictions answered ${evictions.join(", ")}`;
  },
};

/** Four bulk pods of one processor on a node of four. */
async function fill(ground: Ground): Promise<void> {
  const { api, namespace } = ground;
  apply(ground, patch(ground, deployment(ground, "batch", 4), "bulk"));
  await api.until(
    `/api/v1/namespaces/${namespace}/pods`,
    "four bulk pods running",
    (found) => running(found, "batch") === 4,
  );
}

function running(found: readonly Found[], app: string): number {
  return found.filter(
    ({ metadata, status }) =>
      metadata.name.startsWith(`${app}-`) &&
      status?.phase === "Running" &&
      metadata.deletionTimestamp === undefined,
  ).length;
}

function waiting(found: readonly Found[], app: string): number {
  return found.filter(
    ({ metadata, status }) => metadata.name.startsWith(`${app}-`) && isUnschedulable(status),
  ).length;
}

function isUnschedulable(status: Found["status"]): boolean {
  return (
    status?.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "Unschedulable") ??
    false
  );
}

async function eventsOf({ api, namespace }: Ground, reason: string): Promise<number> {
  const { body } = await api.call(
    "GET",
    `/api/v1/namespaces/${namespace}/events?fieldSelector=reason=${reason}`,
  );
  return (body as unknown as { items: unknown[] }).items.length;
}

function spec({ node }: Pick<Ground, "node">): object {
  return { ...node.placement, terminationGracePeriodSeconds: 0, containers: [{ name: "a", image: "none" }] };
}

function pod(
  ground: Pick<Ground, "node" | "api" | "namespace" | "prefix">,
  name: string,
  priorityClassName: string,
): object {
  return { apiVersion: "v1", kind: "Pod", metadata: { name }, spec: { ...spec(ground), priorityClassName } };
}

function deployment(ground: Ground, name: string, replicas: number): string {
  const labels = { app: name };
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: ground.namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: spec(ground) },
    },
  });
}

function render({ folder, prefix, namespace, version }: Ground, ...args: readonly string[]): string {
  const own = ["--class-prefix", prefix, "--namespace", namespace, "--kube-version", version];
  return ran(process.execPath, [MAIN, "kubernetes", ...own, ...args], { cwd: folder });
}

function patch({ folder, prefix }: Ground, manifest: string, lane: string): string {
  const args = [MAIN, "kubernetes", "patch", "-", "--lane", lane, "--class-prefix", prefix];
  return ran(process.execPath, args, { cwd: folder, input: manifest });
}

function apply(ground: Ground, manifests: string): string {
  const { status, stdout, stderr } = tryApply(ground, manifests);
  assert.equal(status, 0, stderr);
  return stdout;
}

function tryApply(
  { kubeconfig }: Ground,
  input: string,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("kubectl", ["--kubeconfig", kubeconfig, "apply", "-f", "-"], { input, encoding: "utf8" });
}

function classesOf(kubeconfig: string, prefix: string): string[] {
  const names = kubectl({ kubeconfig }, ["get", "priorityclass", "-o", "name"]).split("\n");
  return names.map((name) => name.replace(/^.*\//, "")).filter((name) => name.startsWith(prefix));
}

function kubectl({ kubeconfig }: Pick<Ground, "kubeconfig">, args: readonly string[]): string {
  return ran("kubectl", ["--kubeconfig", kubeconfig, ...args], {});
}

function ran(program: string, args: readonly string[], options: { cwd?: string; input?: string }): string {
  const { status, stdout, stderr } = spawnSync(program, args, { ...options, encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}\n${stderr}`);
  return stdout;
}

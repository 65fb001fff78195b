/** A node that is none: it says that what is put on it runs, and lets go what is deleted. */

import type { Api, Found } from "./api.ts";

/** A node in a cluster. */
export interface FakeNode {
  readonly name: string;
  /** What pods need to be put here, and here alone. */
  readonly placement: object;
  stop(): Promise<void>;
}

const TAINT = "laneway.dev/test";
const HEARTBEAT_MS = 5_000;

/** Adds a node with so many processors; no pod that does not ask for it is put there. */
export async function addNode(api: Api, name: string, cpu: number): Promise<FakeNode> {
  const room = { cpu: String(cpu), memory: "64Gi", pods: "110" };
  const labels = { "kubernetes.io/hostname": name };
  const taints = [{ key: TAINT, value: name, effect: "NoSchedule" }];
  await expectMade(api, "/api/v1/nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    spec: { taints },
  });
  const beat = async (): Promise<void> => {
    const now = new Date().toISOString().replace(/\.\d+/, "");
    const ready = {
      type: "Ready",
      status: "True",
      reason: "KubeletReady",
      message: "it says so",
      lastHeartbeatTime: now,
    };
    const status = { capacity: room, allocatable: room, conditions: [ready] };
    await api.call("PATCH", `/api/v1/nodes/${name}/status`, { status });
  };
  await beat();
  // A node that is silent for 40 s is taken for lost.
  const heart = setInterval(() => void beat().catch(() => undefined), HEARTBEAT_MS);
  const end = new AbortController();
  const serving = serve(api, name, end.signal);
  return {
    name,
    placement: {
      nodeSelector: labels,
      tolerations: [{ key: TAINT, operator: "Equal", value: name, effect: "NoSchedule" }],
    },
    stop: async () => {
      clearInterval(heart);
      end.abort();
      await serving;
      await api.call("DELETE", `/api/v1/nodes/${name}`);
    },
  };
}

async function serve(api: Api, node: string, signal: AbortSignal): Promise<void> {
  try {
    for await (const { type, object } of api.watch(
      `/api/v1/pods?fieldSelector=spec.nodeName=${node}`,
      signal,
    )) {
      if (type === "DELETED") continue;
      await tend(api, object);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function tend(api: Api, pod: Found): Promise<void> {
  const { name, namespace, deletionTimestamp } = pod.metadata as Found["metadata"] & { namespace: string };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  if (deletionTimestamp !== undefined) await api.call("DELETE", path, { gracePeriodSeconds: 0 });
  else if (pod.status?.phase === "Pending")
    await api.call("PATCH", `${path}/status`, {
      status: {
        phase: "Running",
        conditions: [
          { type: "Ready", status: "True" },
          { type: "PodScheduled", status: "True" },
        ],
      },
    });
}

/** Makes an object, or says why the cluster would not. */
export async function expectMade(api: Api, path: string, object: object): Promise<void> {
  const { status, body } = await api.call("POST", path, object);
  if (status !== 201) throw new Error(`${path}: ${status} ${body.message ?? ""}`);
}

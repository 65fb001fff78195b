import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { manifestInLane, ManifestError } from "../../../src/adapters/kubernetes.ts";
import type { InLaneOptions } from "../../../src/adapters/kubernetes.ts";
import { defaultPolicy, parsePolicy } from "../../../src/policy/policy.ts";

type Fields = Record<string, unknown>;

const pod = (containers: unknown, more: Fields = {}): Fields => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a" },
  spec: { containers, ...more },
});

/** The container of a pod, put in a lane. */
function container(
  fields: Fields,
  options: Partial<InLaneOptions> = {},
): { fields: Fields; notes: string[] } {
  const { manifest, notes } = manifestInLane(pod([{ name: "a", ...fields }]), {
    lane: "critical",
    ...options,
  });
  const [found] = (manifest["spec"] as { containers: Fields[] }).containers;
  return { fields: found!, notes: notes.map(({ message }) => message) };
}

const resources = (given: unknown, options: Partial<InLaneOptions> = {}): unknown =>
  container(given === undefined ? {} : { resources: given }, options).fields["resources"];

const withKubernetes = (kubernetes: Fields): InLaneOptions["policy"] & object => {
  const policy = defaultPolicy();
  return {
    ...policy,
    lanes: policy.lanes.map((lane) => (lane.name === "critical" ? { ...lane, kubernetes } : lane)),
  };
};

function fault(manifest: unknown, options: Partial<InLaneOptions> = {}): string {
  try {
    manifestInLane(manifest, { lane: "critical", ...options });
  } catch (error) {
    assert.ok(error instanceof ManifestError);
    return `${error.path.join(".")}: ${error.message}`;
  }
  return "accepted";
}

describe("a manifest in a lane", () => {
  it("has class, label and environment in every pod template, wherever its kind has it", () => {
    const spec = { containers: [{ name: "a" }], initContainers: [{ name: "b" }] };
    const template = { metadata: { labels: { app: "x" } }, spec };
    const kinds: Readonly<Record<string, Fields>> = {
      Deployment: { spec: { template } },
      StatefulSet: { spec: { template } },
      DaemonSet: { spec: { template } },
      ReplicaSet: { spec: { template } },
      ReplicationController: { spec: { template } },
      Job: { spec: { template } },
      CronJob: { spec: { jobTemplate: { spec: { template } } } },
      PodTemplate: { template },
      Pod: template,
    };
    const brought = {
      env: [{ name: "LANEWAY_LANE", value: "bulk" }],
      resources: { requests: { cpu: "10m", memory: "128Mi" } },
    };
    const expected = {
      metadata: { labels: { app: "x", "laneway.dev/lane": "bulk" } },
      spec: {
        priorityClassName: "lane-bulk",
        containers: [{ name: "a", ...brought }],
        initContainers: [{ name: "b", ...brought }],
      },
    };
    for (const [kind, fields] of Object.entries(kinds)) {
      const given = { apiVersion: "v1", kind, ...fields };
      const before = structuredClone(given);
      const { manifest, templates, notes } = manifestInLane(given, { lane: "bulk" });
      const put = templates[0]!.reduce<unknown>((value, step) => (value as Fields)[step], manifest) as Fields;
      assert.deepEqual({ metadata: put["metadata"], spec: put["spec"] }, expected, kind);
      assert.deepEqual([templates.length, notes], [1, []], kind);
      assert.deepEqual(given, before, "what is given stays as it is");
      assert.deepEqual(manifestInLane(manifest, { lane: "bulk" }).manifest, manifest, "twice is once");
    }
  });

  it("leaves alone what makes no pods, and looks into lists", () => {
    const service = { apiVersion: "v1", kind: "Service", spec: { selector: { app: "x" } } };
    const list = { apiVersion: "v1", kind: "List", items: [service, pod([{ name: "a" }])] };
    assert.deepEqual(manifestInLane(service, { lane: "bulk" }).manifest, service);
    const { manifest, templates } = manifestInLane(list, { lane: "bulk" });
    assert.deepEqual(templates, [["items", 1]]);
    assert.deepEqual(manifest.items[0], service);
  });

  it("leaves the selector alone where the labels of the pods are the same object", () => {
    const labels = { app: "x" };
    const template = { metadata: { labels }, spec: { containers: [{ name: "a" }] } };
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      spec: { selector: { matchLabels: labels }, template },
    };
    const { spec } = manifestInLane(deployment, { lane: "bulk" }).manifest;
    assert.deepEqual(spec.selector.matchLabels, { app: "x" });
    assert.deepEqual(spec.template.metadata.labels, { app: "x", "laneway.dev/lane": "bulk" });
    const endless: Record<string, unknown> = { apiVersion: "v1", kind: "Service" };
    endless["spec"] = endless;
    assert.match(fault(endless), /found something that contains itself$/);
  });

  it("moves from one lane to another, and says what class it had", () => {
    const first = manifestInLane(pod([{ name: "a" }]), { lane: "bulk" }).manifest;
    const { manifest, notes } = manifestInLane(first, { lane: "high" });
    assert.deepEqual(notes, [
      { path: ["spec", "priorityClassName"], message: "priorityClassName was that of lane bulk" },
    ]);
    assert.match(JSON.stringify(manifest), /"value":"high"/);
    assert.doesNotMatch(JSON.stringify(manifest), /bulk/);
    const foreign = manifestInLane(pod([{ name: "a" }], { priorityClassName: "mine" }), { lane: "bulk" });
    assert.equal(foreign.notes[0]!.message, 'priorityClassName was that of "mine"');
  });

  it("keeps what a server has filled in true to the class: it would refuse the pod", () => {
    const filled = pod([{ name: "a" }], { priority: 0, preemptionPolicy: "PreemptLowerPriority" });
    const { manifest } = manifestInLane(filled, { lane: "bulk" });
    const { priority, preemptionPolicy } = manifest["spec"] as Fields;
    assert.deepEqual([priority, preemptionPolicy], [-1_000, "Never"]);
  });

  it("of a class that belongs to the cluster is refused unless forced", () => {
    const node = pod([{ name: "a" }], { priorityClassName: "system-node-critical" });
    assert.match(
      fault(node),
      /^spec\.priorityClassName: .*found "system-node-critical", which is the cluster's own/,
    );
    assert.equal(fault(node, { force: true }), "accepted");
  });

  it("takes the class of the policy, by the name that it has there", async () => {
    const policy = await parsePolicy("lanes: [{ name: normal, kubernetes: { value: 50 } }]");
    const { manifest } = manifestInLane(pod([{ name: "a" }]), { lane: "normal", policy });
    assert.equal((manifest["spec"] as Fields)["priorityClassName"], "lane-normal-v50");
  });
});

describe("what a container asks for", () => {
  it("comes from the lane where it says nothing, and is its own where it does", () => {
    const lane = { requests: { cpu: "500m", memory: "512Mi" } };
    for (const nothing of [undefined, null, {}, { requests: null }, { requests: {} }])
      assert.deepEqual(resources(nothing), lane);
    const own = { requests: { cpu: 1, memory: "2Gi" }, limits: { memory: "4Gi" } };
    assert.deepEqual(resources(own), own);
    assert.deepEqual(resources({ requests: { cpu: "1" } }), { requests: { cpu: "1", memory: "512Mi" } });
  });

  it("is its limit where it has only that, as a cluster takes it", () => {
    assert.deepEqual(resources({ limits: { memory: "64Mi" } }), {
      requests: { cpu: "500m" },
      limits: { memory: "64Mi" },
    });
  });

  it("gets the limits of the lane, but none below what it asks for itself", () => {
    const policy = withKubernetes({ requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } });
    assert.deepEqual(resources(undefined, { policy }), {
      requests: { cpu: "100m", memory: "64Mi" },
      limits: { memory: "128Mi" },
    });
    const { fields, notes } = container({ resources: { requests: { memory: "1Gi" } } }, { policy });
    assert.deepEqual(fields["resources"], { requests: { memory: "1Gi", cpu: "100m" } });
    assert.deepEqual(notes, [
      'no limit of memory: that of lane critical, "128Mi", is below its own request, "1Gi"',
    ]);
  });

  it("is guaranteed where the lane is: its limits are its requests, its own before the lane's", () => {
    const policy = withKubernetes({ qos: "guaranteed", requests: { cpu: "250m", memory: "256Mi" } });
    const lane = { cpu: "250m", memory: "256Mi" };
    assert.deepEqual(resources(undefined, { policy }), { requests: lane, limits: lane });
    const own = { cpu: "250m", memory: "1Gi" };
    assert.deepEqual(resources({ requests: { memory: "1Gi" } }, { policy }), { requests: own, limits: own });
    const apart = { requests: { cpu: "0.25", memory: "1Gi" }, limits: { cpu: "250m", memory: "2Gi" } };
    const { fields, notes } = container({ resources: apart }, { policy });
    assert.deepEqual(fields["resources"], apart);
    assert.deepEqual(notes, [
      'not guaranteed as lane critical asks: its own limit of memory, "2Gi", is not its request, "1Gi"',
    ]);
    assert.deepEqual(resources(apart, { policy, force: true }), { requests: lane, limits: lane });
  });

  it("is the lane's when forced, and a limit below it is raised to it", () => {
    const own = { requests: { cpu: "10m", memory: "2Gi" }, limits: { cpu: "20m", memory: "4Gi" } };
    const { fields, notes } = container({ resources: own }, { force: true });
    assert.deepEqual(fields["resources"], {
      requests: { cpu: "500m", memory: "512Mi" },
      limits: { cpu: "500m", memory: "4Gi" },
    });
    assert.deepEqual(notes, ["its limit of cpu was below the request of lane critical, and is raised to it"]);
  });

  it("keeps its other amounts, and its environment", () => {
    const { fields } = container({
      resources: { requests: { "nvidia.com/gpu": 1 }, claims: [] },
      env: [{ name: "A", value: "1" }],
    });
    assert.deepEqual(fields["resources"], {
      requests: { "nvidia.com/gpu": 1, cpu: "500m", memory: "512Mi" },
      claims: [],
    });
    assert.deepEqual(fields["env"], [
      { name: "A", value: "1" },
      { name: "LANEWAY_LANE", value: "critical" },
    ]);
    const elsewhere = {
      name: "LANEWAY_LANE",
      valueFrom: { fieldRef: { fieldPath: "metadata.labels['lane']" } },
    };
    const kept = container({ env: [elsewhere] });
    assert.deepEqual(kept.fields["env"], [elsewhere]);
    assert.deepEqual(kept.notes, ["LANEWAY_LANE comes from elsewhere, and is left as it is"]);
  });
});

describe("what is no manifest", () => {
  it("is refused with its place", () => {
    const of = (containers: unknown): string => fault(pod(containers));
    assert.match(
      fault("text"),
      /^: expected a Kubernetes object, a map with apiVersion and kind, found "text"$/,
    );
    assert.match(
      fault({ kind: "Pod" }),
      /^: expected a Kubernetes object with apiVersion and kind, found no apiVersion$/,
    );
    assert.match(fault({ apiVersion: "v1", kind: 3 }), /found kind: 3$/);
    assert.match(
      fault({ apiVersion: "v1", kind: "Deployment" }),
      /^spec: expected spec, a map, found nothing$/,
    );
    assert.match(
      fault({ apiVersion: "v1", kind: "Job", spec: { template: [] } }),
      /^spec\.template: expected a map, found a list$/,
    );
    assert.match(
      fault({ apiVersion: "v1", kind: "Pod", spec: 3 }),
      /^spec: expected the spec of a pod, a map, found 3$/,
    );
    assert.match(of(undefined), /^spec: expected containers, found none$/);
    assert.match(of({}), /^spec\.containers: containers: expected a list, found a map$/);
    assert.match(of(["a"]), /^spec\.containers\.0: expected a container, a map, found "a"$/);
    assert.match(of([{ env: {} }]), /^spec\.containers\.0\.env: env: expected a list, found a map$/);
    assert.match(
      of([{ resources: [] }]),
      /^spec\.containers\.0\.resources: expected resources, a map, found a list$/,
    );
    assert.match(fault({ apiVersion: "v1", kind: "List", items: [{}] }), /^items\.0: .*found no apiVersion$/);
  });

  it("and a lane that there is not are refused, naming those there are", () => {
    assert.throws(() => manifestInLane(pod([]), { lane: "vip" }), {
      code: "LANEWAY_INVALID",
      message: 'lane: expected one of the lanes critical, high, normal, low, bulk, found "vip"',
    });
  });
});

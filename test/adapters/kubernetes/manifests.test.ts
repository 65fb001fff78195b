/** What is rendered of a policy: what the schemas of Kubernetes take, and what a server refuses although they do. */

import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { kubernetesManifests } from "../../../src/adapters/kubernetes.ts";
import type { KubernetesObject, ManifestOptions, ManifestPart } from "../../../src/adapters/kubernetes.ts";
import { defaultPolicy, parsePolicy } from "../../../src/policy/policy.ts";
import { faultsOf } from "../../kubernetes/schemas.ts";
import { needsPackage } from "../../needs.ts";

const EVERYTHING: readonly ManifestPart[] = ["priorityclass", "quota", "pdb", "limitrange", "hpa"];
const SCALE = { target: "deployment/gateway", prometheus: "http://prometheus:9090" };

/** The objects of one kind, of a policy as text. */
async function rendered(
  kind: string,
  policy: string,
  options: ManifestOptions = {},
): Promise<readonly Record<string, unknown>[]> {
  const objects = kubernetesManifests(await parsePolicy(policy), options);
  return objects.filter((object) => object.kind === kind) as unknown as Record<string, unknown>[];
}

async function classes(policy: string, options: ManifestOptions = {}): Promise<string[]> {
  const found = await rendered("PriorityClass", policy, options);
  return found.map(({ metadata, value, preemptionPolicy }) => {
    const never = preemptionPolicy === "Never" ? " Never" : "";
    return `${(metadata as { name: string }).name} ${value as number}${never}`;
  });
}

function refusal(options: ManifestOptions): string {
  try {
    kubernetesManifests(defaultPolicy(), options);
  } catch (error) {
    assert.equal((error as { code?: string }).code, "LANEWAY_INVALID");
    return (error as Error).message;
  }
  return "accepted";
}

test("all that is rendered is what the schemas of Kubernetes describe, in every version", async (t) => {
  if (!needsPackage(t, "test/kubernetes", "kubernetes-models/package.json")) return;
  const policies = [
    defaultPolicy(),
    await parsePolicy(
      "lanes: [{ name: Chat_1, kubernetes: { value: 7, total: { pods: 0, cpu: 2 }, maxUnavailable: 25% } }, { name: b.2, kubernetes: { qos: guaranteed, requests: { cpu: 1, memory: 1Gi }, class: mine } }]",
    ),
  ];
  for (const policy of policies)
    for (const kubeVersion of ["1.19", "1.21", "1.23", "1.27", "1.36"])
      for (const parts of [EVERYTHING, ["keda"] as const]) {
        const objects = kubernetesManifests(policy, {
          parts,
          kubeVersion,
          namespace: "shop",
          capacity: { cpu: "40", memory: "160Gi", pods: 200 },
          scale: SCALE,
        });
        for (const object of objects) {
          const faults = await faultsOf(object);
          // The schemas look at all of a class but its description.
          assert.deepEqual(
            faults.filter((fault) => fault !== "unknown field /description"),
            [],
            `${object.kind} for ${kubeVersion}`,
          );
        }
      }
});

test("the judge of the test before finds a wrong form, and a field that Kubernetes does not know", async (t) => {
  if (!needsPackage(t, "test/kubernetes", "kubernetes-models/package.json")) return;
  const [first] = kubernetesManifests(defaultPolicy());
  assert.match((await faultsOf({ ...first!, value: "7" } as never))[0] ?? "", /value must be integer/);
  const misspelt = { ...first!, metadata: { ...first!.metadata, label: {} } };
  assert.ok((await faultsOf(misspelt)).includes("unknown field /metadata/label"));
});

describe("classes", () => {
  it("fall with the lanes, leave the default lane at 0, and bulk puts out nobody", async () => {
    assert.deepEqual(await classes(""), [
      "lane-critical 1000000",
      "lane-high 100000",
      "lane-normal 0",
      "lane-low -5",
      "lane-bulk -1000 Never",
    ]);
    assert.deepEqual(await classes("lanes: [{ name: critical }, { name: normal }, { name: batch }]"), [
      "lane-critical 1000000",
      "lane-normal 0",
      "lane-batch -1000 Never",
    ]);
  });

  it("of bulk put out nobody, whatever their value", async () => {
    const lanes = "lanes: [{ name: normal }, { name: bulk, kubernetes: { value: -7 } }]";
    assert.deepEqual(await classes(lanes), ["lane-normal 0", "lane-bulk-v-7 -7 Never"]);
  });

  it("are never that of pods without a class, unless asked", () => {
    const defaults = (options: ManifestOptions): unknown[] =>
      kubernetesManifests(defaultPolicy(), options).flatMap((object) =>
        "globalDefault" in object && object.globalDefault ? [object.metadata.name] : [],
      );
    assert.deepEqual(defaults({}), []);
    assert.deepEqual(defaults({ globalDefault: true }), ["lane-normal"]);
  });

  it("bear in their name what differs from the lane's defaults, for a class cannot be changed", async () => {
    assert.deepEqual(
      await classes(`lanes:
  - { name: critical, kubernetes: { value: 900000 } }
  - { name: high, kubernetes: { preemption: false } }
  - { name: normal, kubernetes: { value: 0, preemption: true } }
  - { name: low, kubernetes: { value: -20, class: cheap } }
  - { name: bulk, kubernetes: { value: -50, preemption: true } }`),
      [
        "lane-critical-v900000 900000",
        "lane-high-never 100000 Never",
        "lane-normal 0",
        "cheap -20 Never",
        "lane-bulk-v-50-preempts -50",
      ],
    );
  });

  it("have the prefix and suffix that are asked for, and names that a cluster takes", async () => {
    const lanes = "lanes: [{ name: critical, kubernetes: { value: 3 } }, { name: Batch_2. }]";
    assert.deepEqual(await classes(lanes, { classes: { prefix: "shop", suffix: "v2" } }), [
      "shop-critical-v2 3",
      "shop-batch-2-v2 0",
    ]);
  });

  it("with one name for two lanes, or one that the cluster keeps for itself, are refused", async () => {
    await assert.rejects(
      classes("lanes: [{ name: a_b }, { name: A.b }]"),
      /lane "A\.b": expected a name in a cluster that no other lane has, found "lane-a-b-v0"; lane "a_b" has it|found "lane-a-b"/,
    );
    await assert.rejects(
      classes(`lanes: [{ name: ${"a".repeat(60)} }]`),
      /expected a name of at most 63 .*name its class in the policy/,
    );
    assert.match(refusal({ classes: { prefix: "system" } }), /^the prefix: .*found "system"$/);
    assert.match(refusal({ classes: { prefix: "Shop" } }), /^the prefix: .*found "Shop"$/);
    assert.match(refusal({ classes: { suffix: "V2" } }), /found "lane-critical-V2"/);
  });
});

describe("totals of a class", () => {
  const hard = async (policy: string, options: ManifestOptions = {}): Promise<unknown[]> =>
    (await rendered("ResourceQuota", policy, options)).map(({ metadata, spec }) => [
      (metadata as { name: string }).name,
      (spec as { hard: unknown }).hard,
    ]);

  it("are what a lane may hold of the capacity: all of it less the floors of the others", async () => {
    const capacity = { cpu: "40", memory: "160Gi", pods: 200 };
    const rest = { pods: "160", "requests.cpu": "32000m", "requests.memory": "131072Mi" };
    // Critical keeps 20 % for itself, and may hold everything: nothing is said of it.
    assert.deepEqual(
      await hard("", { capacity }),
      ["high", "normal", "low", "bulk"].map((lane) => [`lane-${lane}`, rest]),
    );
    const lanes = "lanes: [{ name: a, reservation: 30%, lendable: 0 }, { name: b, ceiling: 25% }]";
    assert.deepEqual(await hard(lanes, { capacity: { cpu: "500m" } }), [
      ["lane-b-v0", { "requests.cpu": "125m" }],
    ]);
  });

  it("come from the policy first, and without both there are none", async () => {
    assert.deepEqual(await hard(""), []);
    const lanes =
      "lanes: [{ name: normal }, { name: bulk, ceiling: 50%, kubernetes: { total: { pods: 20, cpu: 1.5 } } }]";
    assert.deepEqual(await hard(lanes, { capacity: { memory: "10Gi", cpu: "8" } }), [
      ["lane-bulk", { pods: "20", "requests.cpu": "1.5", "requests.memory": "5120Mi" }],
    ]);
  });

  it("forbid a namespace the lanes that it is denied", async () => {
    assert.deepEqual(await hard("", { deny: ["critical", "high"] }), [
      ["lane-critical", { pods: "0" }],
      ["lane-high", { pods: "0" }],
    ]);
    assert.match(refusal({ deny: ["vip"] }), /^deny: expected one of the lanes critical, .*, found "vip"$/);
  });

  it("of lanes that count in seats are refused, for a namespace has none", async () => {
    const lanes = "lanes: [{ name: a, reservation: 2, lendable: 0 }, { name: b }]";
    await assert.rejects(
      hard(lanes, { capacity: { cpu: "4" } }),
      /capacity: expected lanes with percentages.*lane "a" counts in seats: give it kubernetes\.total/,
    );
    assert.deepEqual(await hard(lanes), []);
  });
});

describe("disruption budgets", () => {
  it("let one pod of the higher lanes go at a time, and leave out what a cluster cannot count", async () => {
    const found = await rendered("PodDisruptionBudget", "", { namespace: "shop" });
    assert.deepEqual(
      found.map(({ metadata }) => (metadata as { name: string }).name),
      ["lane-critical", "lane-high"],
    );
    assert.deepEqual(found[0]!["spec"], {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: {
        matchLabels: { "laneway.dev/lane": "critical" },
        matchExpressions: [
          { key: "job-name", operator: "DoesNotExist" },
          { key: "pod-template-generation", operator: "DoesNotExist" },
        ],
      },
    });
  });

  it("follow the policy, and keep their name when the class gets another", async () => {
    const lanes =
      "lanes: [{ name: critical, kubernetes: { maxUnavailable: false } }, { name: normal, kubernetes: { value: 7, maxUnavailable: 25% } }]";
    const found = await rendered("PodDisruptionBudget", lanes);
    assert.deepEqual(
      found.map(({ metadata, spec }) => [
        (metadata as { name: string }).name,
        (spec as { maxUnavailable: unknown }).maxUnavailable,
      ]),
      [["lane-normal", "25%"]],
    );
  });
});

describe("versions of Kubernetes", () => {
  const api = (kubeVersion: string): string[] =>
    kubernetesManifests(defaultPolicy(), { parts: ["pdb", "hpa"], kubeVersion, scale: SCALE }).flatMap(
      (object: KubernetesObject) =>
        object.kind === "PodDisruptionBudget"
          ? [object.apiVersion + ("unhealthyPodEvictionPolicy" in object.spec ? " unhealthy" : "")]
          : [object.apiVersion],
    );

  it("decide how things are called", () => {
    const expected = {
      "1.20": ["policy/v1beta1", "policy/v1beta1", "autoscaling/v2beta2"],
      "1.21": ["policy/v1", "policy/v1", "autoscaling/v2beta2"],
      "v1.23.4": ["policy/v1", "policy/v1", "autoscaling/v2"],
      "v1.27.3-gke.100": ["policy/v1 unhealthy", "policy/v1 unhealthy", "autoscaling/v2"],
      "1.36": ["policy/v1 unhealthy", "policy/v1 unhealthy", "autoscaling/v2"],
    };
    for (const [version, apis] of Object.entries(expected)) assert.deepEqual(api(version), apis, version);
  });

  it("that are none, or too old, are refused", () => {
    for (const kubeVersion of ["1.18", "2.0", "latest", "1.", "1.20 "])
      assert.match(refusal({ kubeVersion }), /^kubeVersion: expected a version of Kubernetes from 1\.19 up/);
  });
});

describe("parts that need more than a cluster", () => {
  it("are rendered only when asked for", () => {
    const kinds = new Set(kubernetesManifests(defaultPolicy()).map(({ kind }) => kind));
    assert.deepEqual([...kinds], ["PriorityClass", "PodDisruptionBudget"]);
  });

  it("scale for those who are waited for", () => {
    const [keda] = kubernetesManifests(defaultPolicy(), {
      parts: ["keda"],
      scale: { ...SCALE, maxReplicas: 4 },
    });
    assert.ok(keda?.kind === "ScaledObject");
    assert.deepEqual([keda.spec.minReplicaCount, keda.spec.maxReplicaCount], [2, 4]);
    assert.equal(keda.spec.triggers[0]?.metadata["query"], 'sum(laneway_queue_depth{lane=~"critical|high"})');
  });

  it("escape a lane's name in a query", async () => {
    const policy = await parsePolicy('lanes: [{ name: "v1.2" }]');
    const [keda] = kubernetesManifests(policy, { parts: ["keda"], scale: SCALE });
    assert.ok(keda?.kind === "ScaledObject");
    assert.equal(
      keda.spec.triggers[0]?.metadata["query"],
      String.raw`sum(laneway_queue_depth{lane=~"v1\\.2"})`,
    );
  });

  it("are refused without what they scale, by two autoscalers, or by a Prometheus that is none", () => {
    assert.match(
      refusal({ parts: ["hpa"] }),
      /^scale: target: expected what hpa scales, such as deployment\/gateway/,
    );
    assert.match(refusal({ parts: ["hpa", "keda"], scale: SCALE }), /^parts: expected hpa or keda/);
    assert.match(
      refusal({ parts: ["keda"], scale: { target: "deployment/a" } }),
      /^scale: prometheus: expected/,
    );
    assert.match(
      refusal({ parts: ["hpa"], scale: { ...SCALE, minReplicas: 5, maxReplicas: 3 } }),
      /maxReplicas/,
    );
    assert.match(refusal({ parts: ["hpa"], scale: { ...SCALE, target: "service/a" } }), /found "service\/a"/);
    assert.match(
      refusal({ parts: ["pods" as ManifestPart] }),
      /^parts: expected of priorityclass, .*found "pods"$/,
    );
    assert.match(refusal({ namespace: "Shop" }), /^namespace: .*found "Shop"$/);
  });

  it("give containers that ask for nothing what the default lane asks for", async () => {
    const lanes = "lanes: [{ name: normal, kubernetes: { requests: { cpu: 2 }, limits: { memory: 64Mi } } }]";
    const [found] = await rendered("LimitRange", lanes, { parts: ["limitrange"] });
    assert.deepEqual((found!["spec"] as { limits: unknown }).limits, [
      { type: "Container", defaultRequest: { cpu: "2", memory: "64Mi" }, default: { memory: "64Mi" } },
    ]);
  });
});

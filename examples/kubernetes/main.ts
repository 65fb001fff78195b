/**
 * The lanes of a policy in a cluster, and a manifest in its lane, as plain objects.
 *
 *     node examples/kubernetes/main.ts
 */

import { fileURLToPath } from "node:url";
import { loadPolicy } from "laneway";
import { kubernetesManifests, manifestInLane } from "laneway/kubernetes";

const policy = await loadPolicy(fileURLToPath(new URL("laneway.yaml", import.meta.url)));

for (const { kind, metadata } of kubernetesManifests(policy, { namespace: "shop" }))
  console.log(`${kind} ${metadata.name}`);

const nightly = {
  apiVersion: "batch/v1",
  kind: "CronJob",
  metadata: { name: "nightly" },
  spec: {
    schedule: "0 1 * * *",
    jobTemplate: {
      spec: {
        template: {
          spec: {
            restartPolicy: "Never",
            containers: [{ name: "export", image: "registry.example/export:7" }],
          },
        },
      },
    },
  },
};
const { manifest } = manifestInLane(nightly, { lane: "bulk", policy });
// Whatever applies it takes JSON: kubectl apply -f -
console.log(JSON.stringify(manifest.spec.jobTemplate.spec.template, undefined, 2));

/** `laneway kubernetes`: the lanes of a policy as manifests, to be applied to a cluster. */

import { isLanewayError } from "../core/errors.ts";
import { kubernetesManifests, MANIFEST_PARTS, USUAL_PARTS } from "../adapters/kubernetes/render.ts";
import type { ManifestOptions, ManifestPart } from "../adapters/kubernetes/render.ts";
import type { KubernetesObject } from "../adapters/kubernetes/objects.ts";
import { KUBE_VERSION } from "../adapters/kubernetes/version.ts";
import type { Policy } from "../policy/policy.ts";
import { BaseError, writeBase } from "./kubernetes/base.ts";
import { classesFor, optionWords } from "./kubernetes/names.ts";
import type { ClassOptions } from "./kubernetes/names.ts";
import { yamlDocuments } from "./yaml/text.ts";
import type { Plain } from "./yaml/text.ts";
import { data, talk } from "./output.ts";
import { policyFor } from "./run/policy.ts";

/** What the command line may say. */
export interface KubernetesCommandOptions extends ClassOptions {
  readonly policy?: string;
  readonly namespace?: string;
  readonly kubeVersion?: string;
  readonly only?: readonly ManifestPart[];
  readonly with?: readonly ManifestPart[];
  readonly capacity?: { readonly cpu?: string; readonly memory?: string; readonly pods?: string };
  readonly deny?: readonly string[];
  readonly globalDefault?: boolean;
  readonly scaleTarget?: string;
  readonly replicas?: { readonly min: number; readonly max: number };
  readonly waiting?: number;
  readonly prometheus?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** Returns the exit code: 0 printed, 1 when a file cannot be read or written, 2 usage, 4 when the policy is invalid. */
export async function kubernetesCommand(options: KubernetesCommandOptions = {}): Promise<number> {
  const policy = await policyFor("kubernetes", options.policy);
  if (typeof policy === "number") return policy;
  if (policy.file === undefined) talk("no laneway.yaml here and no --policy: these are the defaults");
  const parts = options.only ?? [...USUAL_PARTS, ...(options.with ?? [])];
  let objects: KubernetesObject[];
  try {
    objects = kubernetesManifests(policy, manifestOptions(options, parts));
  } catch (error) {
    if (!isLanewayError(error)) throw error;
    return refused(error.message, policy);
  }
  const heading = headingOf(policy, options, objects);
  if (options.out !== undefined) {
    const code = await written(options.out, objects, heading);
    if (code !== 0) return code;
  } else if (options.json === true)
    data(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }, undefined, 2));
  else process.stdout.write(heading + yamlDocuments(objects as unknown as Plain[]));
  remarks(policy, parts, objects, options);
  return 0;
}

function manifestOptions(options: KubernetesCommandOptions, parts: readonly ManifestPart[]): ManifestOptions {
  const {
    namespace,
    kubeVersion,
    capacity,
    deny,
    globalDefault,
    scaleTarget,
    replicas,
    waiting,
    prometheus,
  } = options;
  const { pods, ...amounts } = capacity ?? {};
  return {
    parts,
    classes: classesFor(options),
    ...(namespace === undefined ? {} : { namespace }),
    ...(kubeVersion === undefined ? {} : { kubeVersion }),
    ...(capacity === undefined
      ? {}
      : { capacity: pods === undefined ? amounts : { ...amounts, pods: Number(pods) } }),
    ...(deny === undefined ? {} : { deny }),
    ...(globalDefault === undefined ? {} : { globalDefault }),
    ...(scaleTarget === undefined
      ? {}
      : {
          scale: {
            target: scaleTarget,
            ...(replicas === undefined ? {} : { minReplicas: replicas.min, maxReplicas: replicas.max }),
            ...(waiting === undefined ? {} : { waiting }),
            ...(prometheus === undefined ? {} : { prometheus }),
          },
        }),
  };
}

/** A name that the policy gives is the policy's to change. */
function refused(message: string, policy: Policy): number {
  const ofPolicy = message.startsWith('lane "');
  talk(
    `laneway kubernetes: ${ofPolicy ? `${policy.file ?? "the default policy"}: ${message}` : optionWords(message)}`,
  );
  return ofPolicy ? 4 : 2;
}

/** What a file says of itself, above everything else. */
function headingOf(
  policy: Policy,
  { kubeVersion = KUBE_VERSION }: KubernetesCommandOptions,
  objects: readonly KubernetesObject[],
): string {
  const file = (policy.file ?? "the default policy").replaceAll(/[\p{Cc}\u2028\u2029]/gu, "?");
  const lines = [`Made by laneway kubernetes of ${file}, for Kubernetes ${kubeVersion}.`];
  const versioned = objects.some(
    ({ kind, metadata }) => kind === "PriorityClass" && /-v-?\d+|-never$|-preempts$/.test(metadata.name),
  );
  if (versioned)
    lines.push(
      "A class cannot be changed, so one that differs from its lane's defaults says so in its name. After a change: apply this,",
      "patch the workloads, and delete the class before once no pod template names it.",
    );
  return lines.map((line) => `# ${line}\n`).join("");
}

async function written(
  folder: string,
  objects: readonly KubernetesObject[],
  heading: string,
): Promise<number> {
  try {
    const files = await writeBase(folder, objects, heading);
    talk(`wrote ${files.join(", ")}; apply it with kubectl apply -k ${folder}`);
    return 0;
  } catch (error) {
    if (!(error instanceof BaseError) && !(error instanceof Error && "code" in error)) throw error;
    talk(`laneway kubernetes: ${error.message}`);
    return 1;
  }
}

function remarks(
  policy: Policy,
  parts: readonly ManifestPart[],
  objects: readonly KubernetesObject[],
  { only }: KubernetesCommandOptions,
): void {
  const has = (kind: string): boolean => objects.some((object) => object.kind === kind);
  if (parts.includes("quota") && !has("ResourceQuota"))
    talk(
      "no ResourceQuota: no lane has a total; give one in the policy, or what the namespace has with --capacity",
    );
  if (only !== undefined && objects.length === 0)
    talk(`nothing to print of ${only.join(", ")} (of ${MANIFEST_PARTS.join(", ")})`);
  if (!policy.enforce)
    talk(
      `${policy.file ?? "the policy"} has enforce: false; a cluster that is given this holds back all the same`,
    );
}

/** A folder that `kubectl apply -k` takes: a file for each kind, and the list of them. */

import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubernetesObject } from "../../adapters/kubernetes/objects.ts";
import { yamlDocuments } from "../yaml/text.ts";
import type { Plain } from "../yaml/text.ts";

/** Why a folder cannot be written to. */
export class BaseError extends Error {
  override readonly name = "BaseError";
}

/** How a file says that it was made here, and may be made anew. */
const MADE_HERE = "# Made by laneway kubernetes";

const LIST = "kustomization.yaml";

/**
 * Writes the objects, all files or none. Files of an earlier call that are not needed any more go.
 *
 * @throws BaseError when a file stands in the way that was not made here.
 */
export async function writeBase(
  folder: string,
  objects: readonly KubernetesObject[],
  heading: string,
): Promise<string[]> {
  const files = filesOf(objects, heading);
  await mkdir(folder, { recursive: true });
  const there = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name));
  const old: string[] = [];
  for (const name of there) {
    const isOurs = (await readFile(join(folder, name), "utf8")).startsWith(MADE_HERE);
    if (!isOurs && files.has(name))
      throw new BaseError(
        `${join(folder, name)} was not made by this command; move it, or choose another folder`,
      );
    if (isOurs && !files.has(name)) old.push(name);
  }
  const drafts = [...files].map(([name, text]) => ({
    name,
    text,
    draft: join(folder, `.${name}.${process.pid}`),
  }));
  try {
    for (const { draft, text } of drafts) await writeFile(draft, text);
    for (const { draft, name } of drafts) await rename(draft, join(folder, name));
  } finally {
    for (const { draft } of drafts) await rm(draft, { force: true });
  }
  for (const name of old) await rm(join(folder, name));
  return [...files.keys()].map((name) => join(folder, name));
}

function filesOf(objects: readonly KubernetesObject[], heading: string): Map<string, string> {
  const byKind = Map.groupBy(objects, ({ kind }) => `${kind.toLowerCase()}.yaml`);
  const list: Plain = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [...byKind.keys()],
  };
  const files = new Map([[LIST, heading + yamlDocuments([list])]]);
  for (const [name, each] of byKind) files.set(name, heading + yamlDocuments(each as unknown as Plain[]));
  return files;
}

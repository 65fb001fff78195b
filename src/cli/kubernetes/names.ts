/** How the command line and the library call the same thing. */

import type { ClassNames } from "../../adapters/kubernetes/lanes.ts";

/** How classes are called, as the command line says it. */
export interface ClassOptions {
  readonly classPrefix?: string;
  readonly classSuffix?: string;
}

/** The same for the library. */
export function classesFor({ classPrefix, classSuffix }: ClassOptions): ClassNames {
  return { prefix: classPrefix, suffix: classSuffix };
}

const OPTIONS: readonly (readonly [place: string, option: string])[] = [
  ["kubeVersion:", "--kube-version:"],
  ["namespace:", "--namespace:"],
  ["parts:", "--only, --with:"],
  ["the prefix:", "--class-prefix:"],
  ["capacity:", "--capacity:"],
  ["deny:", "--deny:"],
  ["lane:", "--lane:"],
  ["scale: target:", "--scale-target:"],
  ["scale: prometheus:", "--prometheus:"],
  ["scale: minReplicas:", "--replicas:"],
  ["scale: maxReplicas:", "--replicas:"],
  ["scale: waiting:", "--waiting:"],
];

/** A complaint about an option of the library, in the words of the command line. */
export function optionWords(message: string): string {
  const found = OPTIONS.find(([place]) => message.startsWith(place));
  return found === undefined ? message : found[1] + message.slice(found[0].length);
}

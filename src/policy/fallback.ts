/** Fallbacks lead somewhere else, and in the end somewhere: never back to where a call has been. */

import { invalid } from "../core/errors.ts";
import type { Fallback, Policy, PolicyResource } from "./policy.ts";

/**
 * The resources from `start` back to `start`, when following fallbacks leads there; undefined when it does not.
 *
 * @example
 * ringFrom("a", (name) => ({ a: "b", b: "a" })[name]); // => ["a", "b", "a"]
 */
export function ringFrom(
  start: string,
  next: (resource: string) => string | undefined,
): readonly string[] | undefined {
  const seen = new Set<string>();
  for (let at: string | undefined = start; at !== undefined && !seen.has(at);) {
    seen.add(at);
    at = next(at);
    if (at === start) return [...seen, start];
  }
  return undefined;
}

/** The fallback of one lane at a resource: its own, else that of the resource. */
export function fallbackOf(resource: PolicyResource, lane: string | undefined): Fallback | undefined {
  return (lane === undefined ? undefined : resource.laneFallbacks[lane]) ?? resource.fallback;
}

/**
 * Checks the fallbacks of a policy made in code; those of a file are checked where they stand.
 *
 * @throws LanewayError `LANEWAY_INVALID`, naming the resource.
 */
export function checkFallbacks(policy: Policy): void {
  const { resources, lanes } = policy;
  const of = (name: string): PolicyResource | undefined =>
    Object.hasOwn(resources, name) ? resources[name] : undefined;
  for (const resource of Object.values(resources)) {
    const at = `resource "${resource.name}": fallback`;
    for (const lane of [undefined, ...lanes.map(({ name }) => name)]) {
      const target = fallbackOf(resource, lane)?.resource;
      if (target === undefined) continue;
      const provider = of(target)?.provider;
      if (target === resource.name || provider === undefined || provider !== resource.provider)
        throw invalid(at, "another resource with the same provider", target);
      const ring = ringFrom(resource.name, (name) => {
        const next = of(name);
        return next === undefined ? undefined : fallbackOf(next, lane)?.resource;
      });
      if (ring !== undefined) throw invalid(at, "fallbacks that end somewhere", ring.join(" → "));
    }
  }
}

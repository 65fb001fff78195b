/**
 * Which origins a resource's calls may tell their lane: those of the policy that the resource belongs to. Kept beside the
 * resources, so that the core knows no policy and adapters need none handed to them.
 */

const known = new WeakMap<object, () => readonly string[]>();

/** Remembers where a resource's policy says it; it is asked anew for every call, for a policy may be reloaded. */
export function setForwardTo(resource: object, forwardTo: () => readonly string[]): void {
  known.set(resource, forwardTo);
}

/** The origins of the policy in force; none for a resource without a policy. */
export function forwardToOf(resource: object): readonly string[] {
  return known.get(resource)?.() ?? [];
}

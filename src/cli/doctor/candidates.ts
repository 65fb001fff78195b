/** Which resource of a policy stands for a database. */

import type { Policy, PolicyResource } from "../../policy/policy.ts";

/** What may be the database: what has an upstream is spoken to over HTTP. */
export function databasesOf({ resources }: Pick<Policy, "resources">, name?: string): PolicyResource[] {
  const all = Object.values(resources);
  return name === undefined
    ? all.filter(({ upstream }) => upstream === undefined)
    : all.filter((each) => each.name === name);
}

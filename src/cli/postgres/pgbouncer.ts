/** The plan as a file for pgbouncer: one alias for each lane, so that each has a queue of its own. */

import { PlanError } from "./plan.ts";
import type { ServerPlan } from "./plan.ts";
import { oneLine, pgbouncerText } from "./quote.ts";

/** The database behind the aliases. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly name: string;
}

/**
 * The `[databases]` of the lanes, to be included at the end of `pgbouncer.ini`.
 *
 * @throws PlanError for a name that cannot stand there: pgbouncer has no quotes for it.
 */
export function pgbouncerIni(plan: ServerPlan, { host, port, name }: DatabaseAddress): string {
  const { roles, connections } = plan;
  const odd = roles.find(({ role }) => !/^[\w.-]+$/.test(role));
  if (odd !== undefined)
    throw new PlanError(
      `--pgbouncer: expected names of letters, digits, "_", "." and "-", found ${JSON.stringify(odd.role)}`,
    );
  const at = `host=${pgbouncerText(host)} port=${port} dbname=${pgbouncerText(name)}`;
  const notes = [
    `Aliases for the lanes of ${plan.file ?? "the default policy"}, resource ${plan.resource}. At the end of pgbouncer.ini: %include lanes.ini`,
    "",
    `The pools add up to ${connections} connections at most. What a lane has no connection for waits in a queue of that lane alone.`,
    "Log in to each alias as the role of the same name, which laneway postgres makes; auth_file needs its password.",
    "pool_mode is yours: transaction serves more clients, session keeps what a session sets.",
  ];
  return [
    ...notes.map((line) => `; ${oneLine(line)}`.trimEnd()),
    "[databases]",
    // The pool of a lane is counted for each user; the second limit holds whoever logs in to it.
    ...roles.map(
      ({ role, poolSize }) => `${role} = ${at} pool_size=${poolSize} max_db_connections=${poolSize}`,
    ),
    "",
    // A second section [pgbouncer] would set every setting of the first one back to its default.
    "; For your section [pgbouncer]: some clients send settings when they connect, and are refused unless those are named.",
    "; The settings of a lane are those of its role.",
    ";   ignore_startup_parameters = extra_float_digits,options",
    "",
    "; With auth_type = hba, these lines in auth_hba_file keep each role to its own alias; name your addresses:",
    // Not "all", which older versions of pgbouncer do not take for an address.
    ...roles.map(({ role }) => `;   host ${role} ${role} 0.0.0.0/0 scram-sha-256`),
    "",
  ].join("\n");
}

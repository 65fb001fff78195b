/** The plan as SQL: in one transaction, to be applied as often as the policy changes; and what takes it back. */

import { showDuration } from "../../policy/units.ts";
import { RESERVES_SINCE } from "./plan.ts";
import type { LaneRole, ServerPlan } from "./plan.ts";
import { oneLine, sqlBlock, sqlName, sqlText } from "./quote.ts";

const RESERVE_ROLE = "pg_use_reserved_connections";

/** How a role says that this SQL made it: only such a role is dropped again. */
const MADE_HERE = "laneway postgres: lane ";

/** The SQL that makes the roles, or brings them up to date. */
export function applySql(plan: ServerPlan): string {
  const { roles, reservedConnections } = plan;
  const parts = [
    comment([
      `Roles for the lanes of ${plan.file ?? "the default policy"}, resource ${plan.resource}: ${plan.connections} connections in all.`,
      "Apply it as a superuser, again whenever the policy has changed: ... | psql -v ON_ERROR_STOP=1",
      "The same command with --undo prints what takes it back.",
      "",
      "The roles have no password, so that nobody logs in with one before you set it: \\password in psql.",
      ...rightsNote(plan),
      ...limitsNote(plan),
      ...plan.exempt.map((lane) => `Lane ${lane} is exempt: it takes no seat, and has no role.`),
    ]),
    "BEGIN;",
    checks(plan),
    ...roles.map((role) => roleSql(role, plan)),
    warnings(plan),
    "COMMIT;",
    ...(reservedConnections === 0 ? [] : [reserveNote(plan)]),
    comment([
      "Who holds what:",
      "SELECT usename, application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 1;",
    ]),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** The SQL that takes it back: roles that were made by it go, others get back what they had before. */
export function undoSql(plan: ServerPlan): string {
  const parts = [
    comment([
      `Takes back the roles for the lanes of ${plan.file ?? "the default policy"}: ... | psql -v ON_ERROR_STOP=1`,
      "A role that owns something or was granted something is not dropped, and nothing is changed: PostgreSQL names it.",
    ]),
    "BEGIN;",
    ...plan.roles.map(undoRole),
    "COMMIT;",
    ...(plan.reservedConnections === 0
      ? []
      : [
          comment([
            "If you had set it, and nobody else needs it; the server reads it at its start:",
            "ALTER SYSTEM RESET reserved_connections;",
          ]),
        ]),
  ];
  return `${parts.join("\n\n")}\n`;
}

function rightsNote({ memberOf, roles }: ServerPlan): string[] {
  if (memberOf !== undefined) return [];
  return [
    `They may not read or write a table yet: --member-of OWNER gives them the rights of a role, or GRANT them to ${roles[0]!.role} and the others.`,
  ];
}

function limitsNote({ split, serverVersion, connections }: ServerPlan): string[] {
  if (serverVersion < RESERVES_SINCE && split)
    return [
      `PostgreSQL ${serverVersion} cannot keep connections for a role (${RESERVES_SINCE} can), so the limits add up to ${connections}: no lane lends any.`,
    ];
  if (split) return [`The limits add up to ${connections}: no lane lends any.`];
  return [
    "A limit is the most that a lane may hold while the others leave it. What a lane reserves but lends is given back",
    "inside a process, by Laneway, not here: --split makes limits that add up.",
  ];
}

function checks({ roles, reservedConnections }: ServerPlan): string {
  const names = roles.map(({ role }) => sqlText(role)).join(", ");
  const version = `  IF current_setting('server_version_num')::int < ${RESERVES_SINCE * 10_000} THEN
    RAISE EXCEPTION 'expected PostgreSQL ${RESERVES_SINCE} or newer, found %', current_setting('server_version')
      USING HINT = 'laneway postgres --server-version 15 leaves out what it lacks';
  END IF;
`;
  return sqlBlock(`DECLARE
  super text;
BEGIN
${reservedConnections === 0 ? "" : version}  SELECT rolname INTO super FROM pg_roles WHERE rolsuper AND rolname IN (${names}) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'expected roles that are no superusers, found %', quote_ident(super)
      USING HINT = 'no connection limit holds a superuser: choose other names with --prefix';
  END IF;
END`);
}

function roleSql(role: LaneRole, { memberOf }: ServerPlan): string {
  const { lane, connectionLimit, reserved, statementTimeoutMs, parallel, applicationName } = role;
  const name = sqlName(role.role);
  const most = connectionLimit === 1 ? "1 connection" : `${connectionLimit} connections`;
  const kept = reserved === 0 ? "" : `, ${reserved} of them kept for it`;
  const lines = [
    comment([`${lane}: at most ${most}${kept}; ${showDuration(statementTimeoutMs)} for a statement`]),
    sqlBlock(`BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${sqlText(role.role)}) THEN
    CREATE ROLE ${name} LOGIN;
    COMMENT ON ROLE ${name} IS ${sqlText(MADE_HERE + lane)};
  END IF;${reserved === 0 ? `\n${revokeReserve(role.role)}` : ""}
END`),
    `ALTER ROLE ${name} CONNECTION LIMIT ${connectionLimit};`,
    `ALTER ROLE ${name} SET statement_timeout = '${Math.ceil(statementTimeoutMs)}ms';`,
    `ALTER ROLE ${name} SET application_name = ${sqlText(applicationName)};`,
    parallel
      ? `ALTER ROLE ${name} RESET max_parallel_workers_per_gather;`
      : `ALTER ROLE ${name} SET max_parallel_workers_per_gather = 0;`,
  ];
  if (reserved > 0) lines.push(`GRANT ${RESERVE_ROLE} TO ${name};`);
  if (memberOf !== undefined) lines.push(`GRANT ${sqlName(memberOf)} TO ${name};`);
  return lines.join("\n");
}

/** Asked of the catalogue first: to revoke what was not granted is a warning, and PostgreSQL 15 does not know the role. */
function revokeReserve(role: string): string {
  return `  IF EXISTS (
    SELECT FROM pg_auth_members
    JOIN pg_roles granted ON granted.oid = roleid
    JOIN pg_roles holder ON holder.oid = member
    WHERE granted.rolname = '${RESERVE_ROLE}' AND holder.rolname = ${sqlText(role)}
  ) THEN
    REVOKE ${RESERVE_ROLE} FROM ${sqlName(role)};
  END IF;`;
}

function undoRole({ role }: LaneRole): string {
  const name = sqlName(role);
  return sqlBlock(`DECLARE
  made_here boolean;
BEGIN
  SELECT coalesce(starts_with(shobj_description(oid, 'pg_authid'), ${sqlText(MADE_HERE)}), false) INTO made_here
    FROM pg_roles WHERE rolname = ${sqlText(role)};
  IF made_here THEN
    DROP ROLE ${name};
  ELSIF FOUND THEN
    ALTER ROLE ${name} CONNECTION LIMIT -1;
    ALTER ROLE ${name} RESET statement_timeout;
    ALTER ROLE ${name} RESET application_name;
    ALTER ROLE ${name} RESET max_parallel_workers_per_gather;
${revokeReserve(role).replaceAll(/^/gm, "  ")}
  END IF;
END`);
}

/** What the server itself must have for the limits to be true; it is told, not changed. */
function warnings({ connections, reservedConnections }: ServerPlan): string {
  const reserve = `
  IF current_setting('reserved_connections')::int < ${reservedConnections} THEN
    RAISE WARNING 'reserved_connections is %, the lanes expect ${reservedConnections}', current_setting('reserved_connections')
      USING HINT = 'ALTER SYSTEM SET reserved_connections = ${reservedConnections}, and restart the server';
  END IF;`;
  return sqlBlock(`DECLARE
  most int := current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int;
BEGIN
  IF most < ${connections} THEN
    RAISE WARNING 'the server has % connections beside those of superusers, the lanes expect ${connections}', most
      USING HINT = 'raise max_connections, or print this for fewer with --max-connections';
  END IF;${reservedConnections === 0 ? "" : reserve}
END`);
}

function reserveNote({ roles, reservedConnections }: ServerPlan): string {
  const kept = roles.filter(({ reserved }) => reserved > 0).map(({ lane }) => lane);
  return comment([
    `Kept for ${kept.join(", ")} while idle: ${reservedConnections} connections. It is a setting of the whole server, read at its start; a`,
    "server whose max_connections is not above this and superuser_reserved_connections together does not start at all.",
    "So it is yours to run, outside of a transaction, and then restart the server:",
    `ALTER SYSTEM SET reserved_connections = ${reservedConnections};`,
  ]);
}

function comment(lines: readonly string[]): string {
  return lines.map((line) => `-- ${oneLine(line)}`.trimEnd()).join("\n");
}

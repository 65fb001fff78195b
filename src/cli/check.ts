/** `laneway check [FILE]`: everything that is wrong with a policy, or what it comes to. */

import { checkResource } from "../policy/options.ts";
import { shares } from "../core/seats.ts";
import { loadPolicy, seatsAtStart, withOwnRequests } from "../policy/policy.ts";
import type { Fallback, Policy, PolicyBudgets, PolicyLane, PolicyResource } from "../policy/policy.ts";
import { formatProblem, PolicyError } from "../policy/problems.ts";
import type { PolicyProblem } from "../policy/problems.ts";
import { showDuration } from "../policy/units.ts";
import { budgetRows } from "./calls.ts";
import { data, paint, table, talk, unreadable } from "./output.ts";

/** What the command line may say. */
export interface CheckOptions {
  readonly json?: boolean;
  /** `github`: annotations for a workflow. */
  readonly format?: "text" | "github";
}

/** Returns the exit code: 0 valid, 4 invalid, 1 when the file cannot be read. */
export async function checkCommand(file: string | undefined, options: CheckOptions = {}): Promise<number> {
  const path = file ?? "laneway.yaml";
  let policy: Policy;
  try {
    policy = await loadPolicy(path);
  } catch (error) {
    if (error instanceof PolicyError) return showProblems(error, options);
    talk(`laneway check: ${unreadable(path, error)}`);
    if (file === undefined) talk("  name the policy to check: laneway check FILE");
    return 1;
  }
  if (options.json === true)
    data(JSON.stringify({ file: path, valid: true, problems: [], ...seatsOf(policy) }, undefined, 2));
  else if (options.format !== "github") showPolicy(policy, path);
  return 0;
}

function showProblems({ file, problems }: PolicyError, { json, format }: CheckOptions): number {
  if (json === true) {
    data(JSON.stringify({ file, valid: false, problems }, undefined, 2));
    return 4;
  }
  for (const problem of problems)
    data(format === "github" ? annotation(file, problem) : painted(file, problem));
  if (format !== "github") data("");
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  talk(paint(process.stderr, "red", `${file}: ${count}`));
  return 4;
}

function painted(file: string, problem: PolicyProblem): string {
  const place = `${file}:${problem.line}:${problem.column}`;
  return formatProblem(file, problem).replace(place, () => paint(process.stdout, "bold", place));
}

/** The form that a GitHub workflow turns into a remark on the line. */
function annotation(file: string, { line, column, message, hint }: PolicyProblem): string {
  const text = hint === undefined ? message : `${message} (${hint})`;
  return `::error file=${escaped(file).replaceAll(":", "%3A").replaceAll(",", "%2C")},line=${line},col=${column}::${escaped(text)}`;
}

function escaped(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function showPolicy(policy: Policy, path: string): void {
  const { lanes, classify } = policy;
  const { resources } = seatsOf(policy);
  const counts = [
    counted(lanes.length, "lane"),
    counted(classify.length, "rule"),
    counted(Object.keys(policy.resources).length, "resource"),
  ];
  data(`${paint(process.stdout, "green", `${path} is valid`)}: ${counts.join(", ")}`);
  data("");
  if (Object.keys(policy.resources).length === 0) {
    showLanes(lanes);
    for (const { name, limit } of resources) data(`\nNo resource is named, so ${ownText(name, limit)}.`);
  } else {
    data("Seats reserved for each lane; in brackets those of them that are never lent:");
    data("");
    const rows = resources.map(({ name, limit, lanes: due }) => [
      name,
      limitText(limit),
      ...due.map(({ reservation, floor }) =>
        floor === 0 ? String(reservation) : `${reservation} (${floor})`,
      ),
    ]);
    for (const line of table([["resource", "limit", ...lanes.map(({ name }) => name)], ...rows]))
      data(`  ${line}`);
  }
  showBudgets(policy);
  if (!policy.enforce)
    data("\nenforce is false: everything is decided and counted, and nothing is held back.");
  data("");
  talk(nextCommand(policy, path));
}

function limitText(limit: PolicyResource["limit"]): string {
  return typeof limit === "number" ? String(limit) : `${limit.min} to ${limit.max}`;
}

function ownText(name: string, limit: PolicyResource["limit"]): string {
  return `a program that serves requests gets one: ${name}, with a limit that is learned, ${limitText(limit)} seats`;
}

function showBudgets(policy: Policy): void {
  const rows = Object.values(policy.resources).flatMap(budgetRows);
  if (rows.length === 0) return;
  data("\nBudgets a minute, for each key and class of models:\n");
  const head = ["resource", "keys", "models", "requests", "input tokens", "output tokens"];
  for (const line of table([head, ...rows])) data(`  ${line}`);
}

function showLanes(lanes: readonly PolicyLane[]): void {
  data("Lanes, most important first:");
  data("");
  const rows = lanes.map(({ name, reservation, lendable, queue, timeoutMs, exempt }) => [
    name,
    exempt ? "exempt" : String(reservation),
    exempt || Number.parseFloat(String(reservation)) === 0 ? "-" : String(lendable),
    String(queue.max),
    showDuration(queue.timeoutMs),
    showDuration(timeoutMs),
  ]);
  for (const line of table([
    ["lane", "reserved", "lendable", "queue", "wait at most", "in all at most"],
    ...rows,
  ]))
    data(`  ${line}`);
}

function nextCommand(policy: Policy, path: string): string {
  const pattern = policy.classify.find((rule) => rule.path !== undefined);
  const sample = pattern?.path?.replace("**", "all").replaceAll("*", "1");
  const policyOption = path === "laneway.yaml" ? "" : ` --policy ${path}`;
  const routed = Object.values(policy.resources).some(({ upstream }) => upstream !== undefined);
  // Without an upstream there is nothing for the gateway to do: it is the policy of a program.
  if (sample === undefined && routed) return `Next: laneway gateway --policy ${path}`;
  return `Next: laneway explain ${pattern?.method ?? "GET"} ${sample ?? "/"}${policyOption}`;
}

/** What a program with this policy, and the gateway, have of each resource. */
function seatsOf(policy: Policy): {
  lanes: readonly string[];
  resources: readonly {
    name: string;
    limit: PolicyResource["limit"];
    lanes: readonly { name: string; reservation: number; floor: number; ceiling: number }[];
    keys: number | undefined;
    budgets: PolicyBudgets | undefined;
    fallback: Fallback | undefined;
  }[];
} {
  const resources = Object.values(withOwnRequests(policy).resources).map((resource) => {
    const lanes = checkResource(policy, resource);
    const due = shares(seatsAtStart(resource), lanes).map(({ reservation, floor, ceiling }, rank) => ({
      name: lanes[rank]!.name,
      reservation,
      floor,
      ceiling,
    }));
    const { name, limit, keys, budgets, fallback } = resource;
    return {
      name,
      limit,
      lanes: due,
      // JSON leaves out what is undefined.
      keys: keys.length === 0 ? undefined : keys.length,
      budgets,
      fallback,
    };
  });
  return { lanes: policy.lanes.map(({ name }) => name), resources };
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

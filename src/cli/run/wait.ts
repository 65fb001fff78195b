/** `--wait NAME`: a seat of a resource that all commands of the machine share. */

import { parseDuration } from "../../policy/units.ts";
import { talk } from "../output.ts";
import type { LanesOfPolicy } from "./policy.ts";
import { descriptorOf, takeSeat } from "./seats.ts";

const USAGE = 2;
/** As sysexits' EX_TEMPFAIL: try again later. */
const SHED = 75;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

/** A seat, as a descriptor for the command to hold; or the exit code when it cannot be had. */
export async function seatOf(
  resource: string,
  timeout: string | undefined,
  policy: LanesOfPolicy,
  lane: string,
): Promise<{ readonly descriptor: number } | number> {
  const timeoutMs = timeout === undefined ? undefined : parseDuration(timeout);
  const seats = seatsOf(resource, policy);
  if (timeout !== undefined && timeoutMs === undefined)
    return wrong(`--wait-timeout: expected a duration such as 30s, found ${JSON.stringify(timeout)}`);
  if (typeof seats === "string") return wrong(seats);
  if (process.platform !== "linux")
    return wrong(
      `--wait: expected Linux, found ${process.platform}, which has no lock that dies with a process`,
    );
  const rank = policy.lanes.findIndex(({ name }) => name === lane);
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const server = await takeSeat({ resource, seats, rank, signal }, (ahead) =>
    talk(`laneway run: waiting for a seat of ${resource}: ${seats} in all, ${ahead} waiting before this`),
  );
  if (server !== undefined) return { descriptor: descriptorOf(server) };
  talk(`laneway run: no seat of ${resource} came free within ${timeout}`);
  return SHED;
}

/** What the policy says; a name without a policy stands for one at a time. */
function seatsOf(resource: string, policy: LanesOfPolicy): number | string {
  if (!NAME.test(resource))
    return `--wait: expected the name of a resource, found ${JSON.stringify(resource)}`;
  if (policy.file === undefined) return 1;
  const found = Object.hasOwn(policy.resources, resource) ? policy.resources[resource] : undefined;
  if (found === undefined) {
    const names = Object.keys(policy.resources).join(", ") || "none";
    return `--wait: expected a resource of ${policy.file} (${names}), found "${resource}"`;
  }
  if (typeof found.limit === "number") return found.limit;
  return `--wait: expected a resource whose limit is a number, found "${resource}", whose limit is learned`;
}

function wrong(message: string): number {
  talk(`laneway run: ${message}`);
  return USAGE;
}

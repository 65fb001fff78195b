/** What `simulate` and `advise` read: policies, recordings, and what the reader should know of them. */

import type { Policy } from "../../policy/policy.ts";
import { policyDigest } from "../../verify/recording/digest.ts";
import { readRecordings, RecordingError } from "../../verify/recording/read.ts";
import type { Recording } from "../../verify/recording/read.ts";
import { leftOut, MismatchError, prepare } from "../../verify/replay/simulate.ts";
import type { Prepared } from "../../verify/replay/simulate.ts";
import { talk, unreadable } from "../output.ts";

/** Exit code of a command line that makes no sense. */
const USAGE = 2;

/** Recordings as one, or the exit code when they cannot be read, which has been said then. */
export async function recordingsFor(command: string, files: readonly string[]): Promise<Recording | number> {
  try {
    return await readRecordings(files);
  } catch (error) {
    const message =
      error instanceof RecordingError
        ? error.message
        : unreadable((error as { path?: string }).path ?? files.join(", "), error);
    talk(`laneway ${command}: ${message}`);
    return 1;
  }
}

/** The resources to replay, or an exit code. */
export function preparedFor(
  command: string,
  recording: Recording,
  policy: Policy,
  { seed, resource }: { readonly seed: number; readonly resource: string | undefined },
): Prepared[] | number {
  try {
    const all = prepare(recording, policy, seed);
    if (resource === undefined) return all;
    const chosen = all.filter((prepared) => prepared.resource === resource);
    if (chosen.length > 0) return chosen;
    const names = all.map((prepared) => prepared.resource).join(", ");
    talk(`laneway ${command}: --resource: expected one that was recorded, ${names}, found "${resource}"`);
    return USAGE;
  } catch (error) {
    return mismatch(command, error);
  }
}

/** Says why a recording and a policy do not go together. */
export function mismatch(command: string, error: unknown): number {
  if (!(error instanceof MismatchError)) throw error;
  talk(`laneway ${command}: ${error.message}`);
  return USAGE;
}

/** What is behind the numbers, in sentences. */
export function remarksOn(recording: Recording, policy: Policy, prepared: readonly Prepared[]): string[] {
  const { remarks, dropped, policies } = recording;
  const said = [...remarks];
  if (dropped > 0)
    said.push(`${dropped} arrivals are missing: the recorder lost them, and waits were longer than these`);
  if (!policies.includes(policyDigest(policy)))
    said.push(`it was recorded under another policy than ${policy.file ?? "this one"}`);
  for (const name of leftOut(recording, policy))
    said.push(`resource "${name}" was recorded and is not in ${policy.file ?? "the policy"}: it is left out`);
  for (const { resource, durations, order, seed } of prepared) {
    if (durations.drawn > 0)
      said.push(
        `${resource}: ${durations.drawn} of ${order.length} never ran when they were recorded; how long they would have is drawn from the runs of their lane (--seed ${seed})`,
      );
    if (typeof policy.resources[resource]?.limit !== "number")
      said.push(
        `${resource}: its limit is learned; here it is what it was when it was recorded, within the policy's bounds`,
      );
  }
  return said;
}

/** Recorded lanes by the names that the policy has for them. */
export function lanesAs(words: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    words.map((word) => {
      const at = word.indexOf("=");
      return [word.slice(0, at), word.slice(at + 1)] as const;
    }),
  );
}

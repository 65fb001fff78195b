/** `laneway kubernetes patch FILE --lane NAME`: a manifest file with its pods in a lane. */

import { readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { isLanewayError } from "../../core/errors.ts";
import type { Policy } from "../../policy/policy.ts";
import { talk, unreadable } from "../output.ts";
import { policyFor } from "../run/policy.ts";
import { unifiedDiff } from "../yaml/diff.ts";
import { classesFor, optionWords } from "./names.ts";
import type { ClassOptions } from "./names.ts";
import { PatchError, patchText } from "./patch.ts";
import type { PatchedText, Remark } from "./patch.ts";

/** What the command line may say. */
export interface PatchCommandOptions extends ClassOptions {
  readonly lane: string;
  readonly policy?: string;
  readonly force?: boolean;
  readonly diff?: boolean;
  readonly write?: boolean;
}

const STDIN = "-";

/** Returns the exit code: 0 done, 1 when the file is no manifest or cannot be read, 2 usage, 4 when the policy is invalid. */
export async function patchCommand(file: string, options: PatchCommandOptions): Promise<number> {
  if (file === STDIN && options.write === true) {
    talk("laneway kubernetes patch: --write needs a file; what comes by stdin is printed");
    return 2;
  }
  const policy = await policyFor("kubernetes patch", options.policy);
  if (typeof policy === "number") return policy;
  // The names of classes depend on it.
  if (policy.file === undefined) talk("no laneway.yaml here and no --policy: these are the defaults");
  const name = file === STDIN ? "stdin" : file;
  let before: string;
  try {
    before = file === STDIN ? await textOf(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    talk(`laneway kubernetes patch: ${unreadable(name, error)}`);
    return 1;
  }
  const patched = patchedOr(before, name, policy, options);
  if (typeof patched === "number") return patched;
  for (const remark of patched.remarks) talk(placed(name, remark));
  if (options.diff === true) process.stdout.write(unifiedDiff(before, patched.text, name));
  else if (options.write !== true) process.stdout.write(patched.text);
  else if (patched.text !== before) await replaceFile(file, patched.text);
  if (patched.text === before) talk(`${name}: nothing to change`);
  return 0;
}

function patchedOr(
  text: string,
  name: string,
  policy: Policy,
  options: PatchCommandOptions,
): PatchedText | number {
  const { lane, force = false } = options;
  try {
    return patchText(text, { lane, force, policy, classes: classesFor(options) });
  } catch (error) {
    if (error instanceof PatchError) {
      talk(placed(name, error.remark));
      return 1;
    }
    if (!isLanewayError(error)) throw error;
    const ofPolicy = error.message.startsWith('lane "');
    const place = ofPolicy ? `${policy.file ?? "the default policy"}: ` : "";
    talk(`laneway kubernetes patch: ${place}${ofPolicy ? error.message : optionWords(error.message)}`);
    return ofPolicy ? 4 : 2;
  }
}

function placed(file: string, { line, column, message }: Remark): string {
  return `${file}:${line}:${column}: ${message}`;
}

/** Written beside it and moved, so that nobody ever reads half of it; behind a link, the file that is meant. */
async function replaceFile(file: string, text: string): Promise<void> {
  const path = await realpath(file);
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}`);
  try {
    await writeFile(draft, text, { mode: (await stat(path)).mode });
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

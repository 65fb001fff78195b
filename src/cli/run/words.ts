/**
 * What the command line of `laneway run` may say, once: the tree of commands makes its help and its complaints of this
 * list, and a line without any mistake is read here, without the tree, whose parser takes 12 ms to load. A command that
 * stands in front of another one should not be felt.
 */

import { parseArgs } from "node:util";
import type { RunOptions } from "../run.ts";

/** One option of `laneway run`. */
export interface RunOption {
  readonly name: string;
  readonly short?: string;
  /** What stands for its value in the help; without it the option takes none. */
  readonly value?: string;
  readonly says: string;
}

/** All of them, in the order of the help. */
export const RUN_OPTIONS: readonly RunOption[] = [
  { name: "lane", value: "name", says: "the lane (default: LANEWAY_LANE, else the policy's default lane)" },
  {
    name: "policy",
    short: "p",
    value: "file",
    says: "the policy (default: laneway.yaml, else the defaults)",
  },
  { name: "explain", says: "say on stderr what was applied, what not, and why" },
  { name: "json", says: "say it as JSON" },
  { name: "strict", says: "do not start when anything could not be applied" },
  { name: "raise", says: "rise where the lane is above what this shell has" },
  {
    name: "wait",
    value: "resource",
    says: "first wait for a seat that all commands of this machine share",
  },
  {
    name: "wait-timeout",
    value: "duration",
    says: "wait no longer than this: exit 75 (default: for ever)",
  },
];

/** A command line that was understood. */
export interface RunWords {
  /** The command and its arguments. */
  readonly words: readonly string[];
  readonly options: RunOptions;
}

/** Reads what stands after `run`; undefined when there is anything to complain about, or help is asked for. */
export function runWords(args: readonly string[]): RunWords | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: Object.fromEntries(
        RUN_OPTIONS.map(({ name, short, value }) => [
          name,
          { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) },
        ]),
      ),
      allowPositionals: true,
    });
    if (positionals.length === 0) return undefined;
    const named = Object.entries(values).map(([name, value]) => [camelCase(name), value]);
    return { words: positionals, options: Object.fromEntries(named) as RunOptions };
  } catch {
    return undefined;
  }
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
}

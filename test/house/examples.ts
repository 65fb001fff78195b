/**
 * The examples of README.md and the pages: fenced blocks with what their info strings ask for. CONTRIBUTING.md lists
 * the marks; an unknown one is a fault, for a misspelt mark would silently change what is tested.
 */

import { listFiles, readText } from "./source.ts";

/** A fenced block, with the marks after its language. */
export interface Example {
  readonly page: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** Code that the page does not show, from a comment `<!-- example before: … -->` directly above the fence. */
  readonly before: string;
  /** `no-run` with its reason, `needs` with `upstream`, `exit` with a code, …; a mark without a value has "". */
  readonly marks: ReadonlyMap<string, string>;
}

const MARKS: Readonly<Record<string, readonly string[]>> = {
  ts: ["no-run", "needs", "continues", "serves"],
  sh: ["run", "exit"],
  yaml: ["policy", "file"],
};

const VISITS = /^\/[^:,]*:[\w-]+(,\/[^:,]*:[\w-]+)*$/;

// Other spellings of the three languages would escape the rules.
const SPELLINGS: Readonly<Record<string, string>> = {
  typescript: "ts",
  js: "ts",
  javascript: "ts",
  mjs: "ts",
  bash: "sh",
  shell: "sh",
  zsh: "sh",
  yml: "yaml",
};

/** The pages whose examples are tested. */
export function examplePages(root: string): string[] {
  return listFiles(root, "", /^(README|ARCHITECTURE|CONTRIBUTING)\.md$|^(docs|examples)\/.*\.md$/);
}

/** The blocks of one page, in order. */
export function examplesOf(root: string, page: string): Example[] {
  const lines = (readText(root, page) ?? "").split("\n");
  const found: Example[] = [];
  for (let index = 0; index < lines.length; index++) {
    const opening = /^(\s*)(```+|~~~+)(\S*) ?(.*)$/.exec(lines[index] ?? "");
    if (opening === null) continue;
    const [, indent = "", fence = "", language = "", info = ""] = opening;
    const start = index + 1;
    while (++index < lines.length && !(lines[index] ?? "").trimStart().startsWith(fence));
    const code = lines
      .slice(start, index)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const before = hiddenBefore(lines.slice(0, start - 1).join("\n"));
    found.push({ page, line: start, language, code: `${code.join("\n")}\n`, before, marks: readMarks(info) });
  }
  return found;
}

/** The files under `examples`; a program may begin with the marks of a block: `// example: needs=upstream`. */
export function exampleFiles(root: string): Example[] {
  return listFiles(root, "examples", /\.(ts|ya?ml)$/).map((page) => {
    const code = readText(root, page) ?? "";
    const marks = readMarks(/^\/\/ example: (.*)/.exec(code)?.[1] ?? "");
    return { page, line: 1, language: page.endsWith(".ts") ? "ts" : "yaml", code, before: "", marks };
  });
}

function hiddenBefore(above: string): string {
  const comment = above.trimEnd().endsWith("-->") ? above.slice(above.lastIndexOf("<!--")) : "";
  return /^<!-- example before:([^]*)-->\s*$/.exec(comment)?.[1]?.trim() ?? "";
}

function readMarks(info: string): Map<string, string> {
  const marks = new Map<string, string>();
  const words = info.trim().split(/\s+/).filter(Boolean);
  for (const [index, word] of words.entries()) {
    if (word === "no-run") return marks.set(word, words.slice(index + 1).join(" "));
    const [name = "", value = ""] = word.split("=", 2);
    marks.set(name, value);
  }
  return marks;
}

/** Marks that mean nothing, and languages spelt so that no test would look at the block. */
export function misspeltExamples(root: string): string[] {
  const examples = [...examplePages(root).flatMap((page) => examplesOf(root, page)), ...exampleFiles(root)];
  return examples.flatMap(({ page, language, line, marks }) => {
    const where = `${page}:${line}`;
    const spelling = SPELLINGS[language];
    if (spelling !== undefined)
      return [`${where}: write "${spelling}" for "${language}", so that the block is tested`];
    const known = MARKS[language] ?? [];
    const unknown = [...marks.keys()].filter((mark) => !known.includes(mark));
    const faults = unknown.map(
      (mark) =>
        `${where}: "${mark}" is no mark of a ${language || "plain"} block; it has ${known.join(", ") || "none"}`,
    );
    if (marks.get("no-run") === "") faults.push(`${where}: no-run needs its reason after it`);
    if (marks.has("needs") && marks.get("needs") !== "upstream")
      faults.push(`${where}: needs=upstream is the only need there is`);
    if (!VISITS.test(marks.get("serves") ?? "/:a"))
      faults.push(`${where}: serves takes paths with their lanes, as in serves=/pay:critical,/export:bulk`);
    return faults;
  });
}

/** Whether a YAML block is a policy: marked so, or a whole file of version 1. */
export function isPolicy(example: Example): boolean {
  if (example.language !== "yaml") return false;
  return example.marks.has("policy") || /^version: 1\b/m.test(example.code);
}

/** The commands of a shell block, one for each part of a pipe or list; prompts, comments and line breaks are undone. */
export function commandsOf(example: Example): string[][] {
  const script = example.code.replaceAll(/\\\n/g, " ").replaceAll(/(^|\s)#.*$/gm, "$1");
  return script
    .split(/\n|&&|\|\||[|;]| & /)
    .map((command) => command.trim().replace(/^\$ /, "").split(/\s+/).filter(Boolean))
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter((words) => words.length > 0);
}

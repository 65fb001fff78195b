/** The text of a manifest file with its pods in a lane: every document that makes pods is changed, all else stays. */

import { isDeepStrictEqual } from "node:util";
import { LineCounter, parseAllDocuments } from "yaml";
import type { Document, Node } from "yaml";
import { manifestInLane, POD_KINDS } from "../../adapters/kubernetes/in-lane.ts";
import type { InLaneOptions } from "../../adapters/kubernetes/in-lane.ts";
import { ManifestError } from "../../adapters/kubernetes/manifest.ts";
import type { ManifestPath } from "../../adapters/kubernetes/manifest.ts";
import { EditError, spliced, splicesFor } from "../yaml/edit.ts";
import type { Splice } from "../yaml/edit.ts";
import type { Plain } from "../yaml/text.ts";

/** Something about one place of the file. Lines and columns count from 1. */
export interface Remark {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The file after it. */
export interface PatchedText {
  readonly text: string;
  readonly remarks: readonly Remark[];
  /** How many pod templates are in the lane now. */
  readonly templates: number;
}

/** Why a file cannot be put in a lane: nothing of it is to be used. */
export class PatchError extends Error {
  override readonly name = "PatchError";
  readonly remark: Remark;

  constructor(remark: Remark) {
    super(remark.message);
    this.remark = remark;
  }
}

/**
 * Puts the pods of all documents in a lane.
 *
 * @throws PatchError for a text that is no manifest, or has no pods.
 * @throws LanewayError `LANEWAY_INVALID` for a lane that there is not.
 */
export function patchText(text: string, options: InLaneOptions): PatchedText {
  const lines = new LineCounter();
  const documents = read(text, lines);
  const splices: Splice[] = [];
  const remarks: Remark[] = [];
  const expected: unknown[] = [];
  let templates = 0;
  for (const document of documents) {
    const { contents } = document;
    const before = valueOf(document, lines);
    expected.push(before);
    if (contents === null || before === null) continue;
    const remark = (path: ManifestPath, message: string): Remark =>
      at(lines, placeOf(document, path), message);
    try {
      const laned = manifestInLane(before, options);
      splices.push(...splicesFor(text, contents, before as Plain, laned.manifest as Plain));
      remarks.push(...laned.notes.map(({ path, message }) => remark(path, message)));
      templates += laned.templates.length;
      expected[expected.length - 1] = laned.manifest;
    } catch (error) {
      if (error instanceof ManifestError) throw new PatchError(remark(error.path, error.message));
      if (error instanceof EditError) throw new PatchError(at(lines, error.offset, error.message));
      throw error;
    }
  }
  if (templates === 0)
    throw new PatchError({
      line: 1,
      column: 1,
      message: `expected something that makes pods (${POD_KINDS.join(", ")}), found ${kindsOf(expected)}`,
    });
  const after = spliced(text, splices);
  checkWritten(after, expected);
  return { text: after, remarks, templates };
}

/** Kubernetes reads the older YAML 1.1. */
function parse(text: string, lineCounter: LineCounter): Document[] {
  const parsed = parseAllDocuments(text, { version: "1.1", merge: true, prettyErrors: false, lineCounter });
  return Array.isArray(parsed) ? (parsed as Document[]) : [];
}

function read(text: string, lines: LineCounter): Document[] {
  const documents = parse(text, lines);
  const error = documents.flatMap(({ errors }) => errors).sort((a, b) => a.pos[0] - b.pos[0])[0];
  if (error === undefined) return documents;
  const template = text.includes("{{")
    ? "; a Helm template is a manifest once it is rendered: helm template … | laneway kubernetes patch -"
    : "";
  throw new PatchError(
    at(lines, error.pos[0], `not valid YAML: ${error.message.split("\n", 1)[0]!}${template}`),
  );
}

function valueOf(document: Document, lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: 1_000 }) ?? null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new PatchError(at(lines, document.contents?.range?.[0] ?? 0, `not valid YAML: ${message}`));
  }
}

function kindsOf(values: readonly unknown[]): string {
  const kinds = values.flatMap((value) =>
    typeof value === "object" && value !== null && "kind" in value ? [String(value.kind)] : [],
  );
  return kinds.length === 0 ? "nothing" : [...new Set(kinds)].join(", ");
}

/** Where the deepest node on the way to `path` begins. */
function placeOf(document: Document, path: ManifestPath): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as Node | undefined;
    const range = typeof node === "object" && node !== null ? node.range : undefined;
    if (range !== undefined && range !== null) return range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function at(lines: LineCounter, offset: number, message: string): Remark {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col), message };
}

/** What was written must read as what was meant: a text is spliced, and a file has forms that nobody thought of. */
function checkWritten(text: string, expected: readonly unknown[]): void {
  const documents = parse(text, new LineCounter());
  const found = documents.map((document) =>
    document.errors.length > 0 ? undefined : (document.toJS() ?? null),
  );
  if (!isDeepStrictEqual(found, expected))
    throw new PatchError({
      line: 1,
      column: 1,
      message:
        "this file is written in a form that cannot be changed in place; where an anchor (&) stands for several places, write them out",
    });
}

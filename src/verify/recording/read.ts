/** Reads recordings back, a line at a time: all that is wrong with one is said with its file and line. */

import { createReadStream } from "node:fs";
import { Arrivals } from "./arrivals.ts";
import { RECORDING_VERSION } from "./format.ts";
import type { HeaderLine, LimitLine, RecordedResource } from "./format.ts";
import { RowReader } from "./row.ts";

/** What is wrong with a recording, in one line that begins with its file and line. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";

  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`);
  }
}

/** A limit that moved while it was recorded. */
export interface LimitMove {
  readonly atMs: number;
  readonly resource: string;
  readonly limit: number;
}

/** One or several recordings on one time line, which begins with the first of them. */
export interface Recording {
  readonly files: readonly string[];
  /** Wall-clock time of the first header, as ISO 8601. */
  readonly started: string;
  readonly arrivals: Arrivals;
  /** Every resource that was recorded, as it was first. */
  readonly resources: ReadonlyMap<string, RecordedResource>;
  /** Digests of the policies that were in force, in that order, each once. */
  readonly policies: readonly string[];
  readonly limits: readonly LimitMove[];
  /** Arrivals that the recorder lost. */
  readonly dropped: number;
  /** What the reader should know: a line that was cut, say. Each begins with its file and line. */
  readonly remarks: readonly string[];
}

/**
 * Reads recordings. A line that is cut at the end of a file, or before the recorder was started again, is left out and
 * remarked; anything else that cannot be read rejects with a `RecordingError`, and a file that cannot be opened with the
 * error of the file system.
 *
 * @example
 * const { arrivals } = await readRecordings(["monday.jsonl"]);
 */
export async function readRecordings(files: readonly string[]): Promise<Recording> {
  const reader = new Reader(files);
  for (const file of files) await reader.read(file);
  return reader.done();
}

/** More than any machine here can hold: 60 bytes each. */
const ARRIVALS_MAX = 50_000_000;
const LINE_MAX = 1_000_000;

class Reader {
  readonly #files: readonly string[];
  readonly #arrivals = new Arrivals();
  readonly #resources = new Map<string, RecordedResource>();
  readonly #policies = new Set<string>();
  readonly #limits: LimitMove[] = [];
  readonly #remarks: string[] = [];
  #dropped = 0;
  /** Of the first header; undefined before. */
  #started: string | undefined = undefined;
  /** What instants of the recording under way are counted from. */
  #offsetMs = 0;
  #file = "";
  #line = 0;
  #row: RowReader | undefined = undefined;
  /** A line that could not be read: an error, unless the recorder was started again right after it. */
  #bad: { readonly line: number; readonly problem: string } | undefined = undefined;

  constructor(files: readonly string[]) {
    this.#files = files;
  }

  async read(file: string): Promise<void> {
    this.#file = file;
    this.#line = 0;
    this.#row = undefined;
    let rest = "";
    const stream = createReadStream(file, { encoding: "utf8", highWaterMark: 1 << 20 });
    for await (const chunk of stream as AsyncIterable<string>) {
      const text = rest + chunk;
      const end = text.lastIndexOf("\n");
      rest = text.slice(end + 1);
      if (rest.length > LINE_MAX)
        this.#fail(this.#line + 1, "expected a line of JSON, found no end of the line");
      if (end >= 0) this.#block(text.slice(0, end));
    }
    if (rest !== "") this.#last(rest);
    if (this.#bad !== undefined) this.#fail(this.#bad.line, this.#bad.problem);
    if (this.#row === undefined) this.#fail(1, "expected the header of a recording, found an empty file");
  }

  done(): Recording {
    const resources = this.#resources;
    const policies = [...this.#policies];
    if (this.#arrivals.count === 0)
      throw new RecordingError(this.#file, this.#line, "expected arrivals, found none: nothing was recorded");
    return {
      files: this.#files,
      started: this.#started!,
      arrivals: this.#arrivals,
      resources,
      policies,
      limits: this.#limits.toSorted((a, b) => a.atMs - b.atMs),
      dropped: this.#dropped,
      remarks: this.#remarks,
    };
  }

  /** Many lines as one array: that is twice as quick as one by one, which is for finding the one that is wrong. */
  #block(text: string): void {
    let values: unknown;
    try {
      values = JSON.parse(`[${text.replaceAll("\n", ",")}]`);
    } catch {
      values = undefined;
    }
    const lines = countLines(text);
    if (Array.isArray(values) && values.length === lines) {
      for (const value of values) this.#value(value, ++this.#line);
      return;
    }
    for (const line of text.split("\n")) this.#one(line, ++this.#line);
  }

  #one(text: string, line: number): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      if (this.#bad !== undefined) this.#fail(this.#bad.line, this.#bad.problem);
      this.#bad = { line, problem: `expected a line of JSON, found ${shown(text)}` };
      return;
    }
    this.#value(value, line);
  }

  /** The last line of a file has no end when the recorder was killed, or is still writing. */
  #last(text: string): void {
    this.#line++;
    try {
      JSON.parse(text);
    } catch {
      if (this.#row === undefined)
        this.#fail(this.#line, `expected the header of a recording, found ${shown(text)}`);
      this.#remarkCut(this.#line);
      return;
    }
    this.#one(text, this.#line);
  }

  #remarkCut(line: number): void {
    this.#remarks.push(`${this.#file}:${line}: this line was cut; everything before it is used`);
  }

  #value(value: unknown, line: number): void {
    if (typeof value === "object" && value !== null && "laneway" in value) return this.#header(value, line);
    if (this.#bad !== undefined) this.#fail(this.#bad.line, this.#bad.problem);
    if (this.#row === undefined)
      this.#fail(line, `expected the header of a recording, found ${shown(JSON.stringify(value))}`);
    if (Array.isArray(value)) {
      if (this.#arrivals.count >= ARRIVALS_MAX)
        this.#fail(line, `expected at most ${ARRIVALS_MAX} arrivals; take a part of the recording`);
      const problem = this.#row.read(value, this.#offsetMs);
      if (problem !== undefined) this.#fail(line, problem);
    } else this.#told(value as Readonly<Record<string, unknown>> | null, line);
  }

  #header(value: object, line: number): void {
    const { laneway, version, started, policy, resources, columns } = value as Partial<HeaderLine>;
    if (laneway !== "recording")
      this.#fail(line, `expected "laneway": "recording", found ${shown(JSON.stringify(laneway))}`);
    if (version !== RECORDING_VERSION)
      this.#fail(
        line,
        `expected a recording of version ${RECORDING_VERSION}, found version ${shown(JSON.stringify(version))}; this laneway does not read it`,
      );
    const startedAt = typeof started === "string" ? Date.parse(started) : NaN;
    if (Number.isNaN(startedAt))
      this.#fail(line, `started: expected a time, found ${shown(JSON.stringify(started))}`);
    const columnsProblem = RowReader.problemOf(columns);
    if (columnsProblem !== undefined) this.#fail(line, columnsProblem);
    if (this.#bad !== undefined) this.#remarkCut(this.#bad.line);
    this.#bad = undefined;
    this.#started ??= started!;
    this.#offsetMs = startedAt - Date.parse(this.#started);
    this.#row = new RowReader(this.#arrivals, columns!);
    this.#inForce(policy, resources, line, this.#offsetMs);
  }

  #inForce(policy: unknown, resources: unknown, line: number, atMs: number): void {
    if (typeof policy !== "string")
      this.#fail(line, `policy: expected its digest, found ${shown(JSON.stringify(policy))}`);
    if (!Array.isArray(resources) || !resources.every(isResource))
      this.#fail(line, "resources: expected a list, each with name, limit, adaptive and lanes");
    this.#policies.add(policy);
    for (const resource of resources as readonly RecordedResource[]) {
      if (!this.#resources.has(resource.name)) this.#resources.set(resource.name, resource);
      this.#limits.push({ atMs, resource: resource.name, limit: resource.limit });
    }
  }

  #told(value: Readonly<Record<string, unknown>> | null, line: number): void {
    const found = value ?? {};
    const { at, resource, limit, dropped, policy, resources, ended } = found;
    if (typeof ended === "number") return;
    if (typeof at !== "number")
      this.#fail(line, `expected an arrival, found ${shown(JSON.stringify(value))}`);
    const atMs = this.#offsetMs + at;
    if (policy !== undefined) this.#inForce(policy, resources, line, atMs);
    else if (isCount(dropped)) this.#dropped += dropped;
    else if (typeof resource === "string" && isCount(limit) && limit > 0)
      this.#limits.push({ atMs, resource, limit } satisfies Omit<LimitLine, "at"> & LimitMove);
    else this.#fail(line, `expected an arrival, found ${shown(JSON.stringify(value))}`);
  }

  #fail(line: number, problem: string): never {
    throw new RecordingError(this.#file, line, problem);
  }
}

function isResource(value: unknown): value is RecordedResource {
  const { name, limit, adaptive, lanes } = (value ?? {}) as Partial<RecordedResource>;
  return (
    typeof name === "string" &&
    isCount(limit) &&
    typeof adaptive === "boolean" &&
    Array.isArray(lanes) &&
    lanes.every((lane) => typeof lane === "string")
  );
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function countLines(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

function shown(text: string | undefined): string {
  if (text === undefined) return "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text === "" ? "an empty line" : text;
}

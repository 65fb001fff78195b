/**
 * The text of a policy as a tree that remembers where everything stands, with `${VAR}` filled in. It never passes on a
 * secret: what came from the environment or stands under a name such as `key` is not shown in any message, and is
 * masked in the source lines.
 */

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node } from "yaml";
import { fillVariables, isVariable } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { maskText, SecretRanges } from "./mask.ts";
import { syntaxWords } from "./syntax.ts";
import type { PolicyProblem } from "./problems.ts";

/** Field names and list indexes from the root. */
export type Path = readonly PropertyKey[];

interface Spot {
  readonly start: number;
  readonly end: number;
  /** A variable was filled in; the text of a number is then as good as the number. */
  readonly filled?: boolean;
  /** The variable that the value came from, unless it is the default in the file. */
  readonly variable?: string | undefined;
  readonly secret?: boolean;
}

/** Values under these names are secrets, wherever they stand: a mistaken place must not print them either. */
const SECRET_NAME = /(?:keys?|token|secret|password|authorization|cookie)$/i;

/** More than any policy needs; aliases can make a small text huge. */
const NODES_MAX = 200_000;

/** A parsed policy text and what was found wrong with it so far. */
export class PolicyDocument {
  /** Plain data, or undefined when the file is empty. Fields without a value are left out. */
  readonly value: unknown;
  /** The text could not be parsed, so `value` means nothing. */
  readonly broken: boolean;

  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #environment: Environment;
  readonly #spots = new Map<string, Spot>();
  readonly #secrets = new SecretRanges();
  /** Paths already reported: their value is a stand-in, and nothing else about it is worth saying. */
  readonly #failed = new Set<string>();
  readonly #found: { spot: Spot; message: string; hint: string | undefined }[] = [];
  /** Values that really came from the environment, by the variable: they are shown as the variable. */
  readonly #filledIn = new Map<string, string>();
  #nodes = 0;

  constructor(text: string, environment: Environment) {
    this.#text = text.replace(/^\uFEFF/, "");
    this.#environment = environment;
    const document = this.#parse();
    this.broken = document === undefined;
    this.value = document === undefined ? undefined : this.#read(document, document.contents, [], [], false);
  }

  /** Notes a problem of the value at `path`, or of what encloses it when there is none. */
  report(path: Path, message: string, hint?: string): void {
    if (!this.#failed.has(pathKey(path))) this.#found.push({ spot: this.#spotOf(path), message, hint });
  }

  /** Notes a problem of a field's name. */
  reportName(path: Path, message: string, hint?: string): void {
    this.#found.push({ spot: this.#spots.get(`name ${pathKey(path)}`) ?? this.#spotOf(path), message, hint });
  }

  /** The line on which the value at `path` begins. */
  lineOf(path: Path): number {
    return this.#lines.linePos(this.#spotOf(path).start).line;
  }

  /** The value at `path` in words fit for a message. */
  show(path: Path, value: unknown): string {
    // That a secret is missing, or is a list, is no secret.
    if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
    if (typeof value === "object" && value !== null) return "a map";
    const spot = this.#spots.get(pathKey(path));
    if (spot?.variable !== undefined) return `the value of \${${spot.variable}}`;
    if (spot?.secret === true) return "a value that is not shown";
    if (typeof value === "string")
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    return value === undefined || value === null ? "nothing" : `${value as number | boolean | bigint}`;
  }

  /** Whether the value at `path` may be printed. */
  isShown(path: Path): boolean {
    const spot = this.#spots.get(pathKey(path));
    return spot === undefined || (spot.variable === undefined && spot.secret !== true);
  }

  /** Whether a variable was filled in at `path`. */
  isFilled(path: Path): boolean {
    return this.#spots.get(pathKey(path))?.filled === true;
  }

  /** Everything noted, each once, in the order of the file. */
  problems(): PolicyProblem[] {
    const all = this.#found.map(({ spot, message, hint }) => this.#problem(spot, message, hint));
    all.sort((one, other) => one.line - other.line || one.column - other.column);
    const seen = new Set<string>();
    return all.filter(({ line, column, message }) => {
      const key = `${line}:${column}:${message}`;
      return seen.has(key) ? false : (seen.add(key), true);
    });
  }

  #parse(): Document | undefined {
    let document: Document.Parsed;
    try {
      document = parseDocument(this.#text, { lineCounter: this.#lines, prettyErrors: false });
    } catch {
      this.#found.push({
        spot: { start: 0, end: 1 },
        message: "cannot be read as YAML: it is nested too deeply",
        hint: undefined,
      });
      return undefined;
    }
    // A name given twice leaves the tree whole; after any other error its shape is a guess, and what follows from a
    // guess would only hide the one thing to repair.
    const broken = document.errors.find(({ code }) => code !== "DUPLICATE_KEY");
    for (const { code, pos } of document.errors) {
      if (code !== "DUPLICATE_KEY") continue;
      const [word = ""] = /^[\w.-]*/.exec(this.#text.slice(pos[0])) ?? [];
      const spot = { start: pos[0], end: pos[0] + Math.max(1, word.length) };
      this.#found.push({ spot, message: "this field is given twice in the same map", hint: undefined });
    }
    for (const { pos } of document.warnings) {
      const spot = { start: pos[0], end: pos[1] };
      this.#found.push({
        spot,
        message: "YAML tags such as !!name are not used in a policy",
        hint: "remove the tag",
      });
    }
    if (broken === undefined) return document;
    const spot = { start: broken.pos[0], end: broken.pos[0] + 1 };
    this.#found.push({ spot, ...syntaxWords(broken, this.#text) });
    return undefined;
  }

  #read(document: Document, node: unknown, path: Path, above: readonly unknown[], secret: boolean): unknown {
    if (!isNode(node)) return undefined;
    const [start, end] = node.range ?? [0, 1];
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX)
      return this.#refuse(path, { start, end }, "aliases make this policy too large to read");
    this.#spots.set(pathKey(path), { start, end, secret });
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined)
        return this.#refuse(
          path,
          { start, end },
          `there is no anchor &${node.source} before this alias`,
          "a pattern that begins with * needs quotes",
        );
      if (above.includes(target)) return this.#refuse(path, { start, end }, "this alias contains itself");
      return this.#read(document, target, path, above, secret);
    }
    if (isScalar(node)) return this.#readScalar(node.value, { start, end, secret }, path);
    const inside = [...above, node];
    if (isSeq(node)) {
      return node.items.map(
        (item, index) => this.#read(document, item, [...path, index], inside, secret) ?? null,
      );
    }
    if (!isMap(node)) return undefined;
    const fields: Record<string, unknown> = Object.create(null);
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : undefined;
      const [keyStart, keyEnd] = (isNode(key) ? key.range : undefined) ?? [start, end];
      if (name === undefined) {
        const spot = { start: keyStart, end: keyEnd };
        this.#found.push({
          spot,
          message: "expected the name of a field, found a list or a map",
          hint: undefined,
        });
        continue;
      }
      if (name === "__proto__") {
        // No record of zod's holds it: a condition of that name would be gone, and its rule match everything.
        const spot = { start: keyStart, end: keyEnd };
        this.#found.push({ spot, message: `"__proto__" cannot be a name`, hint: undefined });
        continue;
      }
      const at = [...path, name];
      this.#spots.set(`name ${pathKey(at)}`, { start: keyStart, end: keyEnd });
      if (secret) this.#secrets.add(keyStart, keyEnd);
      const read = this.#read(document, value, at, inside, secret || SECRET_NAME.test(name));
      // `classify:` with every rule commented out is a field without a value: as if it were not there.
      if (read !== undefined && read !== null) fields[name] = read;
    }
    return fields;
  }

  #readScalar(value: unknown, spot: Spot, path: Path): unknown {
    const text = this.#text.slice(spot.start, spot.end);
    if (spot.secret === true && !isVariable(text)) this.#secrets.add(spot.start, spot.end);
    if (typeof value !== "string" || !value.includes("${")) return value;
    const filled = fillVariables(value, this.#environment);
    if ("problem" in filled) {
      // A default would be the key itself, in the file.
      const hint = filled.hint !== undefined && spot.secret === true ? "set it where this runs" : filled.hint;
      return this.#refuse(path, spot, filled.problem, hint);
    }
    this.#spots.set(pathKey(path), { ...spot, filled: true, variable: filled.variable });
    if (filled.variable !== undefined) this.#filledIn.set(filled.text, filled.variable);
    return filled.text;
  }

  /** The second line of defence: messages that name a lane or a resource do not ask where the name came from. */
  #scrubbed(message: string): string {
    let scrubbed = maskText(message);
    for (const [value, variable] of this.#filledIn) {
      if (value.length < 3 || !Number.isNaN(Number(value))) continue;
      scrubbed = scrubbed.split(value).join(`\${${variable}}`);
    }
    return scrubbed;
  }

  #refuse(path: Path, spot: Spot, message: string, hint?: string): string {
    this.#found.push({ spot, message, hint });
    this.#failed.add(pathKey(path));
    return "(refused)";
  }

  #spotOf(path: Path): Spot {
    for (let length = path.length; length >= 0; length--) {
      const spot = this.#spots.get(pathKey(path.slice(0, length)));
      if (spot !== undefined) return spot;
    }
    return { start: 0, end: 1 };
  }

  #problem(spot: Spot, message: string, hint: string | undefined): PolicyProblem {
    const { line, col } = this.#lines.linePos(Math.min(spot.start, this.#text.length));
    const lineStart = this.#lines.lineStarts[Math.max(0, line - 1)] ?? 0;
    const lineEnd = this.#lines.lineStarts[line] ?? this.#text.length;
    const shown = this.#secrets.mask(this.#text, lineStart, lineEnd, spot, this.broken);
    const words = {
      message: this.#scrubbed(message),
      hint: hint === undefined ? undefined : this.#scrubbed(hint),
    };
    return { line: Math.max(1, line), column: Math.max(1, col), ...words, ...shown };
  }
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function pathKey(path: Path): string {
  return JSON.stringify(path);
}

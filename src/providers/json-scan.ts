/**
 * Finds a few short values in a JSON object that may run to megabytes and come in pieces, without building the rest of
 * it. Strings are skipped by searching for their closing quote, so that the scan runs nearly at the speed of a byte
 * search, and a piece may end anywhere: inside a character, an escape or a number.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;

/** How far a closing quote is looked for byte by byte. */
const NEAR_BYTES = 64;

/** No value that is looked for is longer; one that is counts as not there. */
const MAX_VALUE_CHARS = 16_384;

/** Bytes that are no ASCII characters, or an escape. */
const NEEDS_DECODING = /[\\\x80-\xff]/;

/** What is found under a path: undefined for an object or a list, and for a string that is broken or too long. */
export type JsonLeaf = string | number | boolean | null | undefined;

/** A member that is looked for, and those below it. */
interface Member {
  readonly path: string | undefined;
  readonly below: JsonPaths | undefined;
}

/** The paths of a scan, made once by `jsonPaths`. */
export interface JsonPaths {
  readonly members: ReadonlyMap<string, Member>;
  /** By the bytes of a name: whether any that is looked for is so long. Most keys need no string made of them. */
  readonly lengths: readonly boolean[];
}

/** Paths of members from the top of an object, dotted: `jsonPaths(["model", "usage.input_tokens"])`. */
export function jsonPaths(paths: readonly string[]): JsonPaths {
  return below("", paths);
}

function below(prefix: string, paths: readonly string[]): JsonPaths {
  const names = new Set(paths.map((path) => path.split(".", 1)[0]!));
  const members = new Map<string, Member>();
  for (const name of names) {
    const rest = paths
      .filter((path) => path.startsWith(`${name}.`))
      .map((path) => path.slice(name.length + 1));
    const here = `${prefix}${name}`;
    members.set(name, {
      path: paths.includes(name) ? here : undefined,
      below: rest.length === 0 ? undefined : below(`${here}.`, rest),
    });
  }
  const lengths: boolean[] = [];
  for (const name of names) lengths[Buffer.byteLength(name)] = true;
  return { members, lengths };
}

export interface JsonScanOptions {
  readonly paths: JsonPaths;
  /** Called once for each value found, in the order of the text: of members that stand there twice, the last counts. */
  readonly found: (path: string, value: JsonLeaf) => void;
  /** Called with each string that lies whole in one piece, by the places of its quotes. */
  readonly onString?: ((piece: Buffer, open: number, close: number) => void) | undefined;
}

/** One pass over one JSON text. */
export class JsonScan {
  private readonly options: JsonScanOptions;
  /** The members looked for in each object that is open, as far as the path to here is one of those wanted. */
  private readonly open: JsonPaths[] = [];
  private depth = 0;
  private started = false;
  /** Nothing more is looked at: the object is complete, or the text is none. */
  private over = false;
  private inString = false;
  /** The last piece ended inside an escape: the next byte belongs to it. */
  private escaped = false;
  private capturing = false;
  /** What was captured of a key or value, one char for each byte. */
  private text = "";
  /** The next string is a key, at a depth where keys matter. */
  private keyNext = false;
  /** The member that the next value belongs to. */
  private member: Member | undefined = undefined;
  /** The member's value is a string, which has been read. */
  private isText = false;

  constructor(options: JsonScanOptions) {
    this.options = options;
  }

  /** The object is complete; what follows it is not looked at. */
  get whole(): boolean {
    return this.started && this.depth === 0;
  }

  /** Starts over, for another text. */
  reset(): void {
    this.open.length = 0;
    this.depth = 0;
    this.over = false;
    this.started = false;
    this.inString = false;
    this.escaped = false;
    this.capturing = false;
    this.text = "";
    this.keyNext = false;
    this.member = undefined;
    this.isText = false;
  }

  /** Takes the next piece, or the part of it from `from` to `to`; returns how far it has looked. */
  push(piece: Buffer, from: number = 0, to: number = piece.length): number {
    let at = from;
    if (this.inString) at = this.stringFrom(piece, at, to);
    for (; at < to && !this.over; at++) {
      const byte = piece[at]!;
      switch (byte) {
        case QUOTE:
          at = this.openString(piece, at, to) - 1;
          break;
        case OPEN_OBJECT:
        case OPEN_LIST:
          this.openNested(byte === OPEN_OBJECT);
          break;
        case CLOSE_OBJECT:
        case CLOSE_LIST:
          this.close();
          break;
        case COMMA:
          if (this.depth === this.open.length) {
            this.settle();
            this.keyNext = true;
          }
          break;
        case COLON:
          break;
        default:
          this.other(byte);
      }
    }
    return at;
  }

  /** A byte of a number, `true`, `false` or `null`, or white space. */
  private other(byte: number): void {
    const space = byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
    if (space) return;
    // Only an object is looked into.
    if (this.depth === 0) this.over = true;
    else if (this.member?.path !== undefined && !this.isText && this.text.length < MAX_VALUE_CHARS)
      this.text += String.fromCharCode(byte);
  }

  private openString(piece: Buffer, quote: number, to: number): number {
    if (this.depth === 0) {
      this.over = true;
      return to;
    }
    this.inString = true;
    this.escaped = false;
    this.text = "";
    this.capturing = this.depth === this.open.length && (this.keyNext || this.member?.path !== undefined);
    const after = this.stringFrom(piece, quote + 1, to);
    if (!this.inString) this.options.onString?.(piece, quote, after - 1);
    return after;
  }

  /** Reads on inside a string; returns the place after its closing quote, or `to` when it does not end here. */
  private stringFrom(piece: Buffer, from: number, to: number): number {
    const end = this.quoteFrom(piece, from, to);
    if (this.capturing && this.keyNext && end < to && this.text === "" && this.isOther(piece, from, end)) {
      this.inString = false;
      this.capturing = false;
      this.keyNext = false;
      this.member = undefined;
      return end + 1;
    }
    this.capture(piece, from, end);
    if (end === to) return to;
    this.inString = false;
    this.closeString();
    return end + 1;
  }

  /** The place of the closing quote, or `to`. */
  private quoteFrom(piece: Buffer, from: number, to: number): number {
    let at = this.escaped && from < to ? from + 1 : from;
    if (from < to) this.escaped = false;
    for (;;) {
      // Near by, looking at each byte is faster than to set out a search; and text may be full of escaped quotes.
      for (const near = Math.min(to, at + NEAR_BYTES); at < near; at++) {
        const byte = piece[at]!;
        if (byte === QUOTE) return at;
        if (byte === BACKSLASH) at++;
      }
      if (at >= to) {
        this.escaped ||= at > to;
        return to;
      }
      const found = piece.indexOf(QUOTE, at);
      const end = found === -1 ? to : Math.min(found, to);
      let slash = end;
      while (slash > at && piece[slash - 1] === BACKSLASH) slash--;
      const escaped = (end - slash) % 2 === 1;
      if (end === to) this.escaped = escaped;
      if (end === to || !escaped) return end;
      at = end + 1;
    }
  }

  /** Whether a key that lies whole in this piece is none of those looked for, as its length alone says. */
  private isOther(piece: Buffer, from: number, to: number): boolean {
    if (this.open[this.open.length - 1]!.lengths[to - from] === true) return false;
    for (let at = from; at < to; at++) if (piece[at] === BACKSLASH) return false;
    return true;
  }

  private capture(piece: Buffer, from: number, to: number): void {
    if (this.capturing && this.text.length <= MAX_VALUE_CHARS)
      this.text += piece.toString("latin1", from, Math.min(to, from + MAX_VALUE_CHARS + 1));
  }

  private closeString(): void {
    if (!this.capturing) return;
    this.capturing = false;
    if (this.keyNext) {
      this.keyNext = false;
      const key = this.text.length > MAX_VALUE_CHARS ? undefined : textOf(this.text);
      this.text = "";
      this.member = key === undefined ? undefined : this.open.at(-1)!.members.get(key);
      return;
    }
    this.isText = true;
  }

  private openNested(object: boolean): void {
    if (this.depth === 0) {
      if (!object) {
        this.over = true;
        return;
      }
      this.started = true;
      this.open.push(this.options.paths);
      this.keyNext = true;
    } else if (this.depth === this.open.length) {
      const { member } = this;
      this.member = undefined;
      this.text = "";
      this.keyNext = false;
      // A value that is looked for and is no leaf replaces an earlier one all the same.
      if (member?.path !== undefined) this.options.found(member.path, undefined);
      if (object && member?.below !== undefined) {
        this.open.push(member.below);
        this.keyNext = true;
      }
    }
    this.depth++;
  }

  private close(): void {
    if (this.depth === 0) {
      this.over = true;
      return;
    }
    if (this.depth === this.open.length) {
      this.settle();
      this.open.pop();
    }
    this.keyNext = false;
    if (--this.depth === 0) this.over = true;
  }

  /** A member is complete: tells of its value. One whose value is missing counts as undefined. */
  private settle(): void {
    const { member, text, isText } = this;
    this.member = undefined;
    this.text = "";
    this.isText = false;
    if (member?.path === undefined) return;
    const value = text.length > MAX_VALUE_CHARS ? undefined : isText ? textOf(text) : literalOf(text);
    this.options.found(member.path, value);
  }
}

/** The text of a string from its bytes between the quotes; undefined for an escape that is none. */
function textOf(raw: string): string | undefined {
  if (!NEEDS_DECODING.test(raw)) return raw;
  const text = Buffer.from(raw, "latin1").toString("utf8");
  if (!text.includes("\\")) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}

function literalOf(raw: string): JsonLeaf {
  if (raw === "true") return true;
  if (raw === "false") return false;
  if (raw === "null") return null;
  const value = raw === "" ? Number.NaN : Number(raw);
  return Number.isNaN(value) ? undefined : value;
}

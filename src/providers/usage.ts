/** Takes what a reply used out of it while it passes: a stream of events, or one JSON object. */

import { asBuffer } from "./body-facts.ts";
import { JsonScan } from "./json-scan.ts";
import type { JsonLeaf, JsonPaths } from "./json-scan.ts";
import type { Usage, UsageReader } from "./provider.ts";
import { SseWatch } from "./sse.ts";

/** Every protocol has its counts below a member of this name. In a model's text it is escaped, so it is not mistaken. */
const MARK = Buffer.from('"usage"');

const OPEN_OBJECT = 0x7b;
const OPENING = Buffer.from("{");

/** One protocol's way to count. */
export interface UsageTally {
  /** A value was found. */
  note(path: string, value: JsonLeaf): void;
  /** An event of a stream is over; its data had so many bytes. */
  eventOver(bytes: number): void;
  /** The count so far; `whole`: the reply was one JSON object and is complete. */
  usage(whole: boolean): Usage | undefined;
}

/** What differs between protocols. */
export interface UsageShape {
  readonly paths: JsonPaths;
  /** Whether something before the counts of this reply decides how they count. */
  readonly headMatters?: (piece: Buffer) => boolean;
  tally(): UsageTally;
}

/** A reader for a reply of that content type; undefined where no usage is to be found. */
export function usageReaderOf(contentType: string | undefined, shape: UsageShape): UsageReader | undefined {
  const type = contentType?.split(";", 1)[0]!.trim().toLowerCase();
  if (type === "text/event-stream") return new StreamReader(shape);
  if (type === "application/json") return new WholeReader(shape);
  return undefined;
}

class StreamReader implements UsageReader {
  private readonly tally: UsageTally;
  private readonly scan: JsonScan;
  private readonly watch: SseWatch;
  /** Some of this event was looked into. */
  private scanned = false;

  constructor(shape: UsageShape) {
    this.tally = shape.tally();
    this.scan = new JsonScan({ paths: shape.paths, found: (path, value) => this.tally.note(path, value) });
    this.watch = new SseWatch({
      mark: MARK,
      onData: (piece, from, to) => {
        this.scanned = true;
        this.scan.push(piece, from, to);
      },
      onEvent: (bytes) => {
        if (this.scanned) this.scan.reset();
        this.scanned = false;
        this.tally.eventOver(bytes);
      },
    });
  }

  push(chunk: Uint8Array): void {
    this.watch.push(asBuffer(chunk));
  }

  end(): Usage | undefined {
    return this.seen;
  }

  get seen(): Usage | undefined {
    return this.tally.usage(false);
  }
}

class WholeReader implements UsageReader {
  private readonly shape: UsageShape;
  private tally: UsageTally;
  /** Made for a reply that must be looked through from its beginning. */
  private scan: JsonScan | undefined = undefined;
  private isWhole = false;

  constructor(shape: UsageShape) {
    this.shape = shape;
    this.tally = shape.tally();
  }

  push(chunk: Uint8Array): void {
    const piece = asBuffer(chunk);
    if (this.isWhole) return;
    if (this.scan === undefined && this.tail(piece)) return;
    this.scan ??= new JsonScan({
      paths: this.shape.paths,
      found: (path, value) => this.tally.note(path, value),
    });
    this.scan.push(piece);
    this.isWhole = this.scan.whole;
  }

  end(): Usage | undefined {
    return this.seen;
  }

  get seen(): Usage | undefined {
    return this.tally.usage(this.isWhole);
  }

  /**
   * A short reply comes in one piece, its counts near its end: from the last mark on it must read as the rest of an
   * object, to its last byte. Anything else is looked through from the beginning.
   */
  private tail(piece: Buffer): boolean {
    const at = piece.lastIndexOf(MARK);
    if (at === -1 || piece[0] !== OPEN_OBJECT || this.shape.headMatters?.(piece) === true) return false;
    const tails = tailsOf(this.shape.paths);
    tails.tally = this.tally;
    tails.scan.reset();
    tails.scan.push(OPENING);
    const end = tails.scan.push(piece, at);
    this.isWhole = tails.scan.whole && isBlank(piece, end);
    if (!this.isWhole) this.tally = this.shape.tally();
    return this.isWhole;
  }
}

/** One scan for the ends of all replies of a protocol: it is over before another can begin. */
interface Tails {
  readonly scan: JsonScan;
  tally: UsageTally | undefined;
}

const tailScans = new Map<JsonPaths, Tails>();

function tailsOf(paths: JsonPaths): Tails {
  let tails = tailScans.get(paths);
  if (tails === undefined) {
    const made: Tails = {
      scan: new JsonScan({ paths, found: (path, value) => made.tally!.note(path, value) }),
      tally: undefined,
    };
    tailScans.set(paths, (tails = made));
  }
  return tails;
}

/** A count of tokens; undefined for anything else, a null among them. */
export function tokensOf(value: JsonLeaf): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Whether nothing but white space follows. */
function isBlank(piece: Buffer, from: number): boolean {
  for (let at = from; at < piece.length; at++) if (piece[at]! > 0x20) return false;
  return true;
}

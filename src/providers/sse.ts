/**
 * Watches a stream of server-sent events pass and hands over the data of those that may hold what is looked for. It
 * keeps nothing: an event that comes in one piece and does not hold the mark is skipped by one byte search, and all
 * others are handed over in the pieces they come in. Lines may end with LF, CRLF or CR, and pieces anywhere.
 */

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const DATA = [0x64, 0x61, 0x74, 0x61] as const;
const EVENT = 0x65;
const DATA_LINE = DATA.length + 1;
/** Where the name of an event, the line before its data, ends at the latest. */
const NAMED_LINE = 64;
/** A byte order mark before the first line, which is passed by. */
const BOM = new Set([0xef, 0xbb, 0xbf]);

export interface SseWatchOptions {
  /** A member's name in its quotes. Data where it is missing, or null, is not handed over when it comes in one piece. */
  readonly mark: Buffer;
  /** A part of the data of one event. */
  readonly onData: (piece: Buffer, from: number, to: number) => void;
  /** An event is over; `bytes` is the length of its data, line ends left out. Events without data are passed by. */
  readonly onEvent: (bytes: number) => void;
}

/** One pass over one stream. */
export class SseWatch {
  private readonly options: SseWatchOptions;
  /** Where in a line the last piece ended: in its name, in data, or in a line that matters not. */
  private place: "name" | "data" | "other" = "name";
  private nameBytes = 0;
  /** The first byte of a value is passed by when it is a space. */
  private valueBegins = false;
  /** The last piece ended with a CR: an LF that follows belongs to it. */
  private afterCr = false;
  private hasData = false;
  private handedOver = false;
  private bytes = 0;

  constructor(options: SseWatchOptions) {
    this.options = options;
  }

  push(piece: Buffer): void {
    if (this.passes(piece)) return;
    // Each is looked for again only once it was passed: most streams have no CR, and few events hold the mark.
    let lf = piece.indexOf(LF);
    let cr = piece.indexOf(CR);
    let mark = this.markFrom(piece, 0);
    let at = 0;
    if (this.afterCr && piece.length > 0) {
      this.afterCr = false;
      if (piece[0] === LF) at = 1;
    }
    while (at < piece.length) {
      if (lf !== -1 && lf < at) lf = piece.indexOf(LF, at);
      if (cr !== -1 && cr < at) cr = piece.indexOf(CR, at);
      if (mark !== -1 && mark < at) mark = this.markFrom(piece, at);
      const end = lf === -1 ? cr : cr === -1 ? lf : Math.min(lf, cr);
      const stop = end === -1 ? piece.length : end;
      const from = this.place === "name" ? this.name(piece, at, stop) : at;
      const value = this.place === "data" ? this.valueFrom(piece, from, stop) : stop;
      const next = end === -1 ? stop : end + (piece[end] === CR && piece[end + 1] === LF ? 2 : 1);
      if (value < stop) {
        const skippable = end !== -1 && !this.handedOver && isLineEnd(piece[next]);
        this.data(piece, value, stop, skippable && (mark === -1 || mark >= stop));
      }
      if (end !== -1) {
        this.lineEnds();
        this.afterCr = piece[end] === CR && next === piece.length && next === end + 1;
      }
      at = next;
    }
  }

  /**
   * Most pieces are one event of a server that flushes each: its lines end with LF, its data is one line, and the mark is
   * not in it. Then there is nothing to hand over. A CR in its data would only make its length another.
   */
  private passes(piece: Buffer): boolean {
    const last = piece.length - 2;
    if (last < DATA_LINE || piece[last] !== LF || piece[last + 1] !== LF) return false;
    if (this.place !== "name" || this.nameBytes > 0 || this.afterCr || this.hasData) return false;
    let at = 0;
    if (piece[0] === EVENT) {
      while (at < NAMED_LINE && piece[at] !== LF) at++;
      at++;
    }
    if (!isData(piece, at) || piece.indexOf(LF, at) !== last || this.markFrom(piece, 0) !== -1) return false;
    const value = at + DATA_LINE;
    this.options.onEvent(last - (piece[value] === SPACE ? value + 1 : value));
    return true;
  }

  private markFrom(piece: Buffer, from: number): number {
    const { mark } = this.options;
    let at = piece.indexOf(mark, from);
    while (at !== -1 && isNull(piece, at + mark.length)) at = piece.indexOf(mark, at + mark.length);
    return at;
  }

  /** Reads a line's name; returns the place after its colon, or `stop`. */
  private name(piece: Buffer, from: number, stop: number): number {
    for (let at = from; at < stop; at++) {
      const byte = piece[at]!;
      if (byte === COLON) {
        this.place = this.nameBytes === DATA.length ? "data" : "other";
        this.valueBegins = true;
        return at + 1;
      }
      if (this.nameBytes === 0 && BOM.has(byte)) continue;
      if (byte !== DATA[this.nameBytes++]) {
        // No need to look for the colon of a line that is no data.
        this.place = "other";
        return stop;
      }
    }
    return stop;
  }

  private valueFrom(piece: Buffer, from: number, stop: number): number {
    if (!this.valueBegins || from >= stop) return from;
    this.valueBegins = false;
    return piece[from] === SPACE ? from + 1 : from;
  }

  private data(piece: Buffer, from: number, to: number, skip: boolean): void {
    this.bytes += to - from;
    if (skip) return;
    this.handedOver = true;
    this.options.onData(piece, from, to);
  }

  private lineEnds(): void {
    const blank = this.place === "name" && this.nameBytes === 0;
    if (this.place === "data") this.hasData = true;
    this.place = "name";
    this.nameBytes = 0;
    if (!blank) return;
    if (this.hasData) this.options.onEvent(this.bytes);
    this.hasData = false;
    this.handedOver = false;
    this.bytes = 0;
  }
}

function isData(piece: Buffer, at: number): boolean {
  for (let i = 0; i < DATA.length; i++) if (piece[at + i] !== DATA[i]) return false;
  return piece[at + DATA.length] === COLON;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

/** Whether `:null` stands there; many servers say so in each event that has none. */
function isNull(piece: Buffer, at: number): boolean {
  const value = piece[at + 1] === SPACE ? at + 2 : at + 1;
  return piece[at] === COLON && piece[value] === 0x6e && piece[value + 1] === 0x75;
}

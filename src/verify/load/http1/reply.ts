/**
 * Reads one HTTP/1.1 reply after another off a connection: where each begins and ends, its status, and the few headers
 * that a load test looks at. Bodies are counted past, never kept. What is no HTTP is an error, not a guess: a reply whose
 * end was guessed wrong would be measured wrong.
 */

/** What a reader found wrong with the bytes of a reply. */
export class ReplyError extends Error {
  constructor(expected: string, found: string) {
    super(`the reply is not HTTP/1.1: expected ${expected}, found ${JSON.stringify(found.slice(0, 40))}`);
    this.name = "ReplyError";
  }
}

const HEAD_MAX = 64 * 1024;
const LINE_MAX = 1_024;
const LF = 10;

/** Where in a reply the next byte belongs. */
type Part = "idle" | "head" | "length" | "until-close" | "chunk-size" | "chunk" | "chunk-end" | "trailer";

/** Headers that are looked at; every other one is skipped. */
export interface ReplyHeaders {
  waitMs: number | undefined;
  lane: string | undefined;
  retryAfter: string | undefined;
  retryAfterMs: string | undefined;
  date: string | undefined;
}

/** One connection's replies. Call `expect` for each request, then `push` for each piece that arrives. */
export class ReplyReader {
  status = 0;
  /** Whether the connection can take another request when this reply is over. */
  keepAlive = true;
  readonly headers: ReplyHeaders = none();
  #part: Part = "idle";
  #bodiless = false;
  #head = "";
  #line = "";
  #left = 0;

  /** A request was sent; `bodiless` when its reply has no body whatever its headers say (HEAD). */
  expect(bodiless: boolean): void {
    this.status = 0;
    this.keepAlive = true;
    Object.assign(this.headers, none());
    this.#part = "head";
    this.#bodiless = bodiless;
    this.#head = "";
  }

  /** Whether a reply's head has been read and its body is under way, or over. */
  get begun(): boolean {
    return this.status !== 0;
  }

  /** Takes the next bytes. True when they end the reply. Throws a `ReplyError`. */
  push(bytes: Buffer): boolean {
    if (this.#over()) throw new ReplyError("nothing before the next request", bytes.toString("latin1"));
    let at = 0;
    while (at < bytes.length) {
      at = this.#step(bytes, at);
      if (!this.#over()) continue;
      // Bytes behind the end belong to no request: what follows on this connection cannot be trusted.
      if (at < bytes.length) this.keepAlive = false;
      return true;
    }
    return false;
  }

  /** The connection was closed by the service. True when that is how this reply ends. */
  closed(): boolean {
    const ends = this.#part === "until-close";
    this.#part = "idle";
    return ends;
  }

  #over(): boolean {
    return this.#part === "idle";
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#part) {
      case "head":
        return this.#readHead(bytes, at);
      case "length":
        return this.#skip(bytes, at, "idle");
      case "chunk":
        return this.#skip(bytes, at, "chunk-end");
      case "until-close":
        return bytes.length;
      default:
        return this.#readLine(bytes, at);
    }
  }

  #skip(bytes: Buffer, at: number, then: Part): number {
    const taken = Math.min(this.#left, bytes.length - at);
    this.#left -= taken;
    if (this.#left === 0) this.#part = then;
    return at + taken;
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    const text = bytes.toString("latin1", at, Math.min(bytes.length, at + HEAD_MAX));
    const head = before === 0 ? text : this.#head + text;
    const end = head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end === -1) {
      if (!"HTTP/1.".startsWith(head.slice(0, 7))) throw new ReplyError("HTTP/1.1 and a status", head);
      if (head.length >= HEAD_MAX) throw new ReplyError(`a head of at most ${HEAD_MAX} bytes`, head);
      this.#head = head;
      return bytes.length;
    }
    this.#head = "";
    this.#readFields(head.slice(0, end));
    return at + end + 4 - before;
  }

  #readFields(head: string): void {
    const status = Number(head.slice(9, 12));
    if (!/^HTTP\/1\.[01] [1-9]\d\d(?: |\r|$)/.test(head)) throw new ReplyError("HTTP/1.1 and a status", head);
    if (status === 101) throw new ReplyError("a reply", head);
    if (status < 200) return; // 100 and 103: the reply itself follows.
    this.status = status;
    this.keepAlive = head.charCodeAt(7) === 49;
    const framing = { length: -1, chunked: false };
    for (let from = head.indexOf("\r\n"); from !== -1;) {
      const to = head.indexOf("\r\n", from + 2);
      this.#readField(head.slice(from + 2, to === -1 ? undefined : to), framing);
      from = to;
    }
    this.#beginBody(framing);
  }

  #beginBody({ length, chunked }: Framing): void {
    if (this.#bodiless || this.status === 204 || this.status === 304) this.#part = "idle";
    else if (chunked) this.#part = "chunk-size";
    else if (length >= 0) {
      this.#left = length;
      this.#part = length === 0 ? "idle" : "length";
    } else {
      this.keepAlive = false;
      this.#part = "until-close";
    }
    this.#line = "";
  }

  #readField(line: string, framing: Framing): void {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new ReplyError("a header's name and a colon", line);
    const { headers } = this;
    const value = (): string => line.slice(colon + 1).trim();
    switch (line.slice(0, colon).toLowerCase()) {
      case "content-length": {
        const text = value();
        const length = /^\d{1,15}$/.test(text) ? Number(text) : -1;
        if (length < 0 || (framing.length >= 0 && framing.length !== length))
          throw new ReplyError("one content-length in bytes", line);
        framing.length = length;
        return;
      }
      case "transfer-encoding":
        framing.chunked = /(?:^|,)\s*chunked$/i.test(value());
        return;
      case "connection":
        if (/\bclose\b/i.test(value())) this.keepAlive = false;
        else if (/\bkeep-alive\b/i.test(value())) this.keepAlive = true;
        return;
      case "laneway-wait-ms": {
        const ms = Number(value());
        headers.waitMs = Number.isFinite(ms) ? ms : undefined;
        return;
      }
      case "laneway-lane":
        headers.lane = value();
        return;
      case "retry-after":
        headers.retryAfter = value();
        return;
      case "retry-after-ms":
        headers.retryAfterMs = value();
        return;
      case "date":
        headers.date = value();
        return;
      default:
    }
  }

  /** A line of the chunked coding: a size, the end of a chunk, a trailer. */
  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(LF, at);
    this.#line += bytes.toString("latin1", at, end === -1 ? bytes.length : end);
    if (this.#line.length > LINE_MAX) throw new ReplyError("a line of a chunked body", this.#line);
    if (end === -1) return bytes.length;
    const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
    this.#line = "";
    if (this.#part === "chunk-end") {
      if (line !== "") throw new ReplyError("the end of a chunk", line);
      this.#part = "chunk-size";
    } else if (this.#part === "trailer") {
      if (line === "") this.#part = "idle";
    } else {
      const size = /^([\da-f]{1,12})[ \t]*(?:;|$)/i.exec(line);
      if (size === null) throw new ReplyError("the size of a chunk", line);
      this.#left = Number.parseInt(size[1]!, 16);
      this.#part = this.#left === 0 ? "trailer" : "chunk";
    }
    return end + 1;
  }
}

interface Framing {
  length: number;
  chunked: boolean;
}

function none(): ReplyHeaders {
  return {
    waitMs: undefined,
    lane: undefined,
    retryAfter: undefined,
    retryAfterMs: undefined,
    date: undefined,
  };
}

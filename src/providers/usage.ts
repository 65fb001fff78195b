/** Takes what a reply used out of it while it passes: a stream of events, or one JSON object. */

import { asBuffer } from "./body-facts.ts";
import { JsonScan } from "./json-scan.ts";
import type { JsonLeaf, JsonPaths } from "./json-scan.ts";
import type { Usage, UsageReader } from "./provider.ts";
import { SseWatch } from "./sse.ts";

/** Every protocol has its counts below a member of this name. In a model's text it is escaped, so it is not mistaken. */
const MARK = Buffer.from('"usage"');

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
  private readonly tally: UsageTally;
  private readonly scan: JsonScan;

  constructor(shape: UsageShape) {
    this.tally = shape.tally();
    this.scan = new JsonScan({ paths: shape.paths, found: (path, value) => this.tally.note(path, value) });
  }

  push(chunk: Uint8Array): void {
    this.scan.push(asBuffer(chunk));
  }

  end(): Usage | undefined {
    return this.seen;
  }

  get seen(): Usage | undefined {
    return this.tally.usage(this.scan.whole);
  }
}

/** A count of tokens; undefined for anything else, a null among them. */
export function tokensOf(value: JsonLeaf): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

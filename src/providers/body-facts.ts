/**
 * What the body of a request says about it, in one scan: a chat with its images runs to megabytes, and only a few short
 * values of it matter here.
 */

import { jsonPaths, JsonScan } from "./json-scan.ts";
import type { JsonLeaf } from "./json-scan.ts";
import type { BodyFacts } from "./provider.ts";

const MODEL = "model";
const STREAM = "stream";
const SERVICE = "service_tier";

/** Where each API has its bound on the output, the one that binds first. */
const OUTPUT_BOUNDS = ["max_output_tokens", "max_completion_tokens", "max_tokens"] as const;

const WANTED: readonly string[] = [MODEL, STREAM, SERVICE, ...OUTPUT_BOUNDS];
const PATHS = jsonPaths(WANTED);

/** A shorter string may be anything; a longer one without a blank in it is a file in base64. */
const MEDIA_BYTES = 1_024;
/** Bytes of a string that are looked at to tell base64 from text. */
const SAMPLE_BYTES = 256;
const BASE64 = /^(?:data:[^,]{0,128},)?[\w+/=-]+$/;
const BASE64_PDF = /^(?:data:[^,]{0,128},)?JVBER/;
/** An image comes to about 1,600 tokens at most, whatever its file's size: as much as so many bytes of text. */
const IMAGE_AS_TEXT_BYTES = 6_400;
/** A page of a PDF comes to 1,500 to 3,000 tokens, and to some 70 KB of base64. */
const PDF_BYTES_PER_TEXT_BYTE = 8;

// One scan for all bodies: it is over before anybody else can begin one, and making one costs half of a short scan. Its
// values stand in a list, for a `Map` gets a new table when it is cleared, and its old tables hold the next.
const values: JsonLeaf[] = WANTED.map(() => undefined);
let saved = 0;
const scan = new JsonScan({
  paths: PATHS,
  found: (path, value) => (values[WANTED.indexOf(path)] = value),
  onString: (piece, open, close) => {
    if (close - open > MEDIA_BYTES) saved += bytesSaved(piece, open + 1, close);
  },
});

const NO_FACTS: Omit<BodyFacts, "bytes"> = {
  model: undefined,
  maxOutputTokens: undefined,
  stream: false,
  service: undefined,
};

/**
 * Reads a request's JSON body. A text that is not a whole JSON object, a compressed one among them, says nothing but its
 * size. Of members that stand there twice the last counts, as for every common JSON reader: it is the one that the
 * upstream would take.
 */
export function bodyFacts(body: Uint8Array): BodyFacts {
  values.fill(undefined);
  saved = 0;
  scan.reset();
  scan.push(asBuffer(body));
  if (!scan.whole) return { ...NO_FACTS, bytes: body.length };
  return {
    model: textOf(valueOf(MODEL)),
    maxOutputTokens: outputBound(),
    stream: valueOf(STREAM) === true,
    service: textOf(valueOf(SERVICE)),
    bytes: body.length - saved,
  };
}

function valueOf(path: string): JsonLeaf {
  return values[WANTED.indexOf(path)];
}

function outputBound(): number | undefined {
  for (const path of OUTPUT_BOUNDS) {
    const count = countOf(valueOf(path));
    if (count !== undefined) return count;
  }
  return undefined;
}

/** The string under "model" at the top level of a JSON object; undefined when there is none or the text is not a whole object. */
export function modelOf(body: Uint8Array): string | undefined {
  return bodyFacts(body).model;
}

/** The same bytes as a `Buffer`, which searches faster; not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function bytesSaved(piece: Buffer, from: number, to: number): number {
  const sample = piece.toString("latin1", from, from + SAMPLE_BYTES);
  if (!BASE64.test(sample)) return 0;
  const bytes = to - from;
  const asText = BASE64_PDF.test(sample)
    ? Math.max(IMAGE_AS_TEXT_BYTES, Math.round(bytes / PDF_BYTES_PER_TEXT_BYTE))
    : IMAGE_AS_TEXT_BYTES;
  return Math.max(0, bytes - asText);
}

function textOf(value: JsonLeaf): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function countOf(value: JsonLeaf): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

/** A request's body read whole, and unpacked where it came compressed. */

import type { IncomingMessage } from "node:http";
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { StandInError } from "./dialect.ts";

const MIB = 1024 * 1024;
const MESSAGE_BYTES = 32 * MIB;
const BATCH_BYTES = 256 * MIB;
const FILE_BYTES = 500 * MIB;

const UNPACKERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** Throws a `StandInError` for a body that is too large, or compressed in a way that nobody can read. */
export async function readBody(request: IncomingMessage, path: string): Promise<Buffer> {
  const most = path.startsWith("/v1/files")
    ? FILE_BYTES
    : path.startsWith("/v1/messages/batches")
      ? BATCH_BYTES
      : MESSAGE_BYTES;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most)
      throw new StandInError(
        413,
        "request_too_large",
        "Request exceeds the maximum allowed number of bytes.",
      );
    chunks.push(chunk);
  }
  return unpack(Buffer.concat(chunks), request.headers["content-encoding"]);
}

function unpack(body: Buffer, coding: string | undefined): Buffer {
  if (coding === undefined || coding === "identity") return body;
  const unpacker = UNPACKERS[coding];
  if (unpacker === undefined)
    throw new StandInError(400, "invalid_request_error", `request_body_encoding_unsupported: ${coding}`);
  try {
    return unpacker(body);
  } catch {
    throw new StandInError(400, "invalid_request_error", `request_body_encoding_invalid: not ${coding}`);
  }
}

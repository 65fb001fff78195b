/** A reply of the upstream that is held back: an error that may be tried again, or one whose URLs must be changed. */

import type { HeaderOf } from "../providers/provider.ts";

/** An error is judged by less than this; a longer one passes at once, unjudged. */
export const ERROR_BYTES_MAX = 65_536;

/** A page of a thousand batches is under one mebibyte; a longer reply passes unchanged. */
export const REWRITTEN_BYTES_MAX: number = 8 * 1_048_576;

export class HeldReply {
  readonly status: number;
  readonly statusText: string;
  /** As they would pass: `[name, value, …]`. */
  readonly headers: string[];
  readonly header: HeaderOf;
  readonly isError: boolean;
  bytes = 0;
  private readonly chunks: Buffer[] = [];

  constructor(status: number, statusText: string, headers: string[], header: HeaderOf, isError: boolean) {
    this.status = status;
    this.statusText = statusText;
    this.headers = headers;
    this.header = header;
    this.isError = isError;
  }

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
  }

  body(): Buffer {
    return this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks, this.bytes);
  }

  /** The headers for a body of another length. */
  headersFor(body: Buffer): string[] {
    const headers: string[] = [];
    for (let i = 0; i < this.headers.length; i += 2) {
      const name = this.headers[i]!;
      if (!/^content-length$/i.test(name)) headers.push(name, this.headers[i + 1]!);
    }
    headers.push("content-length", `${body.length}`);
    return headers;
  }
}

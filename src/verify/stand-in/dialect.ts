/** What one provider's protocol says to one call: either an answer at once, or work that takes a seat and time. */

import type { BudgetKind, Standing } from "./upstream-budgets.ts";

/** A request as a dialect sees it: its head, and its body read whole. */
export interface StandInCall {
  readonly method: string;
  /** The path without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly header: (name: string) => string | undefined;
  /** Unpacked where it came compressed. */
  readonly body: Buffer;
}

/** An answer that costs the model nothing: an error, a list, a count. JSON unless its headers say otherwise. */
export interface QuickAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** A reply of the model: its parts are written one after another while the run lasts; plain JSON has one part. */
export interface ModelAnswer {
  readonly contentType: "application/json" | "text/event-stream; charset=utf-8";
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: readonly string[];
  /** Who asked, as the body says it, so that a demo can tell its callers apart. */
  readonly user: string;
  readonly model: string;
  /** What counts against the rate limits: cache reads do not. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The most that the caller allows; 0 for a call that writes nothing. */
  readonly maxOutputTokens: number;
}

/** An error to answer instead of a reply, in words that every dialect can put into its own shape. */
export interface StandInFailure {
  readonly status: number;
  /** Anthropic's `error.type`, or OpenAI's `error.code`. */
  readonly type: string;
  readonly message: string;
  /** Anthropic's `error.details.error_code`. */
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One provider's protocol. */
export interface Dialect {
  answer(call: StandInCall, reply: ReplySize): QuickAnswer | ModelAnswer;
  failure(failure: StandInFailure): QuickAnswer;
  /** What the provider calls an error of this status. */
  typeOf(status: number): string;
  /** Whose rate limits a call counts against. */
  keyOf(call: StandInCall): string;
  /** The rate limits and what is left of them, as every reply tells it. */
  limitHeaders(standing: Standing, nowMs: number): Record<string, string>;
  /** What it says when a rate limit is reached. */
  limited(kind: BudgetKind, model: string): StandInFailure;
  /** What it says when every seat is taken and it does not queue. */
  readonly full: StandInFailure;
}

/** How the made-up model reads and answers. */
export interface ReplySize {
  /** Characters of text that count as one input token. */
  readonly charsPerToken: number;
  /** Output tokens of the reply where the call was told so; undefined: as many as a short answer has. */
  readonly outputTokens: number | undefined;
}

/** Thrown inside a dialect to answer with an error; the server turns it into that dialect's shape. */
export class StandInError extends Error {
  readonly failure: StandInFailure;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.failure = { status, type, message };
  }
}

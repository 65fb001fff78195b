/** What one provider's protocol says to one call: either an answer at once, or work that takes a seat and time. */

/** A request as a dialect sees it: its head, and its body read whole. */
export interface StandInCall {
  readonly method: string;
  /** The path without its query. */
  readonly path: string;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

/** An answer that costs the model nothing: an error, a list, a count. */
export interface QuickAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A reply of the model: its parts are written one after another while the run lasts; plain JSON has one part. */
export interface ModelAnswer {
  readonly contentType: "application/json" | "text/event-stream; charset=utf-8";
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: readonly string[];
  /** Who asked, as the body says it, so that a demo can tell its callers apart. */
  readonly user: string;
}

/** An error to answer instead of a reply, in words that every dialect can put into its own shape. */
export interface StandInFailure {
  readonly status: number;
  /** Anthropic's `error.type`, or OpenAI's `error.code`. */
  readonly type: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One provider's protocol. */
export interface Dialect {
  answer(call: StandInCall): QuickAnswer | ModelAnswer;
  failure(failure: StandInFailure): QuickAnswer;
  /** What it says when every seat is taken and it does not queue. */
  readonly full: StandInFailure;
}

/** Thrown inside a dialect to answer with an error; the server turns it into that dialect's shape. */
export class StandInError extends Error {
  readonly failure: StandInFailure;

  constructor(failure: StandInFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** A JSON object, or undefined for anything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The text, or nothing for anything that is not text. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** About how many tokens a text has: four characters each, as the providers' rules of thumb say. */
export function tokensOf(text: string): number {
  return Math.max(1, Math.ceil(text.length / 4));
}

/** What the stand-in says: as many of these words as the caller's limit allows. */
const WORDS =
  "This reply was made up by a stand-in that takes its time like a model does and says about as much as a short answer would say".split(
    " ",
  );

/** The reply's words, one token each, and whether the caller's limit cut them short. */
export function replyWords(maxTokens: number): { words: readonly string[]; cut: boolean } {
  const count = Math.min(WORDS.length, Math.max(1, maxTokens));
  return { words: WORDS.slice(0, count), cut: count < WORDS.length };
}

/** An example value that fits a JSON Schema well enough to call a tool with. */
export function exampleOf(schema: unknown, depth = 0): unknown {
  const rules = asRecord(schema) ?? {};
  const choices = rules["enum"];
  if (Array.isArray(choices) && choices.length > 0) return choices[0];
  switch (rules["type"]) {
    case "object": {
      const fields = Object.entries(asRecord(rules["properties"]) ?? {});
      return depth > 8
        ? {}
        : Object.fromEntries(fields.map(([name, rule]) => [name, exampleOf(rule, depth + 1)]));
    }
    case "array":
      return [exampleOf(rules["items"], depth + 1)];
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return true;
    default:
      return "example";
  }
}

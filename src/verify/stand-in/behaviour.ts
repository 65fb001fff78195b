/**
 * What one call meets instead of a plain answer. A program says it with `standIn.script`, a test in another process
 * with the header `x-stand-in` of the call itself:
 *
 *     x-stand-in: status=529; retry-after=2        an error in the caller's protocol, with a header of that name
 *     x-stand-in: status=429; type=insufficient_quota; code=enforced_spend_limit_reached; message=No money
 *     x-stand-in: delay=50                         milliseconds before the head
 *     x-stand-in: event-delay=20                   milliseconds between a stream's events
 *     x-stand-in: cut=3                            the connection ends after three events (0: before the head)
 *     x-stand-in: cut-bytes=100                    or after so many bytes of the body
 *     x-stand-in: cut=0; reset                     the same by a TCP reset
 *     x-stand-in: stall=2                          nothing more after two events, the connection stays open
 *     x-stand-in: hang                             no answer at all
 *     x-stand-in: garbage                          bytes that are not HTTP
 *     x-stand-in: tokens=400                       the reply has so many output tokens (at most max_tokens)
 *     x-stand-in: status=529; times=2              only the first two calls with this very header
 *
 * An event is what is written at a time: a delta with what surrounds it. Other names are headers of the reply.
 */

import type { StandInFailure } from "./dialect.ts";

/** How one call is to be answered; what is left out is as usual. */
export interface Behaviour {
  /** Milliseconds before the head of the reply. */
  readonly delayMs?: number;
  /** Milliseconds between two events, instead of what `runMs` gives. */
  readonly eventDelayMs?: number;
  /** An error of this status instead of the reply; below 400 only the status changes. */
  readonly status?: number;
  /** Anthropic's `error.type` or OpenAI's `error.code`. Default what the provider says with this status. */
  readonly type?: string;
  /** Anthropic's `error.details.error_code`. */
  readonly code?: string;
  readonly message?: string;
  /** Headers beside the usual ones, or instead of them. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A body instead of the usual one, written as it is. */
  readonly body?: string;
  /** The connection ends after so many events; 0: before the head. */
  readonly cutAfterEvents?: number;
  /** The connection ends after so many bytes of the body. */
  readonly cutAfterBytes?: number;
  /** Cuts with a TCP reset rather than an orderly end. */
  readonly reset?: boolean;
  /** Nothing more after so many events. */
  readonly stallAfterEvents?: number;
  readonly hang?: boolean;
  readonly garbage?: boolean;
  /** Output tokens of the reply, at most what the caller allows. */
  readonly outputTokens?: number;
}

const NUMBERS: Readonly<Record<string, keyof Behaviour>> = {
  delay: "delayMs",
  "event-delay": "eventDelayMs",
  status: "status",
  cut: "cutAfterEvents",
  "cut-bytes": "cutAfterBytes",
  stall: "stallAfterEvents",
  tokens: "outputTokens",
};
const FLAGS: ReadonlySet<string> = new Set(["reset", "hang", "garbage"]);
const TEXTS: ReadonlySet<string> = new Set(["type", "code", "message", "body"]);

/** Reads the `x-stand-in` headers of calls, and counts those that are meant only so many `times`. */
export class HeaderScript {
  readonly #seen = new Map<string, number>();

  /** Undefined without the header, or when its times are over. Throws for a number that is none. */
  behaviour(header: string | undefined): Behaviour | undefined {
    if (header === undefined) return undefined;
    const { times, ...behaviour } = parse(header);
    if (times === undefined) return behaviour;
    const before = this.#seen.get(header) ?? 0;
    this.#seen.set(header, before + 1);
    return before < times ? behaviour : undefined;
  }
}

function parse(header: string): Behaviour & { readonly times?: number } {
  const found: Record<string, unknown> = {};
  const headers: Record<string, string> = {};
  for (const pair of header.split(";")) {
    const at = pair.indexOf("=");
    const name = (at === -1 ? pair : pair.slice(0, at)).trim().toLowerCase();
    const value = at === -1 ? "" : pair.slice(at + 1).trim();
    if (name === "") continue;
    const field = name === "times" ? "times" : NUMBERS[name];
    if (field !== undefined) found[field] = numberOf(name, value);
    else if (FLAGS.has(name)) found[name] = true;
    else if (TEXTS.has(name)) found[name] = value;
    else headers[name] = value;
  }
  return Object.keys(headers).length === 0 ? found : { ...found, headers };
}

function numberOf(name: string, value: string): number {
  const number = Number(value);
  if (value === "" || !Number.isFinite(number) || number < 0)
    throw new RangeError(`x-stand-in: expected a number for ${name}, found ${JSON.stringify(value)}`);
  return number;
}

/** The error that a behaviour asks for, in words that the dialect puts into its shape. */
export function failureOf(
  behaviour: Behaviour,
  typeOf: (status: number) => string,
): StandInFailure | undefined {
  const { status, code, message, headers } = behaviour;
  if (status === undefined || status < 400) return undefined;
  return {
    status,
    type: behaviour.type ?? typeOf(status),
    message: message ?? `The stand-in was told to answer ${status}.`,
    ...(code === undefined ? {} : { code }),
    ...(headers === undefined ? {} : { headers }),
  };
}

/**
 * What is known of a wire protocol: a port. Everything that differs between Anthropic, OpenAI and plain HTTP sits behind
 * it, one file each, so that no other file asks which protocol it is talking. It only reads: no I/O, no clock, and no
 * byte of a request or reply is changed here.
 */

import type { LanewayCode, LanewayReason } from "../core/errors.ts";
import type { Cost } from "../core/options.ts";
import type { Provider as ProviderName } from "../policy/policy.ts";

/** Why a request got no reply from its upstream, as far as the wire tells it: several reasons may look the same there. */
export type RefusalKind =
  /** The lane's or the resource's queue is full, or a higher lane took the place in it. */
  | "full"
  /** This flow holds most of what is queued. */
  | "flow-share"
  /** It waited too long, or would have. */
  | "waited"
  /** The lane's time-out passed before the first byte of a reply. */
  | "timeout"
  /** The caller's own deadline. */
  | "deadline"
  | "draining"
  | "deadlock"
  /** The upstream cannot be reached, broke off, or answered something that is not HTTP. */
  | "upstream"
  | "bad-request"
  | "not-found"
  | "upload-timeout"
  | "too-large"
  | "headers-too-large"
  | "not-implemented"
  | "internal";

/** One refusal, before it takes a protocol's shape. */
export interface Refusal {
  readonly kind: RefusalKind;
  /** One sentence for a person. */
  readonly message: string;
  readonly requestId: string;
  readonly code?: LanewayCode | undefined;
  readonly reason?: LanewayReason | undefined;
  readonly lane?: string | undefined;
}

/** A refusal on the wire. */
export interface RefusalReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Reads a request header by its lower-case name. */
export type HeaderOf = (name: string) => string | undefined;

/** What a request asks for: what it costs and whether its reply tells of usage differ by this alone. */
export type RequestKind = "generate" | "count" | "embed" | "batch" | "file" | "list" | "other";

/** Why an upstream did not do what it was asked; "none" for a reply that is no fault of the upstream's. */
export type VerdictReason =
  | "rate-limit"
  | "overloaded"
  | "server-error"
  /** A spend limit, or no credit: more requests change nothing. */
  | "money"
  /** Traffic grew faster than the upstream lets it. */
  | "ramp"
  | "conflict"
  | "timeout"
  | "none";

/** What to do after a reply. */
export interface Verdict {
  readonly retry: boolean;
  /** Milliseconds that the upstream asked to wait (`retry-after-ms`, else `retry-after`); undefined when it did not. */
  readonly afterMs: number | undefined;
  /** The whole key or the model is refused, not this request alone: pause it. */
  readonly pause: "key" | "model" | undefined;
  readonly reason: VerdictReason;
}

/** One reply, as far as it is judged. */
export interface Judged {
  readonly status: number;
  readonly header: HeaderOf;
  /** The body of an error reply, or its first 64 KiB; undefined when it was not read. */
  readonly body: Uint8Array | undefined;
}

/** The upstream's own books, as its headers show them. What it does not say is left out. */
export interface RateLimits {
  readonly left: Cost;
  /** A minute. */
  readonly limit: Cost;
  /** Until the allowance is whole again. */
  readonly resetMs: Cost;
}

/** What a reply used of the budgets. */
export interface Usage {
  /** As budgets count them: what the provider reads from its cache is left out where it does not count that. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** False for the reply of which a part is missing: the output is an estimate then. */
  readonly final: boolean;
}

/** Looks on while a reply passes, and takes the usage out of it. Chunks may end anywhere, and are never changed. */
export interface UsageReader {
  push(chunk: Uint8Array): void;
  /** The reply is whole, or broke off. Undefined when it told of no usage. */
  end(): Usage | undefined;
  /** The usage so far, for a stream that is given up. */
  readonly seen: Usage | undefined;
}

/** What the body of a request says about it. */
export interface BodyFacts {
  readonly model: string | undefined;
  /** The most output that was asked for. */
  readonly maxOutputTokens: number | undefined;
  readonly stream: boolean;
  /** The provider's own word for how soon it is to be served ("service_tier"). */
  readonly service: string | undefined;
  /** Bytes of text to be counted as input: images and files inside count by what they come to, not by their base64. */
  readonly bytes: number;
}

export interface Provider {
  readonly name: ProviderName;
  /** The host of the public API, by which an upstream given as a bare URL is recognised. */
  readonly publicHost: string | undefined;
  /** Whether a request of this shape is this protocol's own; `path` comes without its query. */
  owns(path: string, header: HeaderOf): boolean;
  /** Whether a POST to this path carries a JSON object with the model's name under "model". */
  namesModel(path: string): boolean;
  /** Whether its upstreams are told who the client was (`x-forwarded-*`): those of a third party are not. */
  readonly tellsClient: boolean;
  refusal(refusal: Refusal): RefusalReply;

  /** Lower-case names of all headers that a caller's credential may come in: they are removed when a key is put in. */
  readonly credentialHeaders: readonly string[];
  /** The header that carries `key`, in the style in which this caller brought its own. */
  keyHeader(key: string, header: HeaderOf): readonly [name: string, value: string];
  /** What a request asks for; `path` comes without its query. */
  kindOf(method: string, path: string): RequestKind;
  /** The name under which the upstream counts this model: those of one class share one rate limit. */
  classOf(model: string): string;
  /** What to do after a reply. */
  judge(reply: Judged): Verdict;
  /** The upstream's books; undefined when its headers say nothing of them. `wallMs` is now, in wall-clock milliseconds. */
  rateLimits(header: HeaderOf, wallMs: number): RateLimits | undefined;
  /** A reader for one reply of that content type; undefined where no usage is to be found. One reader, one reply. */
  usageReader(contentType: string | undefined): UsageReader | undefined;
  /** The client's own time-out for one try, in milliseconds; undefined when it states none. */
  clientTimeoutMs(header: HeaderOf): number | undefined;
  /** How often the client sent this request before. */
  clientRetries(header: HeaderOf): number;
  /** What keeps a waiting stream warm and every client of this protocol passes over; undefined when nothing does. */
  readonly streamPing: string | undefined;
  /** How a refusal is told inside a stream that has begun; undefined when the protocol has no words for it. */
  streamError(refusal: Refusal): string | undefined;
  /** Whether URLs in the reply name the upstream and must name the host that the client dialled; `path` without query. */
  rewritesUrls(method: string, path: string): boolean;
}

/** Whether `path` is `base` or lies below it. */
export function isUnder(path: string, base: string): boolean {
  return path.startsWith(base) && (path.length === base.length || path.charCodeAt(base.length) === 0x2f);
}

/**
 * What the gateway knows of a wire protocol: a port. Everything that differs between Anthropic, OpenAI and plain HTTP
 * sits behind it, one file each, so that no other file asks which protocol it is talking.
 */

import type { LanewayCode, LanewayReason } from "../../core/errors.ts";
import type { Provider as ProviderName } from "../../policy/policy.ts";

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
}

/** Whether `path` is `base` or lies below it. */
export function isUnder(path: string, base: string): boolean {
  return path.startsWith(base) && (path.length === base.length || path.charCodeAt(base.length) === 0x2f);
}

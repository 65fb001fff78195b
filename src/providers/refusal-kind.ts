/** What an error of ours is on the wire, in the terms that every protocol has an answer for, and when to come back. */

import type { LanewayCode, LanewayError, LanewayReason } from "../core/errors.ts";
import type { RefusalKind } from "./provider.ts";

/** Longer than this some clients do not obey; shorter than a second the header cannot say. */
const RETRY_AFTER_S = { min: 1, max: 59 } as const;

type Refusing = Exclude<LanewayCode, "LANEWAY_INVALID">;

const BY_CODE: Readonly<Record<Refusing, RefusalKind>> = {
  LANEWAY_REJECTED: "full",
  LANEWAY_EVICTED: "full",
  LANEWAY_TIMEOUT: "waited",
  LANEWAY_DEADLINE: "deadline",
  LANEWAY_DRAINING: "draining",
  LANEWAY_DEADLOCK: "deadlock",
  LANEWAY_UPSTREAM: "upstream",
};

/** Reasons that look different on the wire from the rest of their code. */
const BY_REASON: Readonly<Partial<Record<LanewayReason, RefusalKind>>> = {
  "flow-share": "flow-share",
  task: "timeout",
};

/** `invalid`: whose mistake a wrong option is, which depends on who chose it. */
export function refusalKindOf(
  { code, reason }: LanewayError,
  invalid: "bad-request" | "internal",
): RefusalKind {
  return BY_REASON[reason] ?? (code === "LANEWAY_INVALID" ? invalid : BY_CODE[code]);
}

/** Whole seconds for `retry-after`, within what clients obey. */
export function retryAfterSeconds(ms: number): number {
  return Math.min(RETRY_AFTER_S.max, Math.max(RETRY_AFTER_S.min, Math.ceil(ms / 1_000)));
}

/** A header holds no more than Latin-1, and a lane may be named in any script. */
export function printable(text: string): string {
  // On each reply, and nearly always there is nothing to replace: a look at each character costs a tenth of the pattern.
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return text.replace(/[^\x20-\x7e]/g, "?");
  }
  return text;
}

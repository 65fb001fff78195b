/** A refusal of the gateway's own making: what is wrong with a request before any lane has seen it. */

import type { RefusalKind } from "../providers/provider.ts";

/** Carries no stack: it is an answer, not a bug. */
export class Refused extends Error {
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.kind = kind;
  }
}

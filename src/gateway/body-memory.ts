/** The bound on all request bodies that are held in memory at once: thousands may be queued, each with its body. */

import { totalmem } from "node:os";
import { LanewayError } from "../core/errors.ts";

/** A share that leaves room for everything else a request takes. */
const SHARE = 0.25;

/** A body is gone when some other request was answered; no sooner than the next second. */
const RETRY_AFTER_MS = 1_000;

export class BodyMemory {
  readonly maxBytes: number;
  private heldBytes = 0;

  constructor(maxBytes: number | undefined) {
    // Containers may use less than the machine has; 0 or an absurd number means that nothing says so.
    const constrained = process.constrainedMemory();
    const usable = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
    this.maxBytes = maxBytes ?? Math.floor(usable * SHARE);
  }

  /** Throws `LANEWAY_REJECTED` when there is no room for so many bytes more. */
  hold(bytes: number): void {
    if (this.heldBytes + bytes > this.maxBytes) {
      throw new LanewayError(`the gateway holds as many request bodies as it may (${this.maxBytes} bytes)`, {
        code: "LANEWAY_REJECTED",
        reason: "resource-full",
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    this.heldBytes += bytes;
  }

  free(bytes: number): void {
    this.heldBytes -= bytes;
  }
}

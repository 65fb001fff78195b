/** Reads an upstream's error for what to do about it. */

import { asBuffer } from "./body-facts.ts";
import { jsonPaths, JsonScan } from "./json-scan.ts";
import type { JsonLeaf } from "./json-scan.ts";
import type { HeaderOf, Judged, Verdict, VerdictReason } from "./provider.ts";
import { retryAfterMs } from "./retry-after.ts";

/** What an error body says; empty where it says nothing. */
export interface ErrorFacts {
  readonly type: string;
  /** `error.details.error_code`, else `error.code`. */
  readonly code: string;
  readonly message: string;
}

const PATHS = jsonPaths(["error.type", "error.code", "error.message", "error.details.error_code"]);

/** Reads both providers' shape of an error, also when the body is cut off behind it. */
export function errorFacts(body: Uint8Array | undefined): ErrorFacts {
  const values = new Map<string, string>();
  const found = (path: string, value: JsonLeaf): void => {
    if (typeof value === "string") values.set(path, value);
  };
  if (body !== undefined) new JsonScan({ paths: PATHS, found }).push(asBuffer(body));
  return {
    type: values.get("error.type") ?? "",
    code: values.get("error.details.error_code") ?? values.get("error.code") ?? "",
    message: values.get("error.message") ?? "",
  };
}

/** What one reply means, before what its headers say of it. */
export interface Finding {
  readonly reason: VerdictReason;
  readonly retry: boolean;
  readonly pause?: "key" | "model" | undefined;
}

export const NO_FAULT: Finding = { reason: "none", retry: false };
export const MONEY: Finding = { reason: "money", retry: false };

/** What a status alone means, as the official SDKs of both AI providers take it. */
export function findingOfStatus(status: number): Finding {
  if (status === 408 || status === 504) return { reason: "timeout", retry: true };
  if (status === 409) return { reason: "conflict", retry: true };
  if (status === 503 || status === 529) return { reason: "overloaded", retry: true };
  // What an upstream cannot do now it cannot do in a second.
  if (status === 501 || status === 505) return { reason: "server-error", retry: false };
  if (status >= 500) return { reason: "server-error", retry: true };
  return NO_FAULT;
}

/** Puts together what a reply means and what its headers ask for. `x-should-retry` decides, but never about money. */
export function verdictOf({ status, header }: Judged, finding: Finding): Verdict {
  const settled = status < 400 || finding.reason === "money";
  return {
    retry: settled ? false : (shouldRetry(header) ?? finding.retry),
    afterMs: retryAfterMs(header),
    pause: finding.pause,
    reason: finding.reason,
  };
}

function shouldRetry(header: HeaderOf): boolean | undefined {
  const text = header("x-should-retry");
  return text === "true" ? true : text === "false" ? false : undefined;
}

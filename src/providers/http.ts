/** Plain HTTP: owns no path of its own, and explains itself as RFC 9457 problem details. */

import { findingOfStatus, NO_FAULT, verdictOf } from "./error-reply.ts";
import type { Finding } from "./error-reply.ts";
import type { Provider, RefusalKind } from "./provider.ts";

const REPLIES: Readonly<Record<RefusalKind, readonly [status: number, title: string]>> = {
  full: [503, "Too busy"],
  "flow-share": [429, "Too many requests from you"],
  waited: [503, "Too busy"],
  timeout: [504, "Time-out"],
  deadline: [504, "Too late"],
  draining: [503, "Shutting down"],
  deadlock: [500, "Deadlock"],
  upstream: [502, "Bad gateway"],
  "bad-request": [400, "Bad request"],
  "not-found": [404, "Not found"],
  "upload-timeout": [408, "Upload too slow"],
  "too-large": [413, "Body too large"],
  "headers-too-large": [431, "Headers too large"],
  "not-implemented": [501, "Not implemented"],
  internal: [500, "Internal error"],
};

function findingOf(status: number): Finding {
  // Nobody but this caller may be meant, so nobody else is held back.
  if (status === 429) return { reason: "rate-limit", retry: true };
  const finding = findingOfStatus(status);
  // Unlike an AI provider's, a service's 409 and 500 tell of this request, and will do so again.
  return status === 409 || status === 500 ? { ...finding, retry: false } : finding;
}

export const http: Provider = {
  name: "http",
  publicHost: undefined,
  tellsClient: true,

  owns() {
    return false;
  },

  namesModel() {
    return false;
  },

  refusal({ kind, message, requestId, code, reason, lane }) {
    const [status, title] = REPLIES[kind];
    const body = JSON.stringify({
      type: "about:blank",
      title,
      status,
      detail: message,
      code,
      reason,
      lane,
      requestId,
    });
    return { status, contentType: "application/problem+json", body };
  },

  credentialHeaders: ["authorization", "proxy-authorization"],

  keyHeader(key) {
    return ["authorization", `Bearer ${key}`];
  },

  kindOf() {
    return "other";
  },

  classOf() {
    return "";
  },

  judge(reply) {
    return verdictOf(reply, reply.status < 400 ? NO_FAULT : findingOf(reply.status));
  },

  rateLimits() {
    return undefined;
  },

  usageReader() {
    return undefined;
  },

  clientTimeoutMs() {
    return undefined;
  },

  clientRetries() {
    return 0;
  },

  streamPing: undefined,

  streamError() {
    return undefined;
  },

  rewritesUrls() {
    return false;
  },
};

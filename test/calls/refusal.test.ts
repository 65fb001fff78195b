import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalReply, refusalResponse } from "../../src/calls/refusal.ts";
import { LanewayError, REASONS } from "../../src/core/errors.ts";
import type { LanewayCode, LanewayReason } from "../../src/core/errors.ts";
import { anthropic } from "../../src/providers/anthropic.ts";
import { http } from "../../src/providers/http.ts";
import { openai } from "../../src/providers/openai.ts";

function error(code: LanewayCode, reason: LanewayReason, retryAfterMs?: number): LanewayError {
  return new LanewayError("too busy", { code, reason, lane: "чат", waitMs: 12.4, retryAfterMs });
}

test("each reason has the status that its provider's clients understand", () => {
  const told = Object.entries(REASONS).flatMap(([code, reasons]) =>
    reasons.map((reason) => {
      const refused = error(code as LanewayCode, reason);
      return `${code} ${reason}: ${[anthropic, openai, http].map((to) => refusalReply(refused, to).status).join(" ")}`;
    }),
  );
  assert.deepEqual(told, [
    "LANEWAY_REJECTED lane-full: 429 429 503",
    "LANEWAY_REJECTED resource-full: 429 429 503",
    "LANEWAY_REJECTED flow-share: 429 429 429",
    "LANEWAY_REJECTED memory: 429 429 503",
    "LANEWAY_REJECTED next-service: 429 429 503",
    "LANEWAY_EVICTED outranked: 429 429 503",
    "LANEWAY_EVICTED flow-share: 429 429 429",
    "LANEWAY_TIMEOUT queue: 529 503 503",
    "LANEWAY_TIMEOUT task: 504 504 504",
    "LANEWAY_TIMEOUT predicted: 529 503 503",
    "LANEWAY_DEADLINE predicted: 504 504 504",
    "LANEWAY_DEADLINE passed: 504 504 504",
    "LANEWAY_DRAINING draining: 529 503 503",
    "LANEWAY_DRAINING drain-timeout: 529 503 503",
    "LANEWAY_DEADLOCK nested: 500 500 500",
    "LANEWAY_UPSTREAM unreachable: 502 502 502",
    "LANEWAY_UPSTREAM reset: 502 502 502",
    "LANEWAY_UPSTREAM malformed: 502 502 502",
    "LANEWAY_INVALID invalid: 400 400 400",
  ]);
});

test("when to come back is said in whole seconds from 1 to 59, and otherwise that it is pointless", () => {
  const after = (ms?: number): (string | null)[] => {
    const { headers } = refusalResponse(error("LANEWAY_REJECTED", "lane-full", ms), anthropic);
    return [headers.get("retry-after"), headers.get("x-should-retry")];
  };
  assert.deepEqual(after(0), ["1", null]);
  assert.deepEqual(after(1_001), ["2", null]);
  assert.deepEqual(after(3_600_000), ["59", null]);
  assert.deepEqual(after(), [null, "false"]);
});

test("the headers say why, where and how long, in letters that a header can hold", async () => {
  const response = refusalResponse(error("LANEWAY_TIMEOUT", "queue"), anthropic);
  const named = ["laneway-reason", "laneway-lane", "laneway-wait-ms", "content-type"];
  assert.deepEqual(
    named.map((name) => response.headers.get(name)),
    ["queue", "???", "12", "application/json"],
  );
  const body = (await response.json()) as { request_id: string; error: { message: string } };
  assert.equal(body.error.message, "too busy");
  assert.equal(body.request_id, response.headers.get("laneway-request-id"));
});

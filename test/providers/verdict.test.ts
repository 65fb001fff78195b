import assert from "node:assert/strict";
import { test } from "node:test";
import { PROVIDERS } from "../../src/providers/known.ts";
import type { Provider, Verdict } from "../../src/providers/provider.ts";

const { anthropic, openai, http } = PROVIDERS;
const AI = [anthropic, openai];

type Headers = Readonly<Record<string, string>>;

function judged(provider: Provider, status: number, error?: object, headers: Headers = {}): Verdict {
  const text =
    error === undefined ? undefined : JSON.stringify({ type: "error", error, request_id: "req_1" });
  return provider.judge({
    status,
    header: (name) => headers[name],
    body: text === undefined ? undefined : Buffer.from(text),
  });
}

const short = ({ retry, reason, pause }: Verdict): string =>
  `${retry ? "retry" : "no"} ${reason}${pause === undefined ? "" : ` pause ${pause}`}`;

test("replies are judged by their status when their body says no more", () => {
  const wanted: Readonly<Record<number, readonly [anthropic: string, openai: string, http: string]>> = {
    200: ["no none", "no none", "no none"],
    302: ["no none", "no none", "no none"],
    400: ["no none", "no none", "no none"],
    401: ["no none", "no none", "no none"],
    402: ["no money", "no money", "no none"],
    403: ["no none", "no none", "no none"],
    404: ["no none", "no none", "no none"],
    408: ["retry timeout", "retry timeout", "retry timeout"],
    409: ["retry conflict", "retry conflict", "no conflict"],
    413: ["no none", "no none", "no none"],
    429: ["retry rate-limit pause model", "retry rate-limit pause model", "retry rate-limit"],
    500: ["retry server-error", "retry server-error", "no server-error"],
    501: ["no server-error", "no server-error", "no server-error"],
    502: ["retry server-error", "retry server-error", "retry server-error"],
    503: ["retry overloaded", "retry overloaded", "retry overloaded"],
    504: ["retry timeout", "retry timeout", "retry timeout"],
    529: ["retry overloaded", "retry overloaded", "retry overloaded"],
  };
  for (const [status, verdicts] of Object.entries(wanted))
    for (const [n, provider] of [anthropic, openai, http].entries())
      assert.equal(short(judged(provider, Number(status))), verdicts[n], `${provider.name} ${status}`);
});

test("what is about money is never retried, whatever its headers say", () => {
  const headers = { "x-should-retry": "true", "retry-after": "1" };
  for (const code of ["enforced_spend_limit_reached", "contract_spend_limit_reached"]) {
    const error = { type: "rate_limit_error", message: "no", details: { error_code: code } };
    assert.equal(short(judged(anthropic, 429, error, headers)), "no money", code);
  }
  assert.equal(short(judged(anthropic, 402, { type: "billing_error", message: "pay" }, headers)), "no money");
  for (const code of [
    "insufficient_quota",
    "credit_balance_exhausted",
    "project_spend_limit_exceeded",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
  ])
    assert.equal(short(judged(openai, 429, { message: "no", type: "x", code }, headers)), "no money", code);
  assert.equal(
    short(judged(openai, 429, { message: "no", type: "insufficient_quota", code: null }, headers)),
    "no money",
  );
});

test("an upstream that calls the traffic's growth too fast is obeyed", () => {
  const ramp = { type: "rate_limit_error", message: "x", details: { error_code: "ramp_limit_exceeded" } };
  assert.deepEqual(judged(anthropic, 429, ramp, { "retry-after": "7" }), {
    retry: true,
    afterMs: 7_000,
    pause: "model",
    reason: "ramp",
  });
  const message = "This request would exceed your organization's acceleration limit; scale up more gradually";
  assert.equal(
    short(judged(anthropic, 429, { type: "rate_limit_error", message })),
    "retry ramp pause model",
  );
  for (const status of [429, 503])
    assert.equal(
      short(judged(openai, status, { message: "x", type: "x", code: "slow_down" })),
      "retry ramp pause model",
    );
});

test("a rate limit pauses the class of models, and the key when its headers say that all of it is used up", () => {
  const limited = { type: "rate_limit_error", message: "slower" };
  assert.equal(
    short(judged(anthropic, 429, limited, { "anthropic-ratelimit-requests-remaining": "0" })),
    "retry rate-limit pause model",
  );
  assert.equal(
    short(judged(anthropic, 429, limited, { "anthropic-ratelimit-unified-status": "rejected" })),
    "retry rate-limit pause key",
  );
});

test("a request that never fits is not sent again, and a tier without room holds nobody else back", () => {
  const message = "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 41000.";
  assert.equal(
    short(judged(openai, 429, { message, type: "tokens", code: "rate_limit_exceeded" })),
    "no rate-limit",
  );
  assert.equal(
    short(judged(openai, 429, { message: "busy", type: "x", code: "resource_unavailable" })),
    "retry overloaded",
  );
});

test("x-should-retry decides, but makes no fault of a reply that is none", () => {
  for (const provider of [...AI, http]) {
    assert.equal(judged(provider, 503, undefined, { "x-should-retry": "false" }).retry, false);
    assert.equal(judged(provider, 400, undefined, { "x-should-retry": "true" }).retry, true);
    assert.equal(judged(provider, 503, undefined, { "x-should-retry": "maybe" }).retry, true);
    assert.equal(judged(provider, 200, undefined, { "x-should-retry": "true" }).retry, false);
  }
});

test("the upstream's wish to be left alone is read in all its forms", () => {
  const after = (headers: Headers): number | undefined => judged(anthropic, 429, undefined, headers).afterMs;
  const date = "Wed, 21 Oct 2026 07:28:00 GMT";
  assert.equal(after({}), undefined);
  assert.equal(after({ "retry-after": "12" }), 12_000);
  assert.equal(after({ "retry-after": "0.5" }), 500);
  assert.equal(after({ "retry-after-ms": "1500", "retry-after": "2" }), 1_500);
  assert.equal(after({ "retry-after-ms": "-1", "retry-after": "2" }), 2_000);
  assert.equal(after({ "retry-after": "Wed, 21 Oct 2026 07:29:30 GMT", date }), 90_000);
  for (const text of ["0", "-5", "", "soon", "NaN"])
    assert.equal(after({ "retry-after": text, date }), undefined);
  assert.equal(after({ "retry-after": "Wed, 21 Oct 2026 07:29:30 GMT" }), undefined);
  assert.equal(after({ "retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", date }), undefined);
  assert.equal(after({ "retry-after": "1e300" }), 2 ** 31 - 1);
});

test("an error body that is cut off, compressed or no JSON at all is judged by what can be read", () => {
  const error = { message: "no", type: "x", code: "insufficient_quota", filler: "x".repeat(70_000) };
  const body = Buffer.from(JSON.stringify({ error })).subarray(0, 65_536);
  assert.equal(openai.judge({ status: 429, header: () => undefined, body }).reason, "money");
  for (const text of ["", "<html>", "\u001f\u008b", '{"error":"text"}', '{"error":null}', "null", '{"error'])
    for (const provider of AI) {
      const verdict = provider.judge({ status: 503, header: () => undefined, body: Buffer.from(text) });
      assert.equal(short(verdict), "retry overloaded", text);
    }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { goDurationMs } from "../../src/providers/go-duration.ts";
import { PROVIDERS } from "../../src/providers/known.ts";
import type { Provider, RateLimits } from "../../src/providers/provider.ts";

const { anthropic, openai, http } = PROVIDERS;
const NOW = Date.parse("2026-10-21T07:28:00Z");

function limits(provider: Provider, headers: Readonly<Record<string, string>>): RateLimits | undefined {
  return provider.rateLimits((name) => headers[name], NOW);
}

test("Anthropic's books are read for each kind", () => {
  assert.deepEqual(
    limits(anthropic, {
      "anthropic-ratelimit-requests-limit": "4000",
      "anthropic-ratelimit-requests-remaining": "3999",
      "anthropic-ratelimit-requests-reset": "2026-10-21T07:28:01Z",
      "anthropic-ratelimit-tokens-limit": "480000",
      "anthropic-ratelimit-tokens-remaining": "479000",
      "anthropic-ratelimit-tokens-reset": "2026-10-21T07:28:30Z",
      "anthropic-ratelimit-input-tokens-limit": "400000",
      "anthropic-ratelimit-input-tokens-remaining": "0",
      "anthropic-ratelimit-input-tokens-reset": "2026-10-21T07:29:00.5Z",
      "anthropic-ratelimit-output-tokens-limit": "80000",
      "anthropic-ratelimit-output-tokens-remaining": "79000",
      "anthropic-ratelimit-output-tokens-reset": "2026-10-21T07:27:00Z",
    }),
    {
      left: { requests: 3_999, inputTokens: 0, outputTokens: 79_000 },
      limit: { requests: 4_000, inputTokens: 400_000, outputTokens: 80_000 },
      resetMs: { requests: 1_000, inputTokens: 60_500, outputTokens: 0 },
    },
  );
});

test("where Anthropic does not tell tokens apart, what is left of all of them bounds both kinds", () => {
  assert.deepEqual(
    limits(anthropic, {
      "anthropic-ratelimit-tokens-limit": "480000",
      "anthropic-ratelimit-tokens-remaining": "5000",
      "anthropic-ratelimit-tokens-reset": "soon",
    }),
    {
      left: { inputTokens: 5_000, outputTokens: 5_000 },
      limit: { inputTokens: 480_000, outputTokens: 480_000 },
      resetMs: {},
    },
  );
});

test("OpenAI's one allowance of tokens bounds input and output alike", () => {
  assert.deepEqual(
    limits(openai, {
      "x-ratelimit-limit-requests": "500",
      "x-ratelimit-remaining-requests": "499",
      "x-ratelimit-reset-requests": "120ms",
      "x-ratelimit-limit-tokens": "30000",
      "x-ratelimit-remaining-tokens": "29000",
      "x-ratelimit-reset-tokens": "6m0s",
    }),
    {
      left: { requests: 499, inputTokens: 29_000, outputTokens: 29_000 },
      limit: { requests: 500, inputTokens: 30_000, outputTokens: 30_000 },
      resetMs: { requests: 120, inputTokens: 360_000, outputTokens: 360_000 },
    },
  );
});

test("limits that are not positive, and what cannot be read, say nothing", () => {
  for (const [limit, left] of [
    ["-1", "-1"],
    ["0", "0"],
    ["-1", "100"],
    ["many", "few"],
    ["", ""],
  ] as const)
    assert.equal(
      limits(openai, {
        "x-ratelimit-limit-requests": limit,
        "x-ratelimit-remaining-requests": left,
        "x-ratelimit-reset-requests": "1s",
      }),
      undefined,
      `${limit} ${left}`,
    );
  assert.equal(limits(openai, { "x-ratelimit-remaining-tokens": "0" }), undefined);
  assert.deepEqual(limits(openai, { "x-ratelimit-remaining-requests": "5" })?.left, { requests: 5 });
  assert.deepEqual(
    limits(openai, { "x-ratelimit-limit-requests": "5", "x-ratelimit-remaining-requests": "-1" }),
    {
      left: {},
      limit: { requests: 5 },
      resetMs: {},
    },
  );
  for (const provider of [anthropic, openai]) assert.equal(limits(provider, {}), undefined);
  assert.equal(limits(http, { "x-ratelimit-limit-requests": "5" }), undefined);
});

test("a Go duration is read as Go writes it", () => {
  const wanted: Readonly<Record<string, number | undefined>> = {
    "12ms": 12,
    "1s": 1_000,
    "6m0s": 360_000,
    "1h2m3.5s": 3_723_500,
    "2m59.56s": 179_560,
    "1.5h": 5_400_000,
    "250µs": 0.25,
    ".5s": 500,
    "0s": 0,
    "0": 0,
    "60": 60_000,
    "": undefined,
    "-1": undefined,
    "-1s": undefined,
    "1s ": 1_000,
    "1 s": undefined,
    "1d": undefined,
    s: undefined,
    "1s!": undefined,
  };
  for (const [text, ms] of Object.entries(wanted)) assert.equal(goDurationMs(text), ms, JSON.stringify(text));
  assert.equal(goDurationMs("1s".repeat(1_000)), undefined);
});

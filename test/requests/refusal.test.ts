import assert from "node:assert/strict";
import { test } from "node:test";
import { LanewayError, isLanewayError } from "../../src/core/errors.ts";
import { Resource } from "../../src/node/resource.ts";
import { pushRateLimit, refusalReply, returnSeconds } from "../../src/requests/refusal.ts";

const resource = new Resource({
  name: "http",
  limit: 3,
  lanes: [{ name: 'a"b\\c\u00e9' }, { name: "bulk" }],
});

function refused(retryAfterMs: number | undefined, message = "full"): LanewayError {
  return new LanewayError(message, {
    code: "LANEWAY_REJECTED",
    reason: "lane-full",
    lane: "bulk",
    retryAfterMs,
  });
}

test("a lane's name goes into the rate-limit fields as structured fields write it: escaped, printable", () => {
  const headers: string[] = [];
  pushRateLimit(headers, resource, 'a"b\\c\u00e9', 7);
  assert.deepEqual(headers, [
    "ratelimit-policy",
    '"a\\"b\\\\c?";q=3;qu="concurrent-requests"',
    "ratelimit",
    '"a\\"b\\\\c?";r=0;t=7',
  ]);
});

test("retry-after is whole seconds from 1 to 59, and absent when coming back is pointless", () => {
  const seconds = [undefined, 0, 1, 1_000, 1_001, 3_600_000].map((ms) => returnSeconds(refused(ms)));
  assert.deepEqual(seconds, [undefined, 1, 1, 1, 2, 59]);
});

test("the text of a refusal says the same seconds as its header", async () => {
  const busy = new Resource({ name: "http", limit: 1, lanes: [{ name: "bulk", queue: { max: 0 } }] });
  const permit = await busy.acquire();
  for (let n = 0; n < 20; n++) {
    const error = await busy.run(() => undefined).catch((reason: unknown) => reason);
    assert.ok(isLanewayError(error));
    assert.ok(error.message.endsWith(`; try again in ${returnSeconds(error)} s`), error.message);
  }
  permit.release();
});

test("a page says when to come back and what to name, and nothing of how the service is built", () => {
  const error = refused(2_000, `lane "<img src=x onerror='alert(1)'>" is full & closed`);
  const page = (refusal: LanewayError): string => {
    const told = { resource, requestId: "r<1>", accept: "text/html", tellsLane: true };
    const { body, headers } = refusalReply(refusal, told);
    assert.ok(headers.includes("text/html; charset=utf-8"));
    return body;
  };
  assert.match(page(error), /<h1>Too busy<\/h1>.*Please try again in 2 seconds\..*Request r&lt;1&gt;/);
  assert.doesNotMatch(page(error), /lane|bulk|img|onerror|full/);
  assert.match(page(refused(200)), /try again in 1 second\./);
  assert.doesNotMatch(page(refused(undefined)), /try again/);
});

test("a reply that must not tell lanes tells none, and still when to come back", () => {
  const { status, headers } = refusalReply(refused(2_000), {
    resource,
    requestId: "r1",
    accept: undefined,
    tellsLane: false,
  });
  assert.equal(status, 503);
  assert.equal(headers.includes("laneway-lane"), false);
  assert.equal(headers[headers.indexOf("retry-after") + 1], "2");
});

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hostMatcher, pathMatcher, pathReadings, valueMatcher } from "../../src/policy/pattern.ts";

function matches(pattern: string, target: string): boolean {
  return pathReadings(target).some(pathMatcher(pattern));
}

describe("a path pattern", () => {
  const table: readonly [pattern: string, path: string, matches: boolean][] = [
    ["/health", "/health", true],
    ["/health", "/health/", true],
    ["/health/", "/health", true],
    ["/health", "/healthy", false],
    ["/health", "/Health", false],
    ["/health", "/health?deep=1", true],
    ["/health", "/health#top", true],
    ["/health", "/x?/health", false],
    ["/", "/", true],
    ["/", "/x", false],
    ["/**", "/", true],
    ["/**", "/a/b", true],
    ["/*", "/", false],
    ["/*", "/a", true],
    ["/*", "/a/b", false],
    ["/api/**", "/api", true],
    ["/api/**", "/api/", true],
    ["/api/**", "/api/a/b/c", true],
    ["/api/**", "/apis", false],
    ["/api/*/items", "/api/7/items", true],
    ["/api/*/items", "/api/items", false],
    ["/api/*/items", "/api/7/8/items", false],
    ["/api/**/items", "/api/items", true],
    ["/api/**/items", "/api/7/8/items", true],
    ["/api/**/items", "/api/7/items/8", false],
    ["/**/items/**/last", "/a/items/b/items/last", true],
    ["/v1/models/claude-*", "/v1/models/claude-opus", true],
    ["/v1/models/claude-*", "/v1/models/claude-", true],
    ["/v1/models/claude-*", "/v1/models/gpt", false],
    ["/files/*.tar.*", "/files/a.tar.gz", true],
    ["/files/*.tar.*", "/files/a.zip", false],
    ["/café/**", "/caf%C3%A9/1", true],
    ["/a%20b", "/a%20b", true],
    ["/a b", "/a%20b", true],
  ];
  for (const [pattern, path, expected] of table) {
    it(`${pattern} ${expected ? "matches" : "does not match"} ${path}`, () =>
      assert.equal(matches(pattern, path), expected));
  }

  it("agrees with a matcher that tries everything, on random patterns and paths", () => {
    const seed = Number(process.env["LANEWAY_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    const random = randomFrom(seed);
    const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
    let matched = 0;
    for (let round = 0; round < 20_000; round++) {
      const segments = Array.from({ length: Math.floor(random() * 5) }, () =>
        pick(["a", "b", "ab", "aab", "ba"]),
      );
      const parts = Array.from({ length: Math.floor(random() * 5) }, () =>
        pick(["a", "b", "ab", "*", "**", "a*", "*b", "*a*", "a*b"]),
      );
      const path = `/${segments.join("/")}`;
      const pattern = `/${parts.join("/")}`;
      const expected = slowlyMatches(parts, segments);
      assert.equal(matches(pattern, path), expected, `${pattern} on ${path}, seed ${seed}`);
      if (expected) matched += 1;
    }
    assert.ok(matched > 1_000, `too few matches to mean anything: ${matched}, seed ${seed}`);
  });

  it("ends soon on a path made to confuse it, where trying everything would take for ever", () => {
    const pattern = `/${"**/a/".repeat(20)}end`;
    const path = `/${"a/".repeat(3_000)}`;
    assert.equal(matches(pattern, path), false);
    assert.equal(valueMatcher("*a*a*a*a*a*a*a*a*b")("a".repeat(50_000)), false);
  });
});

describe("the readings of a path", () => {
  const table: readonly [target: string, readings: readonly string[]][] = [
    ["/api/x", ["/api/x"]],
    ["/api//x///", ["/api/x"]],
    ["//api/x", ["/api/x"]],
    ["/%61pi/x", ["/api/x"]],
    ["/api/./x", ["/api/./x", "/api/x"]],
    ["/api/export/../x", ["/api/export/../x", "/api/x"]],
    ["/api/export/%2e%2E/x", ["/api/export/../x", "/api/x"]],
    ["/api%2Fexport", ["/api%2Fexport", "/api/export"]],
    ["/api\\export", ["/api\\export", "/api/export"]],
    ["/api%5cexport", ["/api\\export", "/api/export"]],
    ["/../../x", ["/../../x", "/x"]],
    ["/api/export;v=1/x", ["/api/export;v=1/x", "/api/export/x"]],
    ["/health/..;/export", ["/health/..;/export", "/export"]],
    ["/health/..;a=1/export%3Bb", ["/health/..;a=1/export;b", "/export"]],
    ["/%2561", ["/%61"]],
    ["/.well-known/x", ["/.well-known/x"]],
    ["/a/...", ["/a/..."]],
    ["/api/%", []],
    ["/api/%ff", []],
    ["/api/%zz/x", []],
    ["http://host:81/api/x?y", ["/api/x"]],
    ["http://host", ["/"]],
    ["*", []],
    ["host:443", []],
    ["", []],
  ];
  for (const [target, readings] of table) {
    it(`of ${JSON.stringify(target)} are ${JSON.stringify(readings)}`, () =>
      assert.deepEqual(pathReadings(target), readings));
  }
});

describe("a host pattern", () => {
  const table: readonly [pattern: string, host: string, matches: boolean][] = [
    ["api.example.com", "API.example.com:8443", true],
    ["API.example.com", "api.example.com.", true],
    ["*.example.com", "a.example.com", true],
    ["*.example.com", "example.com", false],
    ["*.example.com", "a.b.example.com", false],
    ["**.example.com", "a.b.example.com", true],
    ["api-*.example.com", "api-eu.example.com", true],
    ["example.com", "example.com.evil.test", false],
    ["[::1]", "[::1]:8080", true],
  ];
  for (const [pattern, host, expected] of table) {
    it(`${pattern} ${expected ? "matches" : "does not match"} ${host}`, () =>
      assert.equal(hostMatcher(pattern)(host), expected));
  }
});

describe("a value pattern", () => {
  const table: readonly [pattern: string, value: string, matches: boolean][] = [
    ["claude-haiku-*", "claude-haiku-4-5", true],
    ["claude-haiku-*", "claude-haiku-", true],
    ["claude-haiku-*", "us.anthropic.claude-haiku-4", false],
    ["*haiku*", "us.anthropic.claude-haiku-4", true],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["*", "", true],
    ["a.c", "abc", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*bc*c", "abc", false],
  ];
  for (const [pattern, value, expected] of table) {
    it(`${pattern} ${expected ? "matches" : "does not match"} ${JSON.stringify(value)}`, () =>
      assert.equal(valueMatcher(pattern)(value), expected));
  }
});

/** Tries every way to spread the segments over the parts, and every way to spread letters over stars. */
function slowlyMatches(parts: readonly string[], segments: readonly string[]): boolean {
  const [part, ...otherParts] = parts;
  if (part === undefined) return segments.length === 0;
  if (part === "**")
    return (
      segments.some((_, index) => slowlyMatches(otherParts, segments.slice(index))) ||
      slowlyMatches(otherParts, [])
    );
  const [segment, ...otherSegments] = segments;
  return (
    segment !== undefined &&
    segment !== "" &&
    slowlyGlobs(part, segment) &&
    slowlyMatches(otherParts, otherSegments)
  );
}

function slowlyGlobs(glob: string, text: string): boolean {
  if (glob === "") return text === "";
  if (glob[0] === "*")
    return slowlyGlobs(glob.slice(1), text) || (text !== "" && slowlyGlobs(glob, text.slice(1)));
  return text[0] === glob[0] && slowlyGlobs(glob.slice(1), text.slice(1));
}

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** What the author of a policy can and cannot do with it; SECURITY.md says so line by line. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PolicyError } from "../../src/policy/problems.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { ask, gatewayOn, startUpstream } from "../gateway/fixture.ts";

function read(text: string, env: Readonly<Record<string, string>> = {}): Promise<Policy> {
  return parsePolicy(text, { file: "laneway.yaml", env });
}

function refused(text: string, message: RegExp, env: Readonly<Record<string, string>> = {}): Promise<void> {
  return assert.rejects(
    read(text, env),
    (error) => error instanceof PolicyError && message.test(error.message),
  );
}

test("a policy is data: no tag makes anything else of it, and it names no other file", async () => {
  for (const tag of [
    "!!js/function 'function () {}'",
    "!!js/regexp /a/",
    "!!python/object:os.system id",
    "!include other.yaml",
  ])
    await refused(`defaultLane: ${tag}`, /YAML tags such as !!name are not used in a policy/);
  await refused("include: other.yaml", /unknown field "include"/);
});

test("a name is letters, digits, - _ and .: nothing that a shell, a path, a page, SQL or a header reads otherwise", async () => {
  const names = [
    "..",
    ".",
    "-rf",
    "--",
    "a/b",
    "a\\\\b",
    "a b",
    "a;b",
    "$(id)",
    "`id`",
    "a'b",
    "<b>",
    "a\\nb",
    "a\\u001bb",
    "a\\0b",
  ];
  for (const name of [...names, "ä", "x".repeat(64), ""]) {
    await refused(`lanes: [{ name: "${name}" }]`, /expected a name of letters, digits/);
    await refused(`resources: { "${name}": { limit: 1 } }`, /expected a name of letters, digits/);
  }
});

test("__proto__ is no name, so no condition is lost by it and nothing inherits from it; other names of objects are names", async () => {
  for (const text of [
    "__proto__: { enforce: false }",
    "resources: { __proto__: { limit: 1 } }",
    "resources: { a: { limit: 1, lanes: { __proto__: { reservation: 1 } } } }",
    // Without its condition the rule would hold for every request.
    "classify: [{ header: { __proto__: x }, lane: critical }]",
    "resources: { a: { limit: 1, __proto__: { limit: 9 } } }",
  ])
    await refused(text, /"__proto__" cannot be a name/);
  const { resources } = await read("resources: { constructor: { limit: 3 }, toString: { limit: 2 } }");
  assert.deepEqual(
    Object.values(resources).map(({ name, limit }) => [name, limit]),
    [
      ["constructor", 3],
      ["toString", 2],
    ],
  );
  assert.equal(({} as { readonly limit?: number }).limit, undefined);
});

test("a token that is empty, blank or short is refused, from a variable too", async () => {
  for (const token of ['""', '"${TOKEN:-}"', '"${TOKEN}"', '"                    "', "short", '"${SHORT}"'])
    await refused(
      `gateway: { adminToken: ${token} }`,
      /gateway\.adminToken: expected 16 characters or more/,
      {
        TOKEN: "",
        SHORT: "fifteen-letters",
      },
    );
});

test("an upstream is an http or https address, without a credential, and a value from outside adds no header to it", async (t) => {
  for (const url of [
    "file:///etc/passwd",
    "unix:/run/docker.sock",
    "javascript:1",
    "http://user:password@host",
  ])
    await refused(`resources: { a: { upstream: "${url}" } }`, /resources\.a\.upstream: expected/);
  const upstream = await startUpstream(t, (req, res) => res.end(JSON.stringify(req.headers)));
  const policy = await read('resources: { a: { upstream: "${URL}" } }', {
    URL: `${upstream.url}/a\r\nx-forged: 1`,
  });
  const gateway = await gatewayOn(
    t,
    `resources: { a: { upstream: ${JSON.stringify(policy.resources["a"]!.upstream)} } }`,
  );
  assert.doesNotMatch((await ask(gateway.url)).text, /x-forged":/);
});

test("an author is trusted with the environment and the network: any variable and any address may be named", async () => {
  const { resources, flow } = await read(
    '{ flow: { header: "${HOME_OF_FLOWS}" }, resources: { a: { upstream: "http://169.254.169.254/${PART}" } } }',
    { HOME_OF_FLOWS: "x-secret", PART: "of-the-environment" },
  );
  assert.deepEqual(
    [flow.header, resources["a"]!.upstream],
    ["x-secret", "http://169.254.169.254/of-the-environment"],
  );
});

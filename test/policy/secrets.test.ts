import assert from "node:assert/strict";
import { format, inspect } from "node:util";
import { describe, it } from "node:test";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { PolicyError } from "../../src/policy/problems.ts";
import { Secret } from "../../src/policy/secret.ts";
import { asking } from "./request.ts";

const SECRET = "s3cr3t-Value";
const env = { SECRET, LANE: "hidden-lane-name" };

/** Everything that an error can show. */
async function shownBy(text: string): Promise<string> {
  const error = await parsePolicy(text, { env }).then(
    () => assert.fail("expected a problem"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PolicyError);
  return `${error.message}\n${error.stack}\n${JSON.stringify(error.problems)}\n${inspect(error, { depth: 10 })}`;
}

describe("a secret is shown by no problem", () => {
  const wrong = "enforce: maybe\n";
  const caller = (fields: string): string => `${wrong}trust: { callers: [{ ${fields} }] }`;
  const ai = (fields: string): string =>
    `${wrong}resources: { ai: { provider: openai, upstream: "https://h", ${fields} } }`;
  const table: readonly [name: string, text: string][] = [
    ["when its own line is wrong elsewhere", caller(`key: ${SECRET}, upto: high`)],
    ["in quotes", caller(`key: "${SECRET}", upto: high`)],
    ["as a number of its own kind", caller(`key: "${SECRET}", cidr: 10.0.0.0/8`)],
    ["from the environment", caller('key: "${SECRET}", upto: high')],
    ["from the environment, with more around it", caller('key: "x${SECRET}", upto: high')],
    ["as the default of a variable", caller(`key: "\${NONE:-${SECRET}}", upto: high`)],
    ["over several lines", `trust:\n  callers:\n    - key: >-\n        ${SECRET}\n      upto: high`],
    ["in a list", `resources: { x: { limit: 1, keys: [a, ${SECRET}] } }`],
    ["in a list that is listed twice", ai(`keys: ["\${SECRET}", ${SECRET}]`)],
    ["in the list of a lane", ai(`lanes: { bulk: { keys: [a, ${SECRET}, ${SECRET}] } }`)],
    ["as the list itself", ai('keys: "${SECRET}"')],
    ["as the list itself, not even a variable", ai(`keys: ${SECRET}`)],
    ["in a map where a list belongs", ai(`keys: { a: ${SECRET}, ${SECRET}: b }`)],
    ["with a space in it", ai(`keys: ["${SECRET} ${SECRET}"]`)],
    ["as a budget", ai('budgets: { requests: "${SECRET}" }')],
    ["as a fallback", ai('fallback: { resource: "${SECRET}" }')],
    ["as a fallback in one word", ai('fallback: "${SECRET}"')],
    ["as a model with a star", ai('fallback: { model: "${SECRET}*" }')],
    ["in a list over lines", `resources:\n  x:\n    limit: 1\n    keys:\n      - ${SECRET}\n      - [`],
    ["under a misplaced name", `apiKey: ${SECRET}`],
    ["under another misplaced name", `gateway: { token: ${SECRET}, password: ${SECRET} }`],
    [
      "through an alias",
      `defaultLane: &k ${SECRET}\ntrust: { callers: [{ key: *k, upto: high }] }`.replace(
        "defaultLane",
        "key",
      ),
    ],
    ["in a header that a rule asks for", `classify: [{ header: { authorization: ${SECRET} }, lane: hgih }]`],
    ["in the URL of an upstream", `resources: { x: { upstream: "http://user:${SECRET}@h", limit: x } }`],
    ["in a text that does not parse", `trust: { callers: [{ key: ${SECRET}, upTo: high }`],
    ["in a text that does not parse, as a map", `key: ${SECRET}: x`],
    ["in a text that does not parse, unclosed", `trust:\n  callers:\n    - key: "${SECRET}\n`],
    ["as a lane that there is not", 'defaultLane: "${SECRET}"'],
    ["as a lane that there is, twice", 'lanes: [{ name: "${SECRET}" }, { name: "${SECRET}" }]'],
    ["as a lane among those that there are", 'lanes: [{ name: "${SECRET}" }]\ndefaultLane: x'],
    ["as the place of a problem", 'lanes: [{ name: "${SECRET}", timeout: 3 }]'],
    ["as an address", 'gateway: { listen: "${SECRET}" }'],
    ["as a path", 'classify: [{ path: "${SECRET}", lane: bulk }]'],
    ["as an upstream", 'resources: { x: { upstream: "${SECRET}" } }'],
    ["as a range", 'trust: { callers: [{ cidr: "${SECRET}", upTo: high }] }'],
    ["as a provider's key in the wrong place", "defaultLane: sk-ant-s3cr3t-Value"],
    ["after the word bearer", `defaultLane: Bearer ${SECRET}`],
  ];
  for (const [name, text] of table) {
    it(name, async () => {
      const shown = await shownBy(text);
      assert.ok(!shown.includes(SECRET), shown);
    });
  }

  it("while the reference to a variable may be, for it tells nothing", async () => {
    assert.match(await shownBy(caller('key: "${SECRET}", upto: high')), /key: "\$\{SECRET\}", upto/);
  });

  it("and the caret stays under what it points at", async () => {
    const text = `trust: { callers: [{ key: a-rather-long-key, upto: high }] }`;
    const error = (await parsePolicy(text).catch((reason: unknown) => reason)) as PolicyError;
    const [{ source, caret, length, column }] = error.problems as [PolicyError["problems"][number]];
    assert.equal(source.slice(caret, caret + length), "upto");
    assert.equal(text.slice(column - 1, column + 3), "upto");
  });
});

it("a policy in force shows no key, in whatever way it is printed", async () => {
  const policy = await parsePolicy(
    `trust: { callers: [{ key: "\${SECRET}", upTo: high }] }
resources: { ai: { provider: openai, upstream: "https://h", keys: ["\${SECRET}"], lanes: { bulk: { keys: ["\${SECRET}2"] } } } }`,
    { env },
  );
  const laneway = new Laneway(policy);
  for (const each of [policy, laneway, laneway.snapshot()]) {
    assert.ok(!inspect(each, { depth: 10, showHidden: true }).includes(SECRET));
    assert.ok(!JSON.stringify(each).includes(SECRET));
  }
  assert.equal(policy.resources["ai"]!.keys[0]!.reveal(), SECRET);
});

describe("a Secret", () => {
  const secret = new Secret(SECRET);

  it("gives its value to who asks for it by name", () => {
    assert.equal(secret.reveal(), SECRET);
  });

  it("is shown as a secret, however it is printed, joined or copied", () => {
    const shown = [
      String(secret),
      [secret, "x"].join(),
      JSON.stringify({ secret }),
      inspect({ secret }, { showHidden: true }),
      format("%s %o %O %j", secret, secret, secret, secret),
      inspect({ ...secret }),
      inspect(structuredClone({ secret })),
      inspect(Object.getOwnPropertyDescriptors(secret)),
      new Error(`refused: ${String(secret)}`).stack!,
    ];
    for (const each of shown) assert.ok(!each.includes(SECRET), each);
    assert.equal(shown[0], "(secret)");
    assert.equal(shown[2], '{"secret":"(secret)"}');
    assert.equal(shown[3], "{ secret: (secret) }");
  });
});

it("no classification shows a credential", async () => {
  for (const header of ["x-api-key", "authorization", "cookie", "proxy-authorization"]) {
    const ask = await asking(
      `flow: { header: ${header} }\nclassify: [{ header: { ${header}: "*" }, lane: high }]`,
    );
    const answer = ask("/x", { headers: { [header]: `Bearer ${SECRET}` } });
    assert.equal(answer.lane, "high");
    assert.ok(!JSON.stringify(answer).includes(SECRET));
  }
});

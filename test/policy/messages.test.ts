import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parsePolicy } from "../../src/policy/policy.ts";
import { PolicyError } from "../../src/policy/problems.ts";

const folder = new URL("fixtures/", import.meta.url);

interface Case {
  readonly name: string;
  readonly env: Record<string, string>;
  readonly text: string;
  readonly answer: string;
}

function cases(): Case[] {
  const [, ...blocks] = readFileSync(new URL("messages.txt", folder), "utf8").split(/^=== /m);
  return blocks.map((block) => {
    const [head = "", rest = ""] = block.split("<<<\n");
    const [text = "", answer = ""] = rest.split("\n>>>\n");
    const [name = "", ...variables] = head.trimEnd().split("\n");
    const env = variables.map((line) => line.split("=", 2) as [string, string]);
    return {
      name,
      env: Object.fromEntries(env.map(([key, value]) => [key, JSON.parse(value) as string])),
      text: text.replaceAll("\\r", "\r").replaceAll("\\t", "\t"),
      answer: answer.trimEnd(),
    };
  });
}

async function problemsOf(text: string, env: Record<string, string> = {}): Promise<PolicyError> {
  const error = await parsePolicy(text, { file: "laneway.yaml", env }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PolicyError, `expected a PolicyError, found ${String(error)}`);
  return error;
}

describe("a policy that is wrong says", () => {
  for (const { name, env, text, answer } of cases()) {
    it(name, async () => assert.equal((await problemsOf(text, env)).message, answer));
  }
});

describe("a policy with many problems", () => {
  const text = readFileSync(new URL("broken.yaml", folder), "utf8");

  it("names all of them at once, structural and semantic together, in the order of the lines", async () => {
    const { message, problems } = await problemsOf(text);
    assert.equal(`${message}\n`, readFileSync(new URL("broken.txt", folder), "utf8"));
    assert.deepEqual(
      problems.map(({ line }) => line),
      problems.map(({ line }) => line).toSorted((one, other) => one - other),
    );
  });

  it("carries the code of a wrong option, and each problem as data", async () => {
    const { code, reason, file, problems } = await problemsOf("version: 2");
    assert.deepEqual(
      { code, reason, file },
      { code: "LANEWAY_INVALID", reason: "invalid", file: "laneway.yaml" },
    );
    assert.deepEqual(problems, [
      {
        line: 1,
        column: 10,
        message: "version: expected 1, found 2",
        hint: undefined,
        source: "version: 2",
        caret: 9,
        length: 1,
      },
    ]);
  });
});

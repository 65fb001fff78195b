import assert from "node:assert/strict";
import { test } from "node:test";
import { examplesOf, misspeltExamples } from "./examples.ts";
import type { Example } from "./examples.ts";
import { plant } from "./planted.ts";
import { commandsThatDoNotExist } from "./rules/commands.ts";
import { checkPolicy, runProgram, runScript, runServer } from "./run-example.ts";

test("the rule on marks objects to unknown marks, reasons left out and other spellings", (t) => {
  const root = plant(t, {
    "README.md": [
      "```ts no-run\n1;\n```",
      "```typescript\n2;\n```",
      "```ts needs=database\n3;\n```",
      "```sh runs\nls\n```",
      "```json5 policy\n{}\n```",
      "```ts no-run needs a key of your own\n4;\n```",
      "  ```sh run exit=4\n  ls\n  ```",
      "```\nplain\n```",
      "```ts serves=/pay\n5;\n```",
      "```ts serves=/pay:critical,/:normal\n6;\n```",
    ].join("\n"),
  });
  assert.deepEqual(misspeltExamples(root), [
    "README.md:1: no-run needs its reason after it",
    'README.md:4: write "ts" for "typescript", so that the block is tested',
    "README.md:7: needs=upstream is the only need there is",
    'README.md:10: "runs" is no mark of a sh block; it has run, exit',
    'README.md:13: "policy" is no mark of a json5 block; it has none',
    "README.md:25: serves takes paths with their lanes, as in serves=/pay:critical,/export:bulk",
  ]);
});

test("the rule on commands objects to scripts, files, commands and options that are not there", (t) => {
  const root = plant(t, {
    "package.json": '{ "scripts": { "start": "", "test": "" } }',
    "README.md":
      "```sh\nnpm ci && npm start   # a comment with npm nonsense\n$ npm run bench\nnode examples/gone.ts --flag\nnpx laneway gatway\n```",
    "docs/a.md":
      "```sh\nlaneway check --json | laneway --version\nA=1 laneway check \\\n  --jsn x\nlaneway run --lane bulk -- other --odd\n```",
  });
  const pages: Readonly<Record<string, string>> = {
    "": "--version",
    check: "--json  as JSON",
    run: "--lane NAME",
  };
  assert.deepEqual(
    commandsThatDoNotExist(root, (command) => pages[command ?? ""]),
    [
      'README.md:1: npm run bench: package.json has no script "bench"',
      "README.md:1: node examples/gone.ts --flag: there is no file examples/gone.ts",
      'README.md:1: npx laneway gatway: laneway has no command "gatway"',
      "docs/a.md:1: laneway check --jsn x: laneway check has no option --jsn",
    ],
  );
});

test("examples are read with their line, their marks, their indent and what the page does not show", (t) => {
  const root = plant(t, {
    "README.md":
      "- item\n\n  <!-- example before:\n  const a = 1;\n  -->\n  ```ts continues\n  b(a);\n  ```\n\n````md\n```ts\nnested\n```\n````\n",
  });
  const [first, second, ...rest] = examplesOf(root, "README.md");
  assert.deepEqual(
    { ...first, marks: [...(first?.marks ?? [])] },
    {
      page: "README.md",
      line: 6,
      language: "ts",
      code: "b(a);\n",
      before: "const a = 1;",
      marks: [["continues", ""]],
    },
  );
  assert.equal(second?.language, "md");
  assert.deepEqual(rest, []);
});

test("an example that throws, a policy with a mistake and a script that fails are caught", async (t) => {
  const folder = plant(t, {});
  const example = (language: string, code: string): Example => ({
    page: "a.md",
    line: 1,
    language,
    code,
    before: "",
    marks: new Map(),
  });
  const thrown = await runProgram(
    folder,
    example("ts", ""),
    'const a: number = 1;\nthrow new Error("planted" + a);',
  );
  assert.deepEqual([thrown.code, thrown.output.includes("planted1")], [1, true]);
  assert.equal((await runScript(folder, example("sh", "$ false | cat\n"))).code, 1);
  assert.equal((await checkPolicy(folder, example("yaml", "version: 1\nlanes: 5\n"))).code, 4);
  assert.equal(
    (
      await checkPolicy(
        folder,
        example("yaml", 'version: 1\ntrust: { callers: [{ key: "${A_KEY}", upTo: high }] }\n'),
      )
    ).code,
    0,
  );
});

test("an example that serves in another lane, refuses, or never listens is caught", async (t) => {
  const folder = plant(t, {});
  const serve = (program: string, visits: string) =>
    runServer(
      folder,
      { page: "a.md", line: 1, language: "ts", code: "", before: "", marks: new Map() },
      program,
      visits,
    );
  const server = (answer: string): string =>
    `import { createServer } from "node:http";
createServer((_req, res) => { res.setHeader("laneway-lane", "bulk"); ${answer}; }).listen(3000);`;
  const served = server('res.end("served")');
  assert.deepEqual(await serve(served, "/a:bulk,/b:bulk"), { code: 0, output: "" });
  const other = await serve(served, "/a:bulk,/b:critical");
  assert.equal(other.code, 1);
  assert.match(other.output, /expected a reply in lane critical, found \/b: 200 in lane bulk: served/);
  const refused = await serve(server("res.statusCode = 503; res.end()"), "/a:bulk");
  assert.match(refused.output, /found \/a: 503 in lane bulk/);
  assert.deepEqual(await serve("1;", "/a:bulk"), { code: 1, output: "it ended without listening\n" });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { plant } from "./planted.ts";
import { pathsAndHostsOfOneMachine, unpinnedPackages } from "./rules/hygiene.ts";
import { testsThatDoNotRun, testsThatSleep } from "./rules/test-discipline.ts";
import { ROOT } from "./source.ts";

test("no file names a path of one machine or the host of a registry", () => {
  assert.deepEqual(pathsAndHostsOfOneMachine(ROOT), []);
});

test("every package is locked, and no lock says where to download from", () => {
  assert.deepEqual(unpinnedPackages(ROOT), []);
});

test("no test is marked only, todo or skip", () => {
  assert.deepEqual(testsThatDoNotRun(ROOT), []);
});

test("no test sleeps", () => {
  assert.deepEqual(testsThatSleep(ROOT), []);
});

test("the hygiene rule objects to home folders and registry hosts, and not to paths of a URL", (t) => {
  const home = ["", "home", "ada", "laneway"].join("/");
  const work = ["", "work"].join("/");
  const host = ["registry", "npmjs", "org"].join(".");
  const root = plant(t, {
    "README.md": `see ${home}\n`,
    "src/a.ts": `fetch("https://${host}/yaml");`,
    ".npmrc": `registry=https://${host}/\n`,
    "src/fine.ts": `fetch("https://example.org${home}"); import("..${work}/a.ts"); const under = "src${work}/a";`,
    "node_modules/other/README.md": home,
  });
  assert.deepEqual(pathsAndHostsOfOneMachine(root), [
    `.npmrc:1: ${host} is a registry's host`,
    `README.md:1: ${home.slice(0, 9)} is a path of one machine`,
    `src/a.ts:1: ${host} is a registry's host`,
  ]);
});

test("the lock rule objects to a missing lock, a missing setting, a public nested package and a resolved URL", (t) => {
  const root = plant(t, {
    "package.json": '{ "dependencies": {} }',
    "package-lock.json": '{\n  "packages": {}\n}',
    ".npmrc": "omit-lockfile-registry-resolved=true\n",
    "bench/package.json": '{ "devDependencies": { "p-queue": "1.0.0" } }',
    "test/sdks/package.json": '{ "private": true, "dependencies": {} }',
    "test/sdks/package-lock.json": '{\n  "resolved": "https://example.org/a.tgz"\n}',
    "test/sdks/.npmrc": "fund=false\n",
    "examples/plain/package.json": '{ "type": "module" }',
  });
  assert.deepEqual(
    unpinnedPackages(root).map((fault) => fault.split(/[,;]/)[0]),
    [
      "bench/package.json: a nested package is private",
      "bench/package-lock.json: missing",
      "bench/.npmrc: needs the line omit-lockfile-registry-resolved=true",
      "test/sdks/.npmrc: needs the line omit-lockfile-registry-resolved=true",
      'test/sdks/package-lock.json:2: carries "resolved"',
    ],
  );
});

test("the rule on marked tests objects to every form of the mark, and not to other options", (t) => {
  // In one piece it would stand in this file as well.
  const only = "only";
  const root = plant(t, {
    "test/a.test.ts": [
      `test.${only}("a", () => {});`,
      'describe("b", { todo: "later" }, () => {});',
      'test("c", { timeout: 5, concurrency: true }, () => {});',
      'it("d", { skip: process.platform === "win32" }, () => {});',
      'test("e", (t) => t.skip("no such program"));',
      "list.only(1); list.skip(2);",
    ].join("\n"),
    "test/needs.ts": 'test("f", (t) => t.skip("no such program"));',
  });
  assert.deepEqual(
    testsThatDoNotRun(root).map((fault) => fault.replace(/ does not.*/, "")),
    [
      "test/a.test.ts:1: a test with `only`",
      "test/a.test.ts:2: a test with `todo`",
      "test/a.test.ts:4: a test with `skip`",
      "test/a.test.ts:5: a test with `skip`",
    ],
  );
});

test("the sleep rule objects to every way to let time pass, and not to a bound on a wait", (t) => {
  const sleeps = [
    'import { setTimeout as sleep } from "node:timers/promises";',
    "await new Promise((resolve) => setTimeout(resolve, 10));",
    "await new Promise<void>((done) => { setTimeout(() => done(), 10).unref(); });",
    "const wait = promisify(setTimeout);",
    "await scheduler.wait(10); Atomics.wait(a, 0, 0, 10);",
  ];
  const bounds = [
    'import { setImmediate as turn } from "node:timers/promises";',
    "await new Promise((resolve, reject) => { setTimeout(() => reject(new Error('late')), 10); socket.once('open', resolve); });",
    "await new Promise((resolve) => setImmediate(resolve));",
  ];
  const root = plant(t, {
    "test/sleeps.test.ts": sleeps.join("\n"),
    "test/bounds.test.ts": bounds.join("\n"),
  });
  assert.deepEqual(
    testsThatSleep(root, {}).map((fault) => fault.split(":")[1]),
    ["1", "2", "3", "4", "5", "5"],
  );
  assert.deepEqual(testsThatSleep(root, { "test/sleeps.test.ts": "a reason" }), []);
  assert.equal(
    testsThatSleep(root, { "test/sleeps.test.ts": "a reason", "test/bounds.test.ts": "none" }).length,
    1,
  );
});

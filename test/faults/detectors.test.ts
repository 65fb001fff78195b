/** A soak that finds nothing proves something only if it would have found it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { playAll } from "../../scripts/soak/crew.ts";

const run = promisify(execFile);
const PLANTS = fileURLToPath(new URL("plants.ts", import.meta.url));
const SOAK = fileURLToPath(new URL("../../scripts/soak.ts", import.meta.url));

const EXPECTED: Readonly<Record<string, RegExp>> = {
  nothing: /^$/,
  "a seat": /db: 1 seats are in use at rest/,
  "a task that is counted and never ends": /admitted 2, but 1 finished and 0 failed/,
  "a page of metrics that says something else": /\/metrics says 7 of .*finished.*, the snapshot 1/,
  "a promise": /1 never settled: a run/,
  "a socket": /left open: 2 more TCPSocketWrap/,
  "an idle socket that holds nothing": /left open: \d+ more socket/,
  "a timer": /left open: 1 more Timeout/,
  "a process": /left open: 1 more ProcessWrap/,
  "a rejection": /an unhandled rejection: Error: nobody listens/,
  "an exception": /an uncaught exception: Error: nobody catches/,
  "too many listeners": /a warning: MaxListenersExceededWarning/,
  "a throw": /it throws: Error: the part itself is broken/,
  "a hang": /the round did not end in 0\.1 s/,
  "an array that grows": /the heap grows: .* B a round/,
  "a file and a process of a command": /processes are left: \d+.*\n.*files are left: left/,
};

test("each detector of the soak finds what is planted for it, and nothing where nothing is", async () => {
  const { stdout } = await run(process.execPath, [PLANTS]);
  const found = JSON.parse(stdout) as Record<string, string[]>;
  assert.deepEqual(Object.keys(found), Object.keys(EXPECTED));
  for (const [plant, pattern] of Object.entries(EXPECTED))
    assert.match(found[plant]!.join("\n"), pattern, plant);
});

test("a part whose process breaks is a violation, with what it said last and where it stood", async () => {
  const [played] = await playAll([{ part: "no such part", unit: "rounds", seed: 7 }], 1, () => {});
  assert.equal(played!.violation!.seed, 7);
  assert.match(played!.violation!.found[0]!, /its process ended with 1: .*there is no part no such part/s);
});

test("the command plays the seeds that it is given and prints a table with them", async () => {
  const args = ["--only", "histories,doors", "--seed", "41", "--rounds", "3"];
  const { stdout, stderr } = await run(process.execPath, [SOAK, ...args]);
  assert.match(stderr, /^seed 41; histories, doors\n/);
  assert.match(stdout, /\| histories \| 3 histories \| 3 \| \d+ s \| 41 \| – \| 0 \|\n/);
  assert.match(stdout, /\| doors \| 3 histories \| 3 \| \d+ s \| 41 \| – \| 0 \|\n/);
  assert.match(stdout, /\nno violation\n$/);
});

test("a command line that makes no sense says what was expected, and ends with 2", async () => {
  for (const args of [
    ["--only", "nonsense"],
    ["--minutes", "ten"],
  ])
    await assert.rejects(
      run(process.execPath, [SOAK, ...args]),
      (error: { code: number; stderr: string }) => {
        assert.equal(error.code, 2);
        assert.match(error.stderr, /expected --minutes, .* --only with some of histories, doors, /);
        return true;
      },
    );
});

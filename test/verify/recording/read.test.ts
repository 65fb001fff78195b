import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { seeded } from "../../../src/testing/random.ts";
import { readRecordings } from "../../../src/verify/recording/read.ts";
import { arrival, scratchFile, threeLanes, writeRecording } from "../recorded.ts";

const HEADER = JSON.stringify({
  laneway: "recording",
  version: 1,
  started: "2026-01-02T03:04:05.000Z",
  policy: "0123456789ab",
  resources: [{ name: "db", limit: 10, adaptive: false, lanes: ["critical", "normal", "bulk"] }],
  columns: ["at", "resource", "lane", "flow", "width", "waitMs", "runMs", "outcome"],
});
const ROW = '[1,"db","normal","",1,0,10,"finished"]';

async function file(t: TestContext, text: string): Promise<string> {
  const path = scratchFile(t);
  await writeFile(path, text);
  return path;
}

async function problem(t: TestContext, text: string): Promise<string> {
  const path = await file(t, text);
  try {
    await readRecordings([path]);
  } catch (error) {
    return (error as Error).message.replace(path, "FILE");
  }
  return "none";
}

test("a recording that is cut in the middle of a line is read up to there, and the line named", async (t) => {
  const path = await file(t, `${HEADER}\n${ROW}\n${ROW}\n[3,"db","nor`);
  const { arrivals, remarks } = await readRecordings([path]);
  assert.equal(arrivals.count, 2);
  assert.deepEqual(remarks, [`${path}:4: this line was cut; everything before it is used`]);
});

test("a recording cut at every byte of its last line is read up to that line", async (t) => {
  const whole = `${HEADER}\n${ROW}\n${ROW}\n`;
  for (let length = whole.length - ROW.length; length < whole.length; length++) {
    const { arrivals, remarks } = await readRecordings([await file(t, whole.slice(0, length))]);
    const isWhole = length >= whole.length - 1;
    assert.deepEqual([arrivals.count, remarks.length], isWhole ? [2, 0] : [1, 1], `cut at ${length}`);
  }
});

test("a line in the middle that cannot be read is an error with its number", async (t) => {
  assert.equal(
    await problem(t, `${HEADER}\n${ROW}\n[1,"db\n${ROW}\n`),
    'FILE:3: expected a line of JSON, found [1,"db',
  );
  assert.equal(
    await problem(t, `${HEADER}\n${ROW}\n\n${ROW}\n`),
    "FILE:3: expected a line of JSON, found an empty line",
  );
});

test("each column says what it expected and what it found, with the line", async (t) => {
  const rows: Record<string, string> = {
    '["x","db","normal","",1,0,10,"finished"]': 'at: expected milliseconds from 0 up, found "x"',
    '[1,7,"normal","",1,0,10,"finished"]': "resource: expected a name, found 7",
    '[1,"db",null,"",1,0,10,"finished"]': "lane: expected a name, found null",
    '[1,"db","normal",5,1,0,10,"finished"]': "flow: expected a hash, found 5",
    '[1,"db","normal","",0,0,10,"finished"]': "width: expected seats from 1 up, found 0",
    '[1,"db","normal","",1,-1,10,"finished"]': "waitMs: expected milliseconds from 0 up, found -1",
    '[1,"db","normal","",1,0]': "runMs: expected milliseconds from 0 up, found nothing",
    '[1,"db","normal","",1,0,10,"gone"]':
      'outcome: expected one of finished, failed, rejected, evicted, timedOut, cancelled, found "gone"',
  };
  for (const [row, message] of Object.entries(rows))
    assert.equal(await problem(t, `${HEADER}\n${ROW}\n${row}\n${ROW}\n`), `FILE:3: ${message}`);
});

test("what is no recording is refused in words", async (t) => {
  const texts: Record<string, string> = {
    "": "FILE:1: expected the header of a recording, found an empty file",
    hello: "FILE:1: expected the header of a recording, found hello",
    "hello\n": "FILE:1: expected a line of JSON, found hello",
    "{}\n": "FILE:1: expected the header of a recording, found {}",
    [`${ROW}\n`]: `FILE:1: expected the header of a recording, found ${ROW}`,
    [`${HEADER}\n`]: "FILE:1: expected arrivals, found none: nothing was recorded",
    [HEADER.replace('"version":1', '"version":2')]:
      "FILE:1: expected a recording of version 1, found version 2; this laneway does not read it",
    [HEADER.replace("2026-01-02T03:04:05.000Z", "yesterday")]:
      'FILE:1: started: expected a time, found "yesterday"',
    [HEADER.replace('"at",', "")]: "FILE:1: columns: expected at among them",
    [`${HEADER}\n{"at":1,"hello":2}\n`]: 'FILE:2: expected an arrival, found {"at":1,"hello":2}',
    [`${HEADER}\n7\n`]: "FILE:2: expected an arrival, found 7",
  };
  for (const [text, message] of Object.entries(texts)) assert.equal(await problem(t, text), message);
});

test("columns of a later version that this one does not know are passed over", async (t) => {
  const header = HEADER.replace('"columns":["at",', '"columns":["colour","at",');
  const { arrivals } = await readRecordings([await file(t, `${header}\n${ROW.replace("[", '["red",')}\n`)]);
  assert.equal(arrivals.runMs[0], 10);
});

test("several recordings stand on one time line, by the clock on the wall", async (t) => {
  const later = HEADER.replace("03:04:05", "03:05:05");
  const [one, two] = [await file(t, `${HEADER}\n${ROW}\n`), await file(t, `${later}\n${ROW}\n`)];
  const { arrivals, started } = await readRecordings([one, two]);
  assert.deepEqual([...arrivals.atMs.slice(0, 2)], [1, 60_001]);
  assert.equal(started, "2026-01-02T03:04:05.000Z");
});

test("moves of a limit and edits of the policy are read between the arrivals", async (t) => {
  const told = [
    '{"at":5,"resource":"db","limit":12}',
    '{"at":9,"policy":"ba9876543210","resources":[{"name":"db","limit":14,"adaptive":false,"lanes":["a"]}]}',
    '{"at":11,"dropped":3}',
    '{"ended":20,"arrivals":1}',
  ];
  const { limits, policies, dropped } = await readRecordings([
    await file(t, [HEADER, ROW, ...told, ""].join("\n")),
  ]);
  assert.deepEqual(
    limits.map(({ atMs, limit }) => [atMs, limit]),
    [
      [0, 10],
      [5, 12],
      [9, 14],
    ],
  );
  assert.deepEqual([policies, dropped], [["0123456789ab", "ba9876543210"], 3]);
});

test("a recording of many pieces is read whole and put in order, whatever the ends of tasks made of it", async (t) => {
  const seed = 20;
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const written = Array.from({ length: 40_000 }, () =>
    arrival({
      atMs: Math.round(random.exponential(2_000) * 1_000) / 1_000,
      flow: `flow ${random.whole(1, 9)}`,
    }),
  );
  const path = await writeRecording(t, await threeLanes(), written);
  assert.ok((await readFile(path)).length > 1_500_000, "longer than a piece that is read at once");
  const { arrivals } = await readRecordings([path]);
  const read = Float64Array.from(arrivals.inOrder(0), (index) => arrivals.atMs[index]!);
  const wanted = Float64Array.from(written, ({ atMs }) => atMs).sort();
  assert.equal(
    read.findIndex((atMs, place) => atMs !== wanted[place]),
    -1,
  );
  assert.equal(read.length, wanted.length);
});

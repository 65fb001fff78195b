import assert from "node:assert/strict";
import { test } from "node:test";
import { SseWatch } from "../../src/providers/sse.ts";
import { pick, pieces, randomOf } from "./random.ts";

const MARK = Buffer.from('"usage"');

/** Each event with the bytes of its data, and that data when it was handed over. */
function watched(parts: readonly Buffer[]): { bytes: number; data: string }[] {
  const events: { bytes: number; data: string }[] = [];
  let data: Buffer[] = [];
  const watch = new SseWatch({
    mark: MARK,
    onData: (piece, from, to) => data.push(Buffer.from(piece.subarray(from, to))),
    onEvent: (bytes) => {
      events.push({ bytes, data: Buffer.concat(data).toString() });
      data = [];
    },
  });
  for (const part of parts) watch.push(part);
  return events;
}

const of = (text: string): { bytes: number; data: string }[] => watched([Buffer.from(text)]);

test("data is handed over when it may hold the mark, and passed by otherwise", () => {
  assert.deepEqual(of('event: a\ndata: {"x":1}\n\nevent: b\ndata: {"usage":1}\n\ndata:{"y":2}\n\n'), [
    { bytes: 7, data: "" },
    { bytes: 11, data: '{"usage":1}' },
    { bytes: 7, data: "" },
  ]);
});

test("data that says null under the mark is passed by, unless it says more under another", () => {
  const more = '{"a":{"usage":null},"usage":{"x":1}}';
  const number = '{"usage": 5}';
  assert.deepEqual(
    of(`data: {"usage":null}\n\ndata: {"usage": null}\n\ndata: ${more}\n\ndata: ${number}\n\n`),
    [
      { bytes: 14, data: "" },
      { bytes: 15, data: "" },
      { bytes: more.length, data: more },
      { bytes: number.length, data: number },
    ],
  );
  const odd = '{"usage": new}';
  assert.deepEqual(of(`data: ${odd}\n\n`), [{ bytes: odd.length, data: odd }]);
});

test("lines end with LF, CRLF or CR, and a comment, another field or a mark of byte order is no data", () => {
  const event = { bytes: 9, data: '{"usage"}' };
  assert.deepEqual(of('data: {"usage"}\r\n\r\ndata: {"usage"}\r\rdata: {"usage"}\n\n'), [
    event,
    event,
    event,
  ]);
  assert.deepEqual(of(':data: {"usage"}\ndatas: {"usage"}\ndat: {"usage"}\nid: 1\n\n'), []);
  assert.deepEqual(of('\ufeffdata: {"usage"}\n\n'), [event]);
  assert.deepEqual(of('data: {\ndata: "usage"}\n\n'), [event]);
});

test("an event that has not ended is not told of", () => {
  assert.deepEqual(of('data: {"usage"}\n'), []);
});

test("pieces with borders anywhere give the same events, and are not changed", () => {
  const random = randomOf(3);
  for (let i = 0; i < 3_000; i++) {
    const lineEnd = pick(random, ["\n", "\r\n", "\r"]);
    const wanted: { bytes: number; marked: string | undefined }[] = [];
    let text = pick(random, ["", "\ufeff"]);
    const count = Math.floor(random() * 8);
    for (let n = 0; n < count; n++) {
      const lines = [];
      if (random() < 0.5) lines.push(`event: ${pick(random, ["ping", "data", "漢字"])}`);
      if (random() < 0.2) lines.push(`: ${pick(random, ["", 'data: {"usage"', "😀"])}`);
      const data = Array.from({ length: pick(random, [0, 1, 1, 1, 2]) }, () =>
        pick(random, ["{}", '{"usage":{"a":1}}', "漢字😀", "", "[DONE]", 'x\\"usage\\"']),
      );
      lines.push(...data.map((line) => `data:${line === "" ? "" : pick(random, ["", " "])}${line}`));
      text += `${[...lines, ""].join(lineEnd)}${lineEnd}`;
      const joined = data.join("");
      if (data.length > 0)
        wanted.push({
          bytes: Buffer.byteLength(joined),
          marked: joined.includes('"usage"') ? joined : undefined,
        });
    }
    const bytes = Buffer.from(text);
    const copy = Buffer.from(bytes);
    const found = watched(pieces(random, bytes));
    const name = `seed 3, case ${i}: ${JSON.stringify(text)}`;
    assert.deepEqual(bytes, copy, name);
    assert.deepEqual(
      found.map((event) => event.bytes),
      wanted.map((event) => event.bytes),
      name,
    );
    for (const [n, { marked }] of wanted.entries())
      if (marked !== undefined) assert.equal(found[n]!.data, marked, name);
  }
});

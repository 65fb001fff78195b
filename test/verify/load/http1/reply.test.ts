import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplyReader } from "../../../../src/verify/load/http1/reply.ts";

const LENGTH =
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nlaneway-lane: bulk\r\nLaneway-Wait-Ms: 12.5\r\n\r\nhello";
const CHUNKED =
  "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n5;name=value\r\nhello\r\nA \r\n0123456789\r\n0\r\nx-end: 1\r\n\r\n";

interface Read {
  readonly done: boolean;
  readonly status: number;
  readonly keepAlive: boolean;
}

/** Pushes a reply in pieces of this size. */
function read(text: string, size = Infinity, bodiless = false): Read {
  const reader = new ReplyReader();
  reader.expect(bodiless);
  return pushed(reader, text, size);
}

function pushed(reader: ReplyReader, text: string, size = Infinity): Read {
  const bytes = Buffer.from(text, "latin1");
  let done = false;
  for (let at = 0; at < bytes.length && !done; at += size)
    done = reader.push(bytes.subarray(at, Math.min(bytes.length, at + size)));
  return { done, status: reader.status, keepAlive: reader.keepAlive };
}

const WHOLE = { done: true, status: 200, keepAlive: true };

for (const [name, text] of Object.entries({ "content-length": LENGTH, chunked: CHUNKED }))
  test(`a reply with ${name} ends at its last byte and not before, however it is cut`, () => {
    for (let size = 1; size <= text.length; size++)
      assert.deepEqual(read(text, size), WHOLE, `pieces of ${size}`);
    for (let length = 0; length < text.length; length++)
      assert.equal(read(text.slice(0, length)).done, false, `the first ${length} bytes`);
  });

test("lane, wait, and when to come back are read, in any case", () => {
  const reader = new ReplyReader();
  reader.expect(false);
  pushed(
    reader,
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After:  7 \r\nretry-after-ms: 6500\r\nDate: now\r\nLANEWAY-LANE: low\r\nlaneway-wait-ms: 3\r\ncontent-length: 0\r\n\r\n",
  );
  assert.deepEqual(
    { ...reader.headers },
    { waitMs: 3, lane: "low", retryAfter: "7", retryAfterMs: "6500", date: "now" },
  );
  reader.expect(false);
  pushed(reader, "HTTP/1.1 200 OK\r\nlaneway-wait-ms: soon\r\ncontent-length: 0\r\n\r\n");
  assert.deepEqual(
    { ...reader.headers },
    { waitMs: undefined, lane: undefined, retryAfter: undefined, retryAfterMs: undefined, date: undefined },
  );
});

test("one connection's replies are read one after another", () => {
  const reader = new ReplyReader();
  for (const text of [LENGTH, CHUNKED, LENGTH, "HTTP/1.1 204 No Content\r\n\r\n"]) {
    reader.expect(false);
    assert.equal(pushed(reader, text).done, true);
  }
});

test("the answer to HEAD, 204 and 304 have no body, whatever their headers say", () => {
  const head = "\r\ncontent-length: 5\r\n\r\n";
  assert.deepEqual(read(`HTTP/1.1 200 OK${head}`, 7, true), WHOLE);
  for (const status of [204, 304])
    assert.deepEqual(read(`HTTP/1.1 ${status} Fine${head}`), { ...WHOLE, status });
});

test("interim replies are passed over", () => {
  const text = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${LENGTH}`;
  for (let size = 1; size <= text.length; size++) assert.deepEqual(read(text, size), WHOLE);
});

test("without a length the reply ends with the connection, which is not used again", () => {
  const reader = new ReplyReader();
  reader.expect(false);
  const text = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
  assert.deepEqual(pushed(reader, text), { done: false, status: 200, keepAlive: false });
  assert.equal(reader.closed(), true);
  reader.expect(false);
  pushed(reader, LENGTH.slice(0, -1));
  assert.equal(reader.closed(), false);
});

test("a connection is kept unless the reply says close, or speaks HTTP/1.0 and does not say keep-alive", () => {
  const reply = (line: string, header: string): string => `${line}\r\n${header}content-length: 0\r\n\r\n`;
  const kept = (line: string, header: string): boolean => read(reply(line, header)).keepAlive;
  assert.equal(kept("HTTP/1.1 200 OK", ""), true);
  assert.equal(kept("HTTP/1.1 200", "Connection: Close\r\n"), false);
  assert.equal(kept("HTTP/1.0 200 OK", ""), false);
  assert.equal(kept("HTTP/1.0 200 OK", "connection: keep-alive\r\n"), true);
});

test("bytes behind the end make the connection unfit for another request", () => {
  assert.deepEqual(read(`${LENGTH}HTTP/1.1 200 OK\r\n\r\n`), { ...WHOLE, keepAlive: false });
});

test("what is not HTTP is refused with what was found", () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    "SSH-2.0-OpenSSH\r\n": /expected HTTP\/1\.1 and a status, found "SSH-2/,
    "HTTP/2 200\r\n\r\n": /expected HTTP\/1\.1 and a status/,
    "HTTP/1.1 20x OK\r\n\r\n": /expected HTTP\/1\.1 and a status/,
    "HTTP/1.1 101 Switching\r\n\r\n": /expected a reply/,
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n": /expected a header's name and a colon, found "no colon"/,
    "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n": /one content-length/,
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n": /one content-length/,
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfive\r\n":
      /expected the size of a chunk, found "five"/,
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n": /the end of a chunk/,
  };
  for (const [text, expected] of Object.entries(wrong)) assert.throws(() => read(text), expected, text);
  assert.throws(
    () => read(`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(20_000)}`),
    /a head of at most 65536 bytes/,
  );
  assert.throws(() => new ReplyReader().push(Buffer.from("x")), /nothing before the next request/);
});

/** What a hostile upstream tries against the clients of a gateway, and against the gateway; SECURITY.md says what comes of it. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { PROVIDERS } from "../../src/providers/known.ts";
import { folderWith } from "../cli/command.ts";
import { needsProgram } from "../needs.ts";
import { TestClock } from "../../src/testing/clock.ts";
import {
  ask,
  eventually,
  gatewayOn,
  startRawUpstream,
  startUpstream,
  stateOf,
  Wire,
} from "../gateway/fixture.ts";

const HEAD = "HTTP/1.1 200 OK\r\n";

const SPLITTING: Readonly<Record<string, string>> = {
  "a line feed in a header": `${HEAD}x: a\ny: b\r\ncontent-length: 2\r\n\r\nok`,
  "a carriage return in a header": `${HEAD}x: a\rset-cookie: b\r\ncontent-length: 2\r\n\r\nok`,
  "a folded header": `${HEAD}x: a\r\n y: b\r\ncontent-length: 2\r\n\r\nok`,
  "a null byte in a header": `${HEAD}x: a\0b\r\ncontent-length: 2\r\n\r\nok`,
  "a length and chunks": `${HEAD}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
  "two lengths": `${HEAD}content-length: 2\r\ncontent-length: 5\r\n\r\nok`,
  "a line feed in the status": "HTTP/1.1 200 O\nK\r\ncontent-length: 2\r\n\r\nok",
  "another protocol":
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nok",
  "headers of 70 kB": `${HEAD}x: ${"y".repeat(70_000)}\r\ncontent-length: 2\r\n\r\nok`,
};

test("a reply that could be read as two, or as more than a reply, is our 502, and its bytes reach nobody", async (t) => {
  for (const [what, bytes] of Object.entries(SPLITTING)) {
    const url = await startRawUpstream(t, (socket) => void socket.write(bytes, "latin1"));
    const gateway = await gatewayOn(t, `resources: { http: { upstream: "${url}" } }`);
    const reply = await ask(gateway.url);
    assert.deepEqual([reply.status, reply.headers["content-type"]], [502, "application/problem+json"], what);
    assert.deepEqual(
      [reply.headers["set-cookie"], reply.headers["x"], reply.headers["y"]],
      Array(3).fill(undefined),
    );
    await eventually(() => stateOf(gateway).seatsInUse === 0);
  }
});

test("a second reply behind the first is nobody's, and not the next client's either", async (t) => {
  const two = `${HEAD}content-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`;
  const url = await startRawUpstream(t, (socket) => void socket.write(two));
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${url}", limit: 1 } }`);
  const wire = new Wire(gateway.url);
  wire.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  assert.doesNotMatch(await wire.untilClosed(), /evil/);
  assert.equal((await ask(gateway.url)).text, "ok");
});

test("what an upstream says in our name is dropped, in any spelling, and its status text commands no terminal", async (t) => {
  const url = await startRawUpstream(
    t,
    (socket) =>
      void socket.write(
        "HTTP/1.1 200 \x1b[31mred\r\nlaneway-lane: critical\r\nLaneway_Lane: critical\r\nLaneway-Forged: 1\r\n" +
          "connection: x-hop\r\nx-hop: 1\r\nproxy-authenticate: Basic\r\nkeep-alive: 1\r\ncontent-length: 2\r\n\r\nok",
        "latin1",
      ),
  );
  const gateway = await gatewayOn(t, `resources: { http: { upstream: "${url}" } }`);
  const wire = new Wire(gateway.url);
  wire.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  const answer = await wire.untilClosed();
  assert.match(answer, /^HTTP\/1\.1 200 \r\n/);
  assert.equal(answer.match(/laneway.lane: .*/gi)?.join(), "laneway-lane: normal");
  assert.doesNotMatch(answer, /critical|forged|x-hop|proxy-authenticate|\x1b/i);
});

test("a redirect is the client's to follow: the gateway calls nobody but its upstream, and its key is not in the way there", async (t) => {
  const key = "sk-ours-and-nobody-elses";
  const elsewhere = await startUpstream(t, (_req, res) => res.end("elsewhere"));
  const upstream = await startUpstream(t, (req, res) => {
    const place = `${elsewhere.url}/?key=${String(req.headers["x-api-key"])}`;
    res
      .writeHead(req.url === "/v1/messages" ? 307 : 302, { location: place, "x-place": elsewhere.url })
      .end();
  });
  const policy = `resources: { a: { provider: anthropic, upstream: "${upstream.url}", keys: [${key}] } }`;
  const gateway = await gatewayOn(t, policy);
  for (const path of ["/v1/messages", "/v1/files"]) {
    const reply = await ask(gateway.url + path, { body: "{}", headers: { "anthropic-version": "1" } });
    assert.equal(reply.headers["x-place"], elsewhere.url);
    assert.equal(reply.headers.location, undefined, "a header that shows the key is left out");
  }
  assert.equal(elsewhere.seen, 0);
});

test("interim replies without end do not put off the lane's time-out", async (t) => {
  const clock = new TestClock();
  let asked = 0;
  const url = await startRawUpstream(t, (socket) => {
    asked++;
    socket.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(50));
  });
  const policy = `{ lanes: [{ name: normal, timeout: 30s }], resources: { http: { upstream: "${url}", limit: 1 } } }`;
  const gateway = await gatewayOn(t, policy, { clock });
  const reply = ask(gateway.url);
  await eventually(() => asked === 1);
  await clock.advance(30_001);
  assert.equal((await reply).status, 504);
  assert.equal(stateOf(gateway).seatsInUse, 0);
});

/** The characters and bytes that an object holds, at any depth. */
function held(value: unknown, seen: Set<unknown> = new Set()): number {
  if (typeof value === "string") return value.length;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== "object" || value === null || seen.has(value)) return 0;
  seen.add(value);
  return Object.values(value).reduce((sum: number, inner) => sum + held(inner, seen), 0);
}

test("an event, a line or a value without an end is not kept while its usage is looked for", () => {
  const piece = Buffer.alloc(65_536, "9");
  for (const provider of Object.values(PROVIDERS))
    for (const type of ["text/event-stream", "application/json"])
      for (const begin of [
        'data: {"usage":{"prompt_tokens":',
        'data: {"usage":{"x":"',
        '{"usage":{"input_tokens":',
        '{"a":"',
        "x",
      ]) {
        const reader = provider.usageReader(type);
        if (reader === undefined) continue;
        reader.push(Buffer.from(begin));
        for (let i = 0; i < 64; i++) reader.push(piece);
        assert.ok(held(reader) < 200_000, `${provider.name} ${type} ${begin}: ${held(reader)}`);
        reader.end();
      }
});

test("what an upstream sends is in no line of the log", async (t) => {
  const lines: string[] = [];
  const texts = ["\x1b]0;owned\x07", "not http at all\n", "HTTP/1.1 200 OK\r\nowned: \x1b[2J\n\r\n"];
  for (const text of texts) {
    const url = await startRawUpstream(t, (socket) => void socket.end(text));
    const gateway = await gatewayOn(t, `resources: { http: { upstream: "${url}" } }`, {
      log: (line) => lines.push(line),
    });
    assert.equal((await ask(gateway.url)).status, 502);
  }
  assert.deepEqual(lines, []);
});

test("an https upstream with a certificate that nobody vouches for is not talked to", async (t) => {
  if (!needsProgram(t, "openssl", "apt-get install openssl")) return;
  const folder = await folderWith(t, {});
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    key,
    "-out",
    cert,
  ];
  assert.equal(spawnSync("openssl", ["req", "-x509", "-days", "1", ...subject, ...made]).status, 0);
  let seen = 0;
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_req, res) => {
    seen++;
    res.end("from whoever this is");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const policy = `resources: { a: { provider: anthropic, upstream: "${url}", keys: [sk-ours-and-nobody-elses] } }`;
  const gateway = await gatewayOn(t, policy);
  const reply = await ask(`${gateway.url}/v1/files`, { headers: { "anthropic-version": "1" } });
  assert.deepEqual([reply.status, seen], [502, 0]);
});

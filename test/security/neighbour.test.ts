/** What a neighbour on the host, or a page in the operator's browser, tries; SECURITY.md says what comes of it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { spawnInLane } from "../../src/adapters/process.ts";
import { adminPages } from "../../src/admin/handler.ts";
import type { AdminOptions } from "../../src/admin/handler.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { keyDigest } from "../../src/policy/trust.ts";
import { openRecording } from "../../src/verify/recording/write.ts";
import { folderWith, laneway as command } from "../cli/command.ts";
import { ask } from "../gateway/fixture.ts";
import type { Question, Reply } from "../gateway/fixture.ts";

const TOKEN = "correct horse battery staple";
const JSON_TYPE = { "content-type": "application/json" };

/** The admin pages on a port, and a function that asks there. */
async function pages(
  t: TestContext,
  options: AdminOptions,
): Promise<(path: string, question?: Question) => Promise<Reply>> {
  const laneway = new Laneway(await parsePolicy("resources: { db: { limit: 2 } }"));
  const admin = adminPages(laneway, { log: () => {}, ...options });
  const server = createServer(admin).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    admin.close();
    server.closeAllConnections();
    server.close();
    laneway.close();
  });
  const { port } = server.address() as AddressInfo;
  return (path, question) => ask(`http://127.0.0.1:${port}${path}`, question);
}

test("an empty token, of a variable that is not set say, is no token: nobody may act by showing nothing", async (t) => {
  const at = await pages(t, { token: "" });
  const session = await at("/api/session", { body: '{"token":""}', headers: JSON_TYPE });
  assert.deepEqual([session.status, session.headers["set-cookie"]], [403, undefined]);
  const body = '{"resource":"db","limit":1,"durationMs":60000}';
  for (const authorization of ["Bearer ", "Bearer", "bearer  ", ""])
    assert.equal(
      (await at("/api/overrides", { body, headers: { ...JSON_TYPE, authorization } })).status,
      403,
    );
});

test("wrong tokens keep the token from being used for a minute, and no session", async (t) => {
  let now = 0;
  const at = await pages(t, { token: TOKEN, privateReads: true, now: () => now });
  const session = await at("/api/session", { body: JSON.stringify({ token: TOKEN }), headers: JSON_TYPE });
  const cookie = session.headers["set-cookie"]![0]!.split(";", 1)[0]!;
  const read = async (headers: Record<string, string>): Promise<number> =>
    (await at("/api/state", { headers })).status;
  for (let i = 0; i < 10; i++) assert.equal(await read({ authorization: "Bearer a-guess-of-somebody" }), 401);
  assert.equal(await read({ authorization: `Bearer ${TOKEN}` }), 429);
  assert.equal(await read({ cookie }), 200);
  now += 60_001;
  assert.equal(await read({ authorization: `Bearer ${TOKEN}` }), 200);
});

test("what an operator's request holds makes no line of the log, and commands no terminal that shows it", async (t) => {
  const lines: string[] = [];
  const at = await pages(t, { token: TOKEN, log: (line) => lines.push(line) });
  const headers = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}` };
  const evil = "\x1b]0;owned\x07\nadmin: 10.0.0.1: all is well\u009b2J\u2028";
  await at(`/api/overrides?id=${encodeURIComponent(evil)}`, { method: "DELETE", headers });
  const body = JSON.stringify({ resource: evil, lane: evil, state: evil, durationMs: 60_000 });
  await at("/api/overrides", { body, headers });
  assert.equal(lines.length, 2);
  for (const line of lines) assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
});

test("a body of the admin port is bounded, and an object of any shape changes nothing but what it names", async (t) => {
  const at = await pages(t, { token: TOKEN });
  const headers = { ...JSON_TYPE, authorization: `Bearer ${TOKEN}` };
  const large = await at("/api/session", { body: `{"token":"${"x".repeat(20_000)}"}`, headers: JSON_TYPE });
  assert.equal(large.status, 413);
  for (const body of [
    '{"__proto__":{"limit":1},"resource":"db","durationMs":60000}',
    '{"constructor":{"prototype":{"limit":1}},"resource":"db","durationMs":60000}',
    '{"resource":"__proto__","limit":1,"durationMs":60000}',
    '{"resource":"db","lane":"constructor","state":"paused","durationMs":60000}',
    '{"resource":"db","limit":1,"durationMs":1e999}',
  ])
    assert.equal((await at("/api/overrides", { body, headers })).status, 400, body);
  assert.equal(({} as { readonly limit?: number }).limit, undefined);
  assert.equal((await at("/api/forecast?resource=__proto__")).status, 400);
  assert.match((await at("/api/snapshot")).text, /"name":"db","limit":2,/);
});

test("the pages give no file but their own, frame in no other page, and run no script but their own", async (t) => {
  const at = await pages(t, {});
  for (const path of [
    "/assets/../../../package.json",
    "/assets/..%2f..%2f..%2fpackage.json",
    "/assets/%2e%2e/%2e%2e/package.json",
    "/assets/....//package.json",
    "/assets//etc/passwd",
    "/assets/index.js%00.css",
    "//etc/passwd",
  ])
    assert.notEqual((await at(path)).status, 200, path);
  const { headers } = await at("/");
  assert.match(
    headers["content-security-policy"] as string,
    /default-src 'none'; script-src 'self';.*frame-ancestors 'none'/,
  );
  assert.deepEqual([headers["x-frame-options"], headers["x-content-type-options"]], ["DENY", "nosniff"]);
  const asked = await at("/api/snapshot", { headers: { origin: "https://evil.example" } });
  const allowed = Object.keys(asked.headers).filter((name) => name.startsWith("access-control-"));
  assert.deepEqual(allowed, [], "no page of another site may read the answer");
});

test("a command in a lane gets its arguments as they are: no shell reads them", async (t) => {
  const folder = await folderWith(t, {});
  const words = ["; touch owned", "$(touch owned)", "`touch owned`", "a b", "--lane", "*", "'", "-n", "\n"];
  const print = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
  const child = spawnInLane(process.execPath, ["-e", print, "--", ...words], {
    lane: "bulk",
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  });
  let out = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (out += text));
  await once(child, "close");
  assert.deepEqual(JSON.parse(out), words);
  const ended = await command(
    ["run", "--lane", "bulk", "--", process.execPath, "-e", print, "--", ...words],
    {
      cwd: folder,
    },
  );
  assert.deepEqual(JSON.parse(ended.out), words);
  await assert.rejects(stat(join(folder, "owned")), { code: "ENOENT" });
});

test("a recording is its owner's to read, and holds no key, not even a digest of one", async (t) => {
  const folder = await folderWith(t, {});
  const file = join(folder, "arrivals.jsonl");
  const [ours, theirs] = ["sk-ours-and-nobody-elses", "a-key-of-the-chat-team"];
  const policy = await parsePolicy(
    `{ trust: { callers: [{ key: "${theirs}", upTo: high }, { key: \${CHAT}, flow: chat, upTo: high }] }, gateway: { adminToken: "${TOKEN}" },
       resources: { a: { provider: anthropic, upstream: "http://127.0.0.1:1", keys: ["${ours}"] } } }`.replace(
      "${CHAT}",
      '"${CHAT}"',
    ),
    { env: { CHAT: "from-the-environment" } },
  );
  const writer = await openRecording({ file, policy, resources: [], log: () => {} });
  await writer.close();
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const text = await readFile(file, "utf8");
  assert.ok(text.length > 100);
  for (const secret of [ours, theirs, TOKEN, "from-the-environment"]) {
    assert.equal(text.includes(secret), false, secret);
    assert.equal(text.includes(keyDigest(secret)), false, `the digest of ${secret}`);
  }
});

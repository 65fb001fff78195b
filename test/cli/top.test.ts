import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { needsProgram } from "../needs.ts";
import { adminServer, TOKEN } from "./admin-server.ts";
import { folderWith, laneway } from "./command.ts";
import { lanewayInPty, SCRIPT } from "./top/pty.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const LEFT = "\u001B[?25h\u001B[?1049l";

describe("laneway top", () => {
  it("prints one table without a terminal, and with --once", async (t) => {
    const at = await adminServer(t, { prefix: "/lanes" });
    const held = await at.laneway.resource("db").acquire({ lane: "bulk" });
    const waiting = at.laneway.resource("db").acquire({ lane: "bulk" });
    // The first tick is of before: a page that begins now has both.
    await at.stop();
    await at.start();
    for (const more of [[], ["--once"]]) {
      const { code, out, err } = await laneway(["top", "--admin", at.url, ...more]);
      assert.deepEqual([code, err], [0, ""]);
      const lines = out.split("\n");
      assert.match(lines[0]!, /^All lanes are within their objectives\. bulk on db yields: 1 wait/);
      assert.deepEqual(
        lines.slice(1, 4).map((line) => line.replaceAll(/ +/g, " ")),
        [
          "",
          "db 1 of 2 seats in use; limit as the policy says",
          " LANE RUN MAX WAIT OLDEST P50 P99 GOT/DUE % SHED",
        ],
      );
      assert.match(lines[5]!, /^ {2}bulk +1 +2 +1 /);
    }
    held.release();
    (await waiting).release();
  });

  it("prints a line of JSON each second, every number by its name, also across a restart", async (t) => {
    const at = await adminServer(t);
    const child = spawn(process.execPath, [MAIN, "top", "--json", "--admin", at.url], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    t.after(() => child.kill("SIGKILL"));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<{ resources: { name: string; lanes: Record<string, unknown>[] }[] }> =>
      JSON.parse((await lines.next()).value!) as never;
    const first = await next();
    assert.deepEqual(
      first.resources.map(({ name }) => name),
      ["db", "http"],
    );
    const lane = first.resources[0]!.lanes[0]!;
    assert.deepEqual(
      [lane["name"], lane["state"], lane["waiting"], lane["reservation"], lane["due"]],
      ["critical", "open", 0, 1, 0],
    );
    await at.stop();
    const [said] = (await once(child.stderr.setEncoding("utf8"), "data")) as [string];
    assert.match(said, /; asking again each second\n$/);
    await at.start();
    assert.equal((await next()).resources[0]!.name, "db");
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "close"), [143, null]);
  });

  it("says plainly when nothing listens there, when it is another port, and when a token is asked for", async (t) => {
    const at = await adminServer(t, { token: TOKEN });
    const env = { LANEWAY_ADMIN_TOKEN: "" };
    const asked = await laneway(["top", "--admin", at.url], { env });
    assert.deepEqual([asked.code, asked.out], [1, ""]);
    assert.match(
      asked.err,
      /^laneway top: 127\.0\.0\.1:\d+ asks for the admin token: put it into LANEWAY_ADMIN_TOKEN\n$/,
    );
    await at.stop();
    const none = await laneway(["top", "--admin", at.url], { env });
    assert.equal(none.code, 1);
    assert.match(
      none.err,
      /^laneway top: nothing listens at http:\/\/127\.0\.0\.1:\d+\/\n {2}start one: laneway gateway .*\n {2}or name another: --admin .*adminHandler\n$/,
    );
    const other = createServer((_req, res) => void res.end("<h1>shop</h1>")).listen(0, "127.0.0.1");
    await once(other, "listening");
    t.after(() => other.close());
    const { port } = other.address() as AddressInfo;
    const shop = await laneway(["top", "--admin", `127.0.0.1:${port}`]);
    assert.deepEqual([shop.code, /answers, but not as an admin port does/.test(shop.err)], [1, true]);
    const cwd = await folderWith(t, { "laneway.yaml": `gateway: { admin: "127.0.0.1:${port}" }` });
    assert.match(
      (await laneway(["top"], { cwd })).err,
      new RegExp(`http://127\\.0\\.0\\.1:${port}/ answers, but`),
    );
    const wrong = await laneway(["top", "--admin", "ftp://x/?a=1"]);
    assert.deepEqual([wrong.code, /--admin: expected a URL such as/.test(wrong.err)], [2, true]);
  });
});

describe("laneway top on a terminal", () => {
  it("shows the lanes live, pauses one and opens it again, and leaves the terminal as it was", async (t) => {
    if (!needsProgram(t, ...SCRIPT)) return;
    const at = await adminServer(t, { token: TOKEN });
    const top = lanewayInPty(t, ["top", "--admin", at.url], { env: { LANEWAY_ADMIN_TOKEN: TOKEN } });
    const first = await top.shows(/^> critical/);
    assert.equal(first.length, 24);
    assert.ok(first.every((line) => line.length <= 80));
    top.press("j");
    await top.shows(/^> bulk/);
    top.press("p");
    await top.shows(/^pause bulk on db \(nobody waits\), for: 10m_$/);
    assert.deepEqual(at.laneway.overrides, []);
    top.press("\r");
    await top.shows(/^> bulk paused/);
    await top.shows(/^db, lane bulk: paused, 10 min left$/);
    const { resource, lane, state, durationMs } = at.laneway.overrides[0]!;
    assert.deepEqual([resource, lane, state, durationMs], ["db", "bulk", "paused", 600_000]);
    top.press("e\r");
    await top.shows(/^ended: db, lane bulk: paused$/);
    await top.shows(/^> bulk {2}/);
    // What came while it runs is there within a tick.
    const held = await at.laneway.resource("db").acquire({ lane: "critical" });
    await top.shows(/^ {2}critical +1 /);
    held.release();
    top.press("q");
    assert.equal(await top.ended(), 0);
    assert.ok(top.raw.startsWith("\u001B[?1049h\u001B[?25l"));
    assert.ok(top.raw.endsWith(LEFT));
  });

  it("survives a restart of what it watches, saying so meanwhile", async (t) => {
    if (!needsProgram(t, ...SCRIPT)) return;
    const at = await adminServer(t);
    const top = lanewayInPty(t, ["top", "--admin", at.url]);
    await top.shows(/ live /);
    await at.stop();
    await top.shows(/ LOST /);
    await top.shows(/(ended its feed|broke off|nothing listens).*asking again each second$/);
    await at.start();
    await top.shows(/ live /);
    top.press("\u0003");
    assert.equal(await top.ended(), 0);
  });

  it("Ctrl-Z gives the terminal to the shell, and fg takes it back", async (t) => {
    if (!needsProgram(t, ...SCRIPT)) return;
    const at = await adminServer(t);
    const top = lanewayInPty(t, ["top", "--admin", at.url], {
      after: "echo the shell again; read go; fg; exit 3",
    });
    await top.shows(/^> critical/);
    top.press("\u001A");
    await top.writes(/\u001B\[\?1049l[^]*the shell again/);
    top.press("go\n");
    await top.writes(/the shell again[^]*\u001B\[\?1049h[^]*> critical/);
    top.press("q");
    assert.equal(await top.ended(), 3);
  });

  it("where no shell waits for it Ctrl-Z does nothing for long", async (t) => {
    if (!needsProgram(t, ...SCRIPT)) return;
    const at = await adminServer(t);
    const top = lanewayInPty(t, ["top", "--admin", at.url]);
    await top.shows(/^> critical/);
    top.press("\u001A");
    await top.writes(/\u001B\[\?1049l[^]*\u001B\[\?1049h[^]*> critical/);
    top.press("q");
    assert.equal(await top.ended(), 0);
  });

  it("without colour writes none, and without a token changes nothing", async (t) => {
    if (!needsProgram(t, ...SCRIPT)) return;
    const at = await adminServer(t);
    const top = lanewayInPty(t, ["top", "--admin", at.url], { env: { NO_COLOR: "1" } });
    await top.shows(/^> critical/);
    top.press("d");
    await top.shows(/^read-only: no admin token is set there/);
    top.press("q");
    assert.equal(await top.ended(), 0);
    // oxlint-disable-next-line no-control-regex -- the colours of a terminal
    assert.doesNotMatch(top.raw, /\u001B\[[0-9;]*m/);
  });

  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGUSR2", 7],
  ] as const)
    it(`gives the terminal back after ${signal === "SIGUSR2" ? "an error that nobody caught" : signal}`, async (t) => {
      if (!needsProgram(t, ...SCRIPT)) return;
      const at = await adminServer(t);
      const thrower = 'process.on("SIGUSR2",()=>setImmediate(()=>{throw new Error("planted")}))';
      const top = lanewayInPty(t, ["top", "--admin", at.url], {
        before: "echo pid=$$;",
        env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(thrower)}` },
      });
      await top.shows(/^> critical/);
      process.kill(Number(/pid=(\d+)/.exec(top.raw)![1]), signal);
      const ended = await top.ended();
      assert.ok(top.raw.includes(LEFT), "the terminal is given back");
      if (signal === "SIGTERM") assert.equal(ended, code);
      else assert.match(top.raw, /planted/);
    });
});

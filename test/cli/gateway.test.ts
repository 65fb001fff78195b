import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ask, begin, startUpstream, Wire } from "../gateway/fixture.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** `laneway gateway …` as a process, with what it has said so far. */
class Command {
  readonly child: ChildProcess;
  said = "";
  readonly ended: Promise<number>;

  constructor(t: TestContext, args: readonly string[], cwd?: string) {
    this.child = spawn(process.execPath, [MAIN, "gateway", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
      ...(cwd === undefined ? {} : { cwd }),
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on("data", (chunk: Buffer) => {
        this.said += String(chunk);
      });
    this.ended = once(this.child, "close").then(([code]) => code as number);
    t.after(() => this.child.kill("SIGKILL"));
  }

  /** What `pattern` found in its words, as soon as it has said it. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.said);
      if (found !== null) return found;
      const over = await Promise.race([once(this.child.stderr!, "data").then(() => undefined), this.ended]);
      if (over !== undefined && !pattern.test(this.said))
        throw new Error(`ended with ${over} without ${pattern}: ${this.said}`);
    }
  }

  async url(): Promise<string> {
    return (await this.says(/listens on (http:\S+)/))[1]!;
  }
}

const PORTS = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), "laneway-gateway-"));
  t.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

test("given only an upstream it forwards on the default lanes, and says how to point a client at it", async (t) => {
  const upstream = await startUpstream(t, (req, res) => {
    res.end(`hello ${req.url}`);
  });
  const command = new Command(t, ["--upstream", upstream.url, ...PORTS]);
  const url = await command.url();
  await command.says(new RegExp(`http: up to 100 at a time to ${upstream.url}\\n`));
  await command.says(new RegExp(`point clients here: send requests to ${url} `));
  const [, admin] = await command.says(/admin: (http:\/\/[^/]+)\/metrics, .* the live page on \1\/\n/);
  const reply = await ask(`${url}/a`, { headers: { "x-priority": "bulk" } });
  assert.deepEqual([reply.text, reply.headers["laneway-lane"]], ["hello /a", "bulk"]);
  assert.deepEqual(
    (await ask(`${admin}/api/snapshot`)).json().resources[0].lanes.map((lane: { name: string }) => lane.name),
    ["critical", "high", "normal", "low", "bulk"],
  );
});

test("the provider of a bare upstream is known by its host or said, and the pointer is the one for its SDK", async (t) => {
  const claude = new Command(t, ["--upstream", "https://api.anthropic.com", ...PORTS]);
  const url = await claude.url();
  await claude.says(new RegExp(`anthropic: up to 100 at a time to https://api.anthropic.com\\n`));
  await claude.says(new RegExp(`point clients here: ANTHROPIC_BASE_URL=${url}\\n`));
  const other = new Command(t, ["--upstream", "http://127.0.0.1:1", "--provider", "openai", ...PORTS]);
  const otherUrl = await other.url();
  await other.says(new RegExp(`point clients here: OPENAI_BASE_URL=${otherUrl}/v1\\n`));
});

test("the first signal drains: what was accepted is finished, then it exits with 0", async (t) => {
  const upstream = await startUpstream(t);
  const command = new Command(t, ["--upstream", upstream.url, ...PORTS]);
  const url = await command.url();
  const running = ask(url);
  const arrival = await upstream.next();
  command.child.kill("SIGTERM");
  await command.says(
    /SIGTERM: finishing what was accepted, for at most 30 s; a second signal ends it at once\n/,
  );
  assert.equal((await ask(url)).status, 503);
  arrival.res.end("finished");
  assert.equal((await running).text, "finished");
  assert.equal(await command.ended, 0);
  assert.match(command.said, /drained\n$/);
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`a second ${signal} ends it at once, with ${code}`, async (t) => {
    const upstream = await startUpstream(t);
    const command = new Command(t, ["--upstream", upstream.url, ...PORTS]);
    begin(await command.url());
    const arrival = await upstream.next();
    command.child.kill(signal);
    await command.says(/finishing what was accepted/);
    command.child.kill(signal);
    await arrival.cutOff;
    assert.equal(await command.ended, code);
    assert.match(command.said, new RegExp(`${signal} again: ending at once\\n`));
  });
}

test("a port in use: one line that says so and what to do, exit 1", async (t) => {
  const upstream = await startUpstream(t);
  const taken = new URL(upstream.url).host;
  for (const [option, args] of [
    ["listen", ["--listen", taken, "--admin", "127.0.0.1:0"]],
    ["admin", ["--listen", "127.0.0.1:0", "--admin", taken]],
  ] as const) {
    const command = new Command(t, ["--upstream", "http://127.0.0.1:1", ...args]);
    assert.equal(await command.ended, 1);
    assert.equal(
      command.said,
      `laneway gateway: cannot listen on ${taken} (${option}): the port is in use; stop what listens there, or choose another port\n`,
    );
  }
});

test("a command line that makes no sense: exit 2, and no password of a URL is repeated", async (t) => {
  const empty = folder(t, {});
  const expected: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /expected --policy FILE or --upstream URL, found neither, and there is no laneway\.yaml here/],
    [["--policy", "a.yaml", "--upstream", "http://a"], /expected --policy or --upstream, found both/],
    [["--policy", "a.yaml", "--provider", "http"], /--provider says what --upstream speaks/],
    [["--upstream", "ftp://a"], /--upstream: expected an http:\/\/ or https:\/\/ URL, found "ftp:\/\/a"/],
    [["--upstream", "http://user:hunter2@a"], /without a user or password/],
    [["--upstream", "http://a?b"], /without a query/],
    [
      ["--upstream", "http://a", "--listen", "nonsense"],
      /listen: expected an address such as 127\.0\.0\.1:8080, found "nonsense"/,
    ],
  ];
  await Promise.all(
    expected.map(async ([args, pattern]) => {
      const command = new Command(t, args, empty);
      assert.equal(await command.ended, 2, args.join(" "));
      assert.match(command.said, pattern);
      assert.equal(command.said.trimEnd().split("\n").length, 1);
      assert.doesNotMatch(command.said, /hunter2/);
    }),
  );
});

test("a policy that is wrong: every problem with its place, exit 4; one without an upstream or a file: exit 1", async (t) => {
  const path = folder(t, {
    "wrong.yaml": "lanes: [ { name: a, wieght: 1 } ]\ndefaultLane: b\n",
    "nowhere.yaml": "resources: { main-db: { limit: 1 } }\n",
  });
  const wrong = new Command(t, ["--policy", "wrong.yaml", ...PORTS], path);
  assert.equal(await wrong.ended, 4);
  assert.match(wrong.said, /wrong\.yaml:1:\d+: .*wieght[^]*wrong\.yaml:2:\d+: /);
  const nowhere = new Command(t, ["--policy", "nowhere.yaml", ...PORTS], path);
  assert.equal(await nowhere.ended, 1);
  assert.match(nowhere.said, /no resource of nowhere\.yaml has an upstream/);
  const missing = new Command(t, ["--policy", "missing.yaml", ...PORTS], path);
  assert.equal(await missing.ended, 1);
  assert.match(missing.said, /cannot read missing\.yaml: there is no such file/);
});

test("an edited policy comes into force without dropping a waiter; a bad edit is refused with its message", async (t) => {
  const upstream = await startUpstream(t);
  const policy = (limit: number | string): string =>
    `resources: { http: { upstream: "${upstream.url}", limit: ${limit} } }\n`;
  const path = folder(t, { "laneway.yaml": policy(1) });
  const command = new Command(t, PORTS, path);
  const url = await command.url();
  const first = ask(`${url}/1`);
  const running = await upstream.next();
  const waiter = new Wire(url);
  waiter.send("GET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");

  writeFileSync(join(path, "laneway.yaml"), policy("many"));
  await command.says(
    /laneway\.yaml: the edit was refused, the policy before it stays in force\nlaneway\.yaml:1:\d+: /,
  );
  assert.equal(upstream.seen, 1);

  writeFileSync(join(path, "laneway.yaml"), policy(2));
  await command.says(/laneway\.yaml: the edited policy is in force \(http: limit 2\)\n/);
  const second = await upstream.next();
  assert.equal(second.req.url, "/2");
  second.res.end("no longer waiting");
  assert.match(await waiter.untilClosed(), /no longer waiting/);
  running.res.end();
  await first;

  writeFileSync(
    join(path, "laneway.yaml"),
    `${policy(2)}gateway: { listen: "127.0.0.1:1234", probes: "127.0.0.1:1235" }\n`,
  );
  await command.says(
    /in force \(http: limit 2\)\n {2}gateway\.listen and gateway\.probes: takes effect at the next start\n/,
  );
});

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { LaneResult, RunReport, VerifyReport } from "../../src/verify/report/result.ts";
import { readScenario } from "../../src/verify/scenario/read.ts";
import { ROOT } from "../house/source.ts";
import { needsProgram } from "../needs.ts";
import { serviceOf } from "../verify/overload/service.ts";
import { folderWith, laneway } from "./command.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const SERVER = join(ROOT, "examples/verify/server.ts");
const POLICY = join(ROOT, "examples/verify/laneway.yaml");

const SMALL = `
rate: 100/s
phases: [ { name: calm, for: 500ms }, { name: storm, for: 1s } ]
lanes:
  - { name: critical, rate: 30/s, paths: [ /pay ], objectives: [ success > 90% ] }
  - { name: bulk, rate: 30/s, during: { storm: 90/s }, paths: [ /export ], objectives: [ progress > 0 ] }
`;
const IMPOSSIBLE = SMALL.replace("success > 90%", "p50 < 1ms");

/** The example's server, on a free port of this machine. */
async function example(t: TestContext, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [SERVER, ...args], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout })) return line.replace(/^.*: /, "");
  throw new Error("the example server ended before it told its address");
}

async function reportIn(folder: string): Promise<VerifyReport> {
  return JSON.parse(await readFile(join(folder, "laneway-verify/report.json"), "utf8")) as VerifyReport;
}

/** A busy machine makes a run invalid; nothing else may. */
function lateAtMost({ invalid }: RunReport): boolean {
  for (const why of invalid) assert.match(why, /^the generator (was late|stalled)/);
  return invalid.length > 0;
}

function assertAddsUp(lane: LaneResult): void {
  const { offered, served, refused, failed, unanswered, unsent, seconds, phases = [] } = lane;
  assert.ok(offered > 0, lane.lane);
  assert.equal(offered, served + refused + failed + unanswered + unsent, lane.lane);
  assert.equal(lane.latencyMs.count, served);
  const sum = (parts: readonly { offered: number; served: number }[], count: "offered" | "served"): number =>
    parts.reduce((total, part) => total + part[count], 0);
  for (const parts of [seconds, phases])
    assert.deepEqual([sum(parts, "offered"), sum(parts, "served")], [offered, served], lane.lane);
}

test("a laned and an unlaned service get the same calls, and the report holds them side by side", async (t) => {
  const [laned, unlaned] = await Promise.all([example(t), example(t, "--no-lanes")]);
  const cwd = await folderWith(t, { "small.yaml": SMALL });
  const { code, out, err } = await laneway(
    ["verify", laned, "--compare", unlaned, "--scenario", "small.yaml", "--policy", POLICY, "--json"],
    { cwd },
  );
  const report = await reportIn(cwd);
  assert.deepEqual(JSON.parse(out), report);
  const [on, off] = report.runs;
  assert.equal(code, lateAtMost(on) ? 1 : 0, err);
  assert.deepEqual([on.name, on.target, off!.name, off!.target], ["lanes on", laned, "lanes off", unlaned]);
  assert.deepEqual(report.capacity, { perSecond: 100, found: false });
  for (const lane of [...on.lanes, ...off!.lanes]) assertAddsUp(lane);
  assert.deepEqual(
    on.lanes.map(({ lane, offered }) => [lane, offered]),
    off!.lanes.map(({ lane, offered }) => [lane, offered]),
  );
  // The laned one says in which lane each was and how long it waited; the other one knows of neither.
  assert.deepEqual(on.remarks, []);
  for (const { waitMs, served } of on.lanes) assert.equal(waitMs.count, served);
  for (const { waitMs } of off!.lanes) assert.equal(waitMs.count, 0);
  const got = on.lanes.reduce((sum, { share }) => sum + share.got, 0);
  assert.ok(Math.abs(got - 1) < 1e-9, String(got));
  assert.match(err, /^laneway verify http.*, then http/);
  assert.match(err, /Next: open laneway-verify\/index\.html/);
  assert.match(await readFile(join(cwd, "laneway-verify/summary.md"), "utf8"), /critical/);
});

test("an objective that is missed ends with 3 and is named", async (t) => {
  const service = await serviceOf(t, (_req, res) => void setImmediate(() => res.end("ok")));
  const cwd = await folderWith(t, { "hard.yaml": IMPOSSIBLE.replace("p50 < 1ms", "wait p99 < 5ms") });
  const { code, out } = await laneway(["verify", service.url, "--scenario", "hard.yaml", "--out", "here"], {
    cwd,
  });
  const report = JSON.parse(await readFile(join(cwd, "here/report.json"), "utf8")) as VerifyReport;
  assert.equal(code, lateAtMost(report.runs[0]) ? 1 : 3, out);
  assert.equal(report.pass, false);
  assert.match(out, /^missed {2}critical: wait p99 < 5ms: the service tells no waits$/m);
  for (const line of out.split("\n").slice(4)) assert.ok(line.length <= 80, line);
  const offered = report.runs[0].lanes.map((lane) => lane.offered);
  assert.deepEqual([service.asked.get("/pay"), service.asked.get("/export")], offered);
});

test("a service that is not there ends with 1, with the reason, and leaves no report", async (t) => {
  const gone = await serviceOf(t, () => undefined);
  gone.close();
  const { code, err } = await laneway(["verify", gone.url], { cwd: await folderWith(t, {}) });
  assert.equal(code, 1);
  assert.match(err, new RegExp(`^laneway verify: ${gone.url} cannot be reached: connect ECONNREFUSED`));
});

test("a service that goes away under load makes the run invalid", async (t) => {
  const service = await serviceOf(t, (_req, res) => res.end("ok"));
  const cwd = await folderWith(t, { "small.yaml": SMALL.replace("500ms", "1s").replace("1s }", "5s }") });
  const run = laneway(["verify", service.url, "--scenario", "small.yaml"], { cwd });
  while ((service.asked.get("/export") ?? 0) < 20) await new Promise((resolve) => setImmediate(resolve));
  service.close();
  const { code, out } = await run;
  assert.equal(code, 1, out);
  assert.match(out, /^invalid the service was gone from \d s on: connect ECONNREFUSED/m);
  assert.match((await reportIn(cwd)).runs[0].invalid.join("\n"), /the service was gone/);
});

test("Ctrl-C ends the load; what there is is reported, as invalid", async (t) => {
  const service = await serviceOf(t, (_req, res) => res.end("ok"));
  const cwd = await folderWith(t, { "long.yaml": SMALL.replace("for: 1s", "for: 5m") });
  const child = spawn(process.execPath, [MAIN, "verify", service.url, "--scenario", "long.yaml"], {
    cwd,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  const closed = once(child, "close");
  while ((service.asked.get("/export") ?? 0) < 20) await new Promise((resolve) => setImmediate(resolve));
  child.kill("SIGINT");
  assert.deepEqual(await closed, [1, null], out);
  assert.match(out, /^NOT VALID\ninvalid it was stopped after \d+(\.\d)? s$/m);
  const [run] = (await reportIn(cwd)).runs;
  for (const lane of run.lanes) assertAddsUp(lane);
});

test("a command line that makes no sense ends with 2 and says what was expected; nothing is sent", async (t) => {
  const service = await serviceOf(t, (_req, res) => res.end("ok"));
  const cwd = await folderWith(t, { "wrong.yaml": "lanes:\n  - { name: a, rate: fast }\n" });
  const rows: [args: string[], message: RegExp][] = [
    [[], /expected the URL of a service/],
    [["ftp://127.0.0.1"], /expected an http:\/\/ or https:\/\/ URL, found "ftp:\/\/127\.0\.0\.1"/],
    [["http://192.0.2.1"], /192\.0\.2\.1 is not this machine\..* add --i-own-this-host/],
    [[service.url, "--compare", "http://192.0.2.1"], /192\.0\.2\.1 is not this machine/],
    [[service.url, "--scenario", "spik"], /expected spike, steady, .* found "spik"; did you mean spike\?/],
    [[service.url, "--scenario", "none.yaml"], /cannot read none\.yaml: there is no such file/],
    [
      [service.url, "--scenario", "wrong.yaml"],
      /^wrong\.yaml:2:22: lanes\.a\.rate: expected a rate such as 40\/s/,
    ],
    [[service.url, "--rate", "fast"], /Expected calls a second/],
    [[service.url, "--duration", "2h"], /Expected a duration from 1s to 10m/],
    [[service.url, "--rate", "100000"], /expected at most 200000 calls a second in all, found 290000/],
  ];
  for (const [args, message] of rows) {
    const { code, out, err } = await laneway(["verify", ...args], { cwd });
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(err, message);
  }
  const policy = await laneway(["verify", service.url, "--policy", "wrong.yaml"], { cwd });
  assert.equal(policy.code, 4);
  assert.equal(service.asked.size, 0);
});

test("a ready-made scenario is printed as a file, with the policy's lanes and promises, and can be read", async (t) => {
  const cwd = await folderWith(t, {
    "laneway.yaml": "lanes: [ { name: top, objective: { wait: 2m, success: 99.95% } }, { name: rest } ]",
  });
  const { code, out } = await laneway(["verify", "--print-scenario", "--policy", "laneway.yaml"], { cwd });
  assert.equal(code, 0);
  assert.deepEqual(
    readScenario(out, "printed.yaml", {}).lanes!.map(({ name, objectives }) => [name, objectives]),
    [
      [
        "top",
        ["p99 < 2x baseline + 10ms during flood", "success > 99.9%", "wait p99 < 2m", "success > 99.95%"],
      ],
      ["rest", ["progress > 0", "wait p99 < 10s"]],
    ],
  );
  const secret = await folderWith(t, { "own.yaml": 'lanes: [ { name: a, headers: { x: "${TOKEN}" } } ]\n' });
  const own = await laneway(["verify", "--print-scenario", "--scenario", "own.yaml"], {
    cwd: secret,
    env: { TOKEN: "s3cret" },
  });
  assert.equal(own.out, 'lanes: [ { name: a, headers: { x: "${TOKEN}" } } ]\n');
});

test("a service behind TLS is measured when its certificate is trusted, and told when it is not", async (t) => {
  if (!needsProgram(t, "openssl", "apt-get install openssl")) return;
  const cwd = await folderWith(t, { "small.yaml": SMALL });
  const files = [
    "-keyout",
    "key.pem",
    "-out",
    "cert.pem",
    "-days",
    "2",
    "-nodes",
    "-newkey",
    "rsa:2048",
    "-x509",
  ];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  assert.equal(spawnSync("openssl", ["req", ...files, ...name], { cwd }).status, 0);
  const [key, cert] = ["key.pem", "cert.pem"].map((file) => readFileSync(join(cwd, file)));
  const server = createTlsServer({ key: key!, cert: cert! }, (_req, res) => res.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.close(), server.closeAllConnections()));
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
  const args = ["verify", url, "--scenario", "small.yaml"];
  const env = { NODE_EXTRA_CA_CERTS: join(cwd, "cert.pem") };
  const trusted = await laneway(args, { cwd, env });
  const [run] = (await reportIn(cwd)).runs;
  assert.equal(trusted.code, lateAtMost(run) ? 1 : 0, trusted.out + trusted.err);
  for (const lane of run.lanes) assert.equal(lane.served, lane.offered);
  const distrusted = await laneway(args, { cwd });
  assert.notEqual(distrusted.code, 0);
  assert.match(distrusted.out + distrusted.err, /self-signed certificate/);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { parsePolicy } from "../../src/policy/policy.ts";
import { startUpstream, ask } from "../gateway/fixture.ts";
import { arrival, THREE_LANES, writeRecording } from "../verify/recorded.ts";
import { folderWith, laneway } from "./command.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** One seat, and a bulk task on it when a critical one comes. */
const ONE_SEAT = THREE_LANES.replace("limit: 10", "limit: 1");
const ARRIVALS = [
  arrival({ atMs: 0, lane: "bulk", runMs: 300 }),
  arrival({ atMs: 10, lane: "critical", waitMs: 290, runMs: 5 }),
  arrival({ atMs: 20, lane: "bulk", waitMs: 285, runMs: 5 }),
];

async function folderOf(t: TestContext, policy = ONE_SEAT): Promise<string> {
  const folder = await folderWith(t, {
    "laneway.yaml": policy,
    "two.yaml": policy.replace("limit: 1", "limit: 2"),
  });
  await writeRecording(t, await parsePolicy(policy), ARRIVALS, { file: join(folder, "rec.jsonl") });
  return folder;
}

test("simulate puts the recording, today's policy and the proposed one side by side", async (t) => {
  const cwd = await folderOf(t);
  const { code, out, err } = await laneway(
    ["simulate", "laneway.yaml", "rec.jsonl", "--compare", "two.yaml"],
    { cwd },
  );
  assert.deepEqual([code, err], [0, ""]);
  const lines = out.split("\n").map((line) => line.trimEnd());
  assert.match(lines[0]!, /^rec\.jsonl: 3 arrivals in 1 s, from \d{4}-/);
  assert.deepEqual(lines.slice(1), [
    "now: laneway.yaml, proposed: two.yaml",
    "",
    "db",
    "                    served  shed  wait p50     p99       objective",
    "critical  recorded       1     0    290 ms  290 ms  100 ms, 99.9 %  missed",
    "          now            1     0    290 ms  290 ms  100 ms, 99.9 %  missed",
    "          proposed       1     0     <1 ms   <1 ms  100 ms, 99.9 %     met",
    "bulk      recorded       2     0     <1 ms  285 ms           300 s     met",
    "          now            2     0     <1 ms  285 ms           300 s     met",
    "          proposed       2     0     <1 ms   <1 ms           300 s     met",
    "",
  ]);
});

test("a policy under which a lane misses its objective ends with 3, as JSON too", async (t) => {
  const cwd = await folderOf(t);
  const { code, out } = await laneway(["simulate", "laneway.yaml", "rec.jsonl", "--json"], { cwd });
  assert.equal(code, 3);
  const told = JSON.parse(out);
  assert.deepEqual(
    [told.met, told.arrivals, told.dropped, told.seed, told.policies],
    [false, 3, 0, 1, ["laneway.yaml"]],
  );
  const [critical] = told.resources[0].lanes;
  assert.deepEqual(critical.objective, { waitMs: 100, success: 0.999 });
  assert.deepEqual(critical.replayed, {
    arrivals: 1,
    served: 1,
    shed: 0,
    cancelled: 0,
    shedBy: {},
    waitMs: { p50: 290, p99: 290, max: 290 },
    waitMet: false,
    successMet: true,
  });
});

test("--plot draws the waits of the lane that misses, with its objective", async (t) => {
  const folder = await folderOf(t);
  const many = Array.from({ length: 400 }, (_, n) => arrival({ atMs: n * 10, lane: "critical", runMs: 12 }));
  const file = join(folder, "many.jsonl");
  await writeRecording(t, await parsePolicy(ONE_SEAT), many, { file });
  const args = ["simulate", "laneway.yaml", "many.jsonl", "--compare", "two.yaml", "--plot", "waits.svg"];
  const { code, err } = await laneway(args, { cwd: folder });
  assert.equal(code, 0);
  assert.match(err, /waits\.svg: the waits of critical, over time\n/);
  const svg = await readFile(join(folder, "waits.svg"), "utf8");
  assert.match(svg, /^<svg .*<\/svg>\n$/s);
  for (const word of ["db: how long critical waits", ">now<", ">proposed<", ">objective<"])
    assert.ok(svg.includes(word), word);
});

test("a recording that is cut, was made under another policy, or holds what never ran, is used, and that is said", async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, "rec.jsonl");
  await writeRecording(
    t,
    await parsePolicy(ONE_SEAT),
    [
      arrival({ atMs: 5_000, outcome: "rejected", reason: "lane-full", runMs: 0 }),
      arrival({ resource: "cache" }),
    ],
    { file },
  );
  await appendFile(file, '[9,"db","nor');
  const { err } = await laneway(["simulate", "two.yaml", "rec.jsonl"], { cwd: folder });
  assert.match(err, /^rec\.jsonl:10: this line was cut; everything before it is used$/m);
  assert.match(err, /^it was recorded under another policy than two\.yaml$/m);
  assert.match(err, /^resource "cache" was recorded and is not in two\.yaml: it is left out$/m);
  assert.match(err, /^db: 1 of 4 never ran when they were recorded; .* \(--seed 1\)$/m);
});

test("what cannot be read or does not fit is said in one line, with the exit code that it has", async (t) => {
  const folder = await folderOf(t);
  await writeFile(join(folder, "empty.jsonl"), "");
  await writeFile(join(folder, "old.jsonl"), '{"laneway":"recording","version":0}\n');
  await writeFile(join(folder, "wrong.yaml"), "lanes: 5\n");
  await writeFile(join(folder, "other.yaml"), "lanes: [{ name: a }]\nresources: { db: { limit: 1 } }\n");
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [
      ["laneway.yaml", "gone.jsonl"],
      1,
      /^laneway simulate: cannot read gone\.jsonl: there is no such file\n$/,
    ],
    [
      ["laneway.yaml", "empty.jsonl"],
      1,
      /^laneway simulate: empty\.jsonl:1: expected the header of a recording, found an empty file\n$/,
    ],
    [["laneway.yaml", "old.jsonl"], 1, /old\.jsonl:1: expected a recording of version 1, found version 0; /],
    [["gone.yaml", "rec.jsonl"], 1, /^laneway simulate: cannot read gone\.yaml/],
    [["wrong.yaml", "rec.jsonl"], 4, /wrong\.yaml:1:8: /],
    [
      ["other.yaml", "rec.jsonl"],
      2,
      /2 arrivals were recorded in lane "bulk", and other\.yaml has no lane "bulk", only a; .*--as bulk=a\n$/,
    ],
    [
      ["laneway.yaml", "rec.jsonl", "--resource", "x"],
      2,
      /--resource: expected one that was recorded, db, found "x"\n$/,
    ],
    [["laneway.yaml", "rec.jsonl", "--as", "bulk"], 2, /Expected 'recorded=name'/],
    [["laneway.yaml", "rec.jsonl", "--seed", "-1"], 2, /Expected a whole number/],
    [
      ["laneway.yaml", "rec.jsonl", "--lane", "x", "--plot", "p.svg"],
      2,
      /--lane: expected a lane of the policy, found "x"\n$/,
    ],
    [["laneway.yaml", "rec.jsonl", "--plot", "no/p.svg"], 1, /--plot: cannot write no\/p\.svg: /],
    [["laneway.yaml"], 2, /missing required argument 'recordings'/],
  ];
  for (const [args, code, message] of cases) {
    const ended = await laneway(["simulate", ...args], { cwd: folder });
    assert.deepEqual([ended.code, ended.out], [code, ""], args.join(" "));
    assert.match(ended.err, message);
  }
  const as = ["simulate", "other.yaml", "rec.jsonl", "--as", "bulk=a", "--as", "critical=a"];
  assert.equal((await laneway(as, { cwd: folder })).code, 0);
});

test("a gateway records what comes through it, until it has drained, and its recording replays", async (t) => {
  const upstream = await startUpstream(t, (_req, res) => void res.end("x".repeat(300)));
  const policy = `lanes: [{ name: critical }, { name: bulk }]
flow: { header: x-tenant }
classify: [{ path: /secret/**, lane: bulk }]
defaultLane: critical
resources: { http: { upstream: "${upstream.url}", limit: 5 } }
`;
  const cwd = await folderWith(t, { "laneway.yaml": policy });
  const ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  const child = spawn(process.execPath, [MAIN, "gateway", "--record", "rec.jsonl", ...ports], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  const url = await new Promise<string>((resolve) =>
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const found = /listens on (http:\S+)/.exec(said);
      if (found !== null) resolve(found[1]!);
    }),
  );
  const headers = { "x-tenant": "secret-tenant", authorization: "Bearer secret" };
  for (let n = 0; n < 3; n++)
    await ask(`${url}/secret/${n}?q=secret`, { method: "POST", headers, body: "secret!" });
  await ask(`${url}/`);
  child.kill("SIGTERM");
  await once(child, "close");
  assert.match(said, /records what comes, and nothing of what is asked, in rec\.jsonl/);
  assert.match(said, /rec\.jsonl: 4 arrivals recorded\n/);
  const text = await readFile(join(cwd, "rec.jsonl"), "utf8");
  assert.doesNotMatch(text, /secret/);
  const rows = text.split("\n").filter((line) => line.startsWith("["));
  assert.match(rows[0]!, /^\[[\d.]+,"http","bulk","[\w-]{10}",1,[\d.]+,[\d.]+,"finished",null,7,300\]$/);
  assert.equal(new Set(rows.slice(0, 3).map((row) => JSON.parse(row)[3])).size, 1);
  const { code, out } = await laneway(["simulate", "laneway.yaml", "rec.jsonl", "--json"], { cwd });
  assert.equal(code, 0);
  const { lanes } = JSON.parse(out).resources[0];
  assert.deepEqual(
    lanes.map((lane: { replayed: { served: number } }) => lane.replayed.served),
    [1, 3],
  );
});

test("a gateway whose recording cannot be written does not start", async (t) => {
  const cwd = await folderWith(t, {
    "laneway.yaml": 'resources: { http: { upstream: "http://127.0.0.1:1", limit: 5 } }\n',
  });
  const { code, err } = await laneway(["gateway", "--record", "no/rec.jsonl", "--listen", "127.0.0.1:0"], {
    cwd,
  });
  assert.equal(code, 1);
  assert.match(err, /^laneway gateway: --record: cannot write no\/rec\.jsonl: ENOENT/);
  assert.ok(!existsSync(join(cwd, "no")));
});

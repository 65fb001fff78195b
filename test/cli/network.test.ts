import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { linkShares, planLink } from "../../src/cli/network/plan.ts";
import { parseInterface, parseLinkRate, presentInterface } from "../../src/cli/network/words.ts";
import { defaultPolicy, parsePolicy } from "../../src/policy/policy.ts";
import { Namespace, needsNetwork, ran } from "../adapters/dscp/namespace.ts";
import { folderWith, laneway } from "./command.ts";
import type { Ended } from "./command.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const MARKED = "network: { profile: safe }\n";

async function run(t: TestContext, policy: string | undefined, ...args: string[]): Promise<Ended> {
  const cwd = await folderWith(t, policy === undefined ? {} : { "laneway.yaml": policy });
  return laneway(["network", ...args], { cwd });
}

describe("laneway network", () => {
  it("prints one script for a queue of five classes and rules, in words that a shell only can read one way", async (t) => {
    const { code, out, err } = await run(t, MARKED, "-i", "lo", "--rate", "10mbit");
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(out.match(/^tc class add dev lo parent 4c57:1 /gm)?.length, 5);
    assert.match(out, /classid 4c57:10 htb rate 3266666bit ceil 10000000bit prio 0 /);
    assert.match(out, /classid 4c57:14 htb rate 733333bit ceil 10000000bit prio 4 /);
    assert.match(out, /^tc qdisc add dev lo root handle 4c57: htb default 12$/m);
    assert.match(out, /u32 match ip dsfield 0xa0 0xfc flowid 4c57:10$/m);
    assert.match(out, /u32 match ip6 priority 0x04 0xfc flowid 4c57:14$/m);
    assert.match(out, /^ {4}ip6 dscp 1 meta priority set 0:2 comment "laneway 1 bulk"$/m);
    assert.equal(spawnSync("sh", ["-n"], { input: out }).status, 0);
  });

  it("says the numbers as JSON, of which the rules can be loaded by nft alone", async (t) => {
    const { code, out } = await run(t, MARKED, "-i", "lo", "--rate", "1gbit", "--json");
    assert.equal(code, 0);
    const { classes, linkBits, rules, script, ...rest } = JSON.parse(out);
    assert.deepEqual(rest, { file: "laneway.yaml", profile: "safe", interface: "lo" });
    assert.equal(linkBits, 1_000_000_000);
    assert.deepEqual(classes[4], {
      lanes: ["bulk"],
      codePoint: 1,
      mark: "LE",
      typeOfService: 4,
      priority: 4,
      share: 0.073333,
      isDefault: false,
      placed: 2,
      rateBits: 73_333_333,
    });
    assert.ok(script.includes(rules.trimEnd()));
  });

  it("follows the policy's marks and shares; lanes with one mark share a class", async () => {
    const policy = await parsePolicy(
      `${MARKED}lanes: [{ name: critical, network: { share: 50% } }, { name: gold, network: { dscp: AF41 } }, { name: a }, { name: b }, { name: batch, network: { share: 5% } }]`,
    );
    const { classes } = planLink(policy, "safe", 100e6);
    assert.deepEqual(
      classes.map(({ lanes, mark, share, priority, isDefault, placed }) => [
        lanes.join(),
        mark,
        share,
        priority,
        isDefault,
        placed,
      ]),
      [
        ["critical", "CS5", 0.5, 0, false, 6],
        ["gold", "AF41", 0.22, 1, false, 6],
        ["a,b", "DF", 0.23, 2, true, 0],
        ["batch", "LE", 0.05, 3, false, 2],
      ],
    );
    assert.deepEqual(
      linkShares([undefined, undefined, 0.25]).map((share) => Math.round(share * 1000)),
      [497, 253, 250],
    );
    assert.equal(planLink(defaultPolicy(), "rfc4594", undefined).classes[1]?.mark, "AF21");
  });

  it("without an interface it prints rules alone, and says so", async (t) => {
    const { code, out, err } = await run(t, undefined);
    assert.equal(code, 0);
    assert.doesNotMatch(out, /tc qdisc/);
    assert.match(out, /^nft -f - <<'RULES'$/m);
    assert.match(err, /no queue of the lanes' own\n.*nothing is marked\n$/s);
  });
});

describe("laneway network refuses, with nothing on stdout,", () => {
  const refuses = (
    what: string,
    policy: string | undefined,
    args: string[],
    code: number,
    message: RegExp,
  ): void => {
    it(what, async (t) => {
      const ended = await run(t, policy, ...args);
      assert.deepEqual([ended.code, ended.out], [code, ""], ended.err);
      assert.match(ended.err, message);
    });
  };
  const link = (name: string, rate = "10mbit"): string[] => ["-i", name, "--rate", rate];
  const lanes = (network: string, more = ""): string =>
    `${MARKED}lanes:\n  - { name: critical, network: ${network} }\n  - { name: normal${more} }\n`;

  refuses(
    "an interface that is not there",
    MARKED,
    link("nope0"),
    2,
    /^laneway network: --interface: expected one of this host's, .*\blo\b.*, found "nope0"; --no-check/,
  );
  refuses(
    "a name that a shell would run",
    MARKED,
    [...link("lo;reboot"), "--no-check"],
    2,
    /--interface: expected a name .* found "lo;reboot"/,
  );
  refuses(
    "a name that is an option",
    MARKED,
    ["--interface=-j", "--rate", "1mbit", "--no-check"],
    2,
    /found "-j"/,
  );
  refuses(
    "a rate that a shell would run",
    MARKED,
    link("lo", "10mbit$(id)"),
    2,
    /--rate: expected .* found "10mbit\$\(id\)"/,
  );
  refuses("a rate in bytes", MARKED, link("lo", "10mbps"), 2, /write bits per second as 10mbit/);
  refuses("a rate that is none", MARKED, link("lo", "0mbit"), 2, /expected a rate from 64kbit/);
  refuses("a queue without a rate", MARKED, ["-i", "lo"], 2, /--rate: expected the rate of the link/);
  refuses("a rate without an interface", MARKED, ["--rate", "10mbit"], 2, /--interface: expected the name/);
  refuses(
    "a profile that is none",
    MARKED,
    [...link("lo"), "--profile", "best"],
    2,
    /Allowed choices are safe, rfc4594/,
  );
  refuses(
    "a code point of 70",
    lanes("{ dscp: 70 }"),
    link("lo"),
    4,
    /^laneway\.yaml:3:\d+: lanes\.critical\.network\.dscp: expected a code point: a whole number from 0 to 63.*found 70/,
  );
  refuses(
    "a name that is no mark",
    lanes("{ dscp: AF55 }"),
    link("lo"),
    4,
    /laneway\.yaml:3:\d+: .*expected a code point.*found "AF55"/,
  );
  refuses(
    "shares of more than the link",
    lanes("{ share: 60% }", ", network: { share: 50% }"),
    link("lo"),
    4,
    /laneway\.yaml:4:\d+: shares of the link: expected at most 100 % in all, found 110 %/,
  );
  refuses(
    "shares that leave nothing",
    lanes("{ share: 100% }"),
    link("lo"),
    4,
    /expected at most 99 % in all, found 100 %.*each lane without a share needs 1 %/s,
  );
  refuses(
    "marks of lanes in a policy that marks nothing",
    lanes("{ dscp: 1 }").replace(MARKED, ""),
    link("lo"),
    4,
    /the policy marks nothing/,
  );
  refuses(
    "a lane that the policy lacks",
    `${MARKED}defaultLane: fast\n`,
    link("lo"),
    4,
    /laneway\.yaml:2:\d+: .*there is no lane "fast"/,
  );
  refuses(
    "a policy that is not there",
    undefined,
    [...link("lo"), "-p", "none.yaml"],
    1,
    /cannot read none\.yaml/,
  );

  it("what is no rate or name, and takes what is one", () => {
    assert.deepEqual(
      ["10mbit", "2.5Gbit", "64kbit", "950000bit"].map(parseLinkRate),
      [10e6, 2.5e9, 64e3, 950e3],
    );
    for (const wrong of ["", "10", "mbit", "1e3mbit", "-1mbit", "10 mbit", "10mbit\n", "9tbit", "0x10mbit"])
      assert.throws(() => parseLinkRate(wrong), /--rate: expected/, wrong);
    assert.deepEqual(
      ["eth0", "enp3s0f1np1", "br-1a2b", "eth0.100", "veth@if2"].map(parseInterface).length,
      5,
    );
    for (const wrong of ["", "a b", "$x", "`x`", "a'b", "averyveryverylong", "a\nb", "../x", "-x"])
      assert.throws(() => parseInterface(wrong), /--interface: expected/, wrong);
    assert.throws(
      () => presentInterface("face", "Inter-|   Receive\n face |bytes\n    lo: 1 2\n"),
      /expected one of this host's, lo,/,
    );
  });
});

/** What each class has sent, most important first. */
function packetsByClass(shown: string): number[] {
  const classes = [...shown.matchAll(/class htb (4c57:1\d) .*\n Sent \d+ bytes (\d+) pkt/g)];
  // tc lists them in an order of its own.
  return classes.sort(([, a], [, b]) => (a! < b! ? -1 : 1)).map(([, , count]) => Number(count));
}

const SRC = new URL("../../src/", import.meta.url).href;

/** Answers with as much as takes fifty packets. */
const SERVER = `
import { createServer } from "node:http";
import { markReplies } from "${SRC}adapters/dscp.ts";
import { httpLanes } from "${SRC}adapters/http.ts";
import { Laneway } from "${SRC}policy/laneway.ts";
import { parsePolicy } from "${SRC}policy/policy.ts";
const rules = "critical high normal low bulk".split(" ").map((lane) => "{ path: /" + lane + ", lane: " + lane + " }");
const policy = await parsePolicy("network: { profile: safe }\\nclassify: [" + rules.join() + "]");
const laneway = new Laneway(policy);
// In steps, or a few large packets would be cut below the queue that counts them.
const server = createServer(httpLanes(laneway, async (req, res) => {
  req.socket.setNoDelay(true);
  for (let i = 0; i < 50; i++) await new Promise((next) => res.write("x".repeat(1000), next));
  res.end();
}));
markReplies(server, laneway);
server.listen(0, "10.9.0.1", () => console.log(server.address().port));
`;
const CLIENT = "fetch(process.argv[1]).then((reply) => reply.text())";

/** A namespace with a card, and the scripts for it. */
function host(t: TestContext): { space: Namespace; script: (...args: string[]) => string } {
  const space = new Namespace(t, "card");
  const script = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(
      "ip",
      space.inside(process.execPath, MAIN, "network", ...args),
      {
        encoding: "utf8",
        cwd: "/",
      },
    );
    assert.equal(status, 0, stderr);
    return stdout;
  };
  return { space, script };
}

const LINK = ["-i", "card", "--rate", "10mbit"];

describe("the script of laneway network in root's shell", () => {
  it("loads, loads again, and sorts packets by mark", async (t) => {
    if (!needsNetwork(t)) return;
    const { space, script } = host(t);
    for (let times = 0; times < 2; times++) {
      const { status, err, out } = space.shell(script(...LINK));
      assert.deepEqual([status, err, out], [0, "", ""]);
    }
    assert.equal(space.run("nft", "list", "table", "inet", "laneway_dscp").match(/ dscp /g)?.length, 8);
    const packets = (): number[] => packetsByClass(space.run("tc", "-s", "class", "show", "dev", "card"));
    const before = packets();
    assert.equal(before.length, 5);
    const far = new Namespace(t);
    ran("ip", ["-n", space.name, "link", "set", "far", "netns", far.name]);
    far.run("ip", "addr", "add", "10.9.0.2/24", "dev", "far");
    far.run("ip", "link", "set", "far", "up");
    const server = space.start(process.execPath, "--input-type=module", "--eval", SERVER);
    try {
      const [port] = (await once(server.stdout, "data")) as [Buffer];
      const sent = [before];
      for (const lane of ["critical", "high", "normal", "low", "bulk"]) {
        far.run(process.execPath, "--eval", CLIENT, `http://10.9.0.1:${String(port).trim()}/${lane}`);
        sent.push(packets());
      }
      // Of each reply the lane's own class has most; what opens and ends a connection has no mark.
      const replies = sent
        .slice(1)
        .map((after, index) => after.map((count, each) => count - sent[index]![each]!));
      replies.forEach((byClass, lane) => {
        assert.ok(byClass[lane]! >= 30, `lane ${lane}: ${byClass.join()}`);
        byClass.forEach((count, each) =>
          assert.ok(each === lane || count < 10, `lane ${lane}: ${byClass.join()}`),
        );
      });
    } finally {
      const ended = once(server, "close");
      server.kill();
      await ended;
    }
  });

  it("is taken back by --undo, which leaves what others made", (t) => {
    if (!needsNetwork(t)) return;
    const { space, script } = host(t);
    const shown = (): string =>
      space.run("tc", "qdisc", "show", "dev", "card") + space.run("nft", "list", "ruleset");
    space.run("nft", "add", "table", "inet", "theirs");
    const before = shown();
    assert.equal(space.shell(script(...LINK, "--profile", "rfc4594")).status, 0);
    assert.match(shown(), /qdisc htb 4c57: root[^]*table inet laneway_dscp/);
    for (let times = 0; times < 2; times++)
      assert.equal(space.shell(script("-i", "card", "--undo")).status, 0);
    assert.equal(shown(), before);
    space.run("tc", "qdisc", "add", "dev", "card", "root", "handle", "5:", "pfifo", "limit", "7");
    assert.equal(space.shell(script("-i", "card", "--undo")).status, 0);
    assert.match(shown(), /qdisc pfifo 5: root/);
  });

  it("leaves a queue alone that somebody made, and says how to give it up", (t) => {
    if (!needsNetwork(t)) return;
    const { space, script } = host(t);
    space.run("tc", "qdisc", "add", "dev", "card", "root", "handle", "5:", "pfifo", "limit", "7");
    const { status, err } = space.shell(script(...LINK));
    assert.equal(status, 1);
    assert.match(err, /laneway network: card has a queue that somebody made: .*tc qdisc del dev card root/);
    assert.match(space.run("tc", "qdisc", "show", "dev", "card"), /qdisc pfifo 5: root/);
    assert.equal(space.run("nft", "list", "ruleset"), "");
  });

  it("has rules that nft finds nothing wrong with, in a namespace of its own", (t) => {
    if (!needsNetwork(t)) return;
    const { space, script } = host(t);
    const { rules } = JSON.parse(script(...LINK, "--profile", "rfc4594", "--json")) as { rules: string };
    const { status, stderr } = spawnSync("ip", space.inside("nft", "-c", "-f", "-"), {
      encoding: "utf8",
      input: rules,
    });
    assert.deepEqual([status, stderr], [0, ""]);
    assert.equal(space.run("nft", "list", "ruleset"), "");
  });

  it("does nothing when it arrives by half", (t) => {
    if (!needsNetwork(t)) return;
    const { space, script } = host(t);
    const whole = script(...LINK);
    const before = space.run("tc", "qdisc", "show", "dev", "card");
    for (const part of [0.2, 0.5, 0.8, 0.97]) space.shell(whole.slice(0, Math.floor(whole.length * part)));
    space.shell(whole.trimEnd().slice(0, -"main".length));
    assert.equal(space.run("tc", "qdisc", "show", "dev", "card"), before);
    assert.equal(space.run("nft", "list", "ruleset"), "");
  });

  it("leaves no half-made queue when a step fails", async (t) => {
    if (!needsNetwork(t)) return;
    const { space, script } = host(t);
    const folder = await folderWith(t, {});
    const before = space.run("tc", "qdisc", "show", "dev", "card");
    for (const [program, step] of [
      ["tc", "classid 4c57:13"],
      ["tc", "ip6 priority 0x04"],
      ["nft", "-f"],
    ] as const) {
      const bin = join(folder, step.replaceAll(/\W/g, ""));
      mkdirSync(bin);
      const real = spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
      writeFileSync(
        join(bin, program),
        `#!/bin/sh\ncase "$*" in *"${step}"*) exit 3;; esac\nexec ${real} "$@"\n`,
      );
      chmodSync(join(bin, program), 0o755);
      const { status, err } = space.shell(`PATH=${bin}:$PATH\n${script(...LINK)}`);
      assert.equal(status, 3);
      assert.match(err, /card has the queue that the kernel gives it/);
      assert.equal(space.run("tc", "qdisc", "show", "dev", "card"), before);
      assert.equal(space.run("nft", "list", "ruleset"), "");
    }
  });
});

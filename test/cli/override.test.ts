import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { commandOf } from "../../src/admin/overrides.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { adminServer, POLICY, TOKEN } from "./admin-server.ts";
import { folderWith, laneway } from "./command.ts";

const ODD = `the user's "bulk" $HOME`;

/** No file may name a lane so; a policy that is made in code may. */
async function oddPolicy(): Promise<Policy> {
  const odd = <T extends { readonly name: string }>(lane: T): T =>
    lane.name === "bulk" ? { ...lane, name: ODD } : lane;
  const policy = await parsePolicy(POLICY);
  const resources = Object.values(policy.resources).map((one) => [
    one.name,
    { ...one, lanes: one.lanes.map(odd) },
  ]);
  return {
    ...policy,
    lanes: policy.lanes.map(odd),
    defaultLane: ODD,
    resources: Object.fromEntries(resources) as Policy["resources"],
  };
}

/** The words of a command, as a shell takes them. */
function wordsOf(command: string): string[] {
  return execFileSync("sh", ["-c", `printf '%s\\0' ${command}`], { encoding: "utf8" })
    .split("\0")
    .slice(0, -1);
}

const env = { LANEWAY_ADMIN_TOKEN: TOKEN };

describe("laneway override", () => {
  it("pauses a lane for a time, lists it, and ends it", async (t) => {
    const at = await adminServer(t, { token: TOKEN });
    const admin = ["--admin", at.url];
    const made = await laneway(
      ["override", "db", "--lane", "bulk", "--state", "paused", "--note", "export storm", ...admin],
      { env },
    );
    const { id } = at.laneway.overrides[0]!;
    assert.deepEqual(made, {
      code: 0,
      out: "db, lane bulk: paused, 10 min left\n",
      err: `end it before: laneway override --end ${id}\n`,
    });
    const list = await laneway(["override", "--list", ...admin], { env });
    assert.equal(list.out, `${id.padEnd(10)}db, lane bulk: paused, 10 min left  (export storm)\n`);
    const ended = await laneway(["override", "--end", id, ...admin], { env });
    assert.equal(ended.out, `override ${id} has ended: what the policy says is in force\n`);
    assert.deepEqual(at.laneway.overrides, []);
    const again = await laneway(["override", "--end", id, ...admin], { env });
    assert.deepEqual([again.code, /there is no override of that id/.test(again.err)], [1, true]);
  });

  it("accepts every command that the page shows for a change, as it is", async (t) => {
    const at = await adminServer(t, { token: TOKEN, policy: new Laneway(await oddPolicy()) });
    const changes = [
      { resource: "db", limit: 5, durationMs: 60_000 },
      { resource: "http", lane: ODD, state: "draining", durationMs: 86_400_000 },
      { resource: "http", lane: ODD, reservation: 3, durationMs: 90_000 },
      { resource: "db", lane: "critical", reservation: "50%", durationMs: 3_600_000 },
    ] as const;
    for (const change of changes) {
      const words = wordsOf(commandOf(change));
      assert.equal(words[0], "laneway");
      const { code, err } = await laneway([...words.slice(1), "--admin", at.url], { env });
      assert.equal(code, 0, `${words.join("|")}: ${err}`);
      const { id: _id, since: _since, until: _until, ...made } = at.laneway.overrides.at(-1)!;
      const minutes = Math.ceil(change.durationMs / 60_000);
      assert.deepEqual(made, { ...change, durationMs: minutes * 60_000 });
    }
  });

  it("says what is missing: a token, a lane, somebody who listens, a resource that there is", async (t) => {
    const at = await adminServer(t, { token: TOKEN });
    const admin = ["--admin", at.url];
    const pause = ["override", "db", "--lane", "bulk", "--state", "paused"];
    const told = async (args: readonly string[], given: Record<string, string> = env): Promise<string> => {
      const { code, out, err } = await laneway(args, { env: { LANEWAY_ADMIN_TOKEN: "", ...given } });
      assert.equal(out, "");
      assert.ok(!err.includes(TOKEN));
      return `${code} ${err}`;
    };
    assert.match(await told([...pause, ...admin], {}), /^1 .* put it into LANEWAY_ADMIN_TOKEN\n$/);
    assert.match(
      await told([...pause, ...admin, "--token-from", "OTHER"], { OTHER: "this is not the right one" }),
      /^1 .*: the token in OTHER is not the one that it knows\n$/,
    );
    assert.match(
      await told([...pause, ...admin, "--token-from", TOKEN]),
      /^2 .*name of a variable of the environment, not/,
    );
    assert.match(await told(["override", "db", "--state", "paused"]), /^2 .*expected --lane/);
    assert.match(await told(["override", "db", "--lane", "bulk"]), /^2 .*exactly one of --limit/);
    assert.match(await told(["override", "--list", "--end", "x"]), /^2 .*stand alone/);
    assert.match(await told([...pause, "--for", "2d"]), /^2 .*Expected a duration from 1m to 24h/);
    assert.match(
      await told(["override", "no", "--limit", "3", ...admin]),
      /^1 .*one of db, http, found "no"/,
    );
    await at.stop();
    assert.match(
      await told([...pause, ...admin]),
      /^1 laneway override: nothing listens at http.*\n {2}start one: /,
    );
  });

  it("asks where the policy here says, and says so when that is nowhere", async (t) => {
    const at = await adminServer(t, { token: TOKEN });
    const cwd = await folderWith(t, {
      "laneway.yaml": `gateway: { admin: "${at.url.slice(7)}" }\ntrust: { callers: [{ key: "\${NOT_SET_HERE}" }] }`,
      "none.yaml": "gateway: { admin: false }",
    });
    const list = await laneway(["override", "--list"], { cwd, env });
    assert.deepEqual([list.code, list.err], [0, "no override is in force\n"]);
    const none = await laneway(["override", "--list", "-p", "none.yaml"], { cwd, env });
    assert.deepEqual([none.code, /none\.yaml has no admin port/.test(none.err)], [2, true]);
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isLanewayError } from "../../src/core/errors.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { defaultPolicy, parsePolicy, withResource } from "../../src/policy/policy.ts";
import type { Fallback, NewResource } from "../../src/policy/policy.ts";

async function lanewayOf(text: string): Promise<Laneway> {
  return new Laneway(await parsePolicy(text, { file: "laneway.yaml" }));
}

/** A task that runs until it is told to end. */
function held(
  laneway: Laneway,
  resource: string,
  lane?: string,
): { ended: Promise<string>; end: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended = laneway.resource(resource).run(
    async () => {
      await promise;
      return "done";
    },
    lane === undefined ? {} : { lane },
  );
  return { ended, end: resolve };
}

const seatsOf = (laneway: Laneway, resource: string): number =>
  laneway.resource(resource).snapshot().seatsInUse;

const lane = (laneway: Laneway, resource: string, name: string) =>
  laneway
    .resource(resource)
    .snapshot()
    .lanes.find((each) => each.name === name)!;

describe("a Laneway", () => {
  it("has a resource for each of the policy, in its order, with the policy's lanes", async () => {
    const laneway = await lanewayOf(
      "resources: { db: { limit: 10 }, ai: { limit: 8, lanes: { critical: { reservation: 2, lendable: 0 } } } }",
    );
    assert.deepEqual([...laneway.resources.keys()], ["db", "ai"]);
    const { resources } = laneway.snapshot();
    assert.deepEqual(
      resources.map(({ name, limit }) => [name, limit]),
      [
        ["db", 10],
        ["ai", 8],
      ],
    );
    assert.deepEqual(
      resources[0]!.lanes.map(({ name, reservation, floor }) => [name, reservation, floor]),
      [
        ["critical", 4, 2],
        ["high", 3, 0],
        ["normal", 2, 0],
        ["low", 1, 0],
        ["bulk", 0, 0],
      ],
    );
    assert.deepEqual(
      [lane(laneway, "ai", "critical").reservation, lane(laneway, "ai", "critical").floor],
      [2, 2],
    );
  });

  it("runs tasks in the policy's default lane, and in the lane that they name", async () => {
    const laneway = await lanewayOf("defaultLane: low\nresources: { db: { limit: 2 } }");
    assert.equal(await laneway.resource("db").run(() => 7), 7);
    await laneway.resource("db").run(() => 7, { lane: "high" });
    assert.deepEqual([lane(laneway, "db", "low").finished, lane(laneway, "db", "high").finished], [1, 1]);
  });

  it("names the resources there are when it is asked for another", async () => {
    const laneway = await lanewayOf("resources: { db: { limit: 1 }, ai: { limit: 1 } }");
    const refused = (name: string, of: Laneway): unknown => {
      try {
        return of.resource(name);
      } catch (error) {
        assert.ok(isLanewayError(error) && error.code === "LANEWAY_INVALID");
        return error.message;
      }
    };
    assert.equal(refused("bd", laneway), 'resource: expected one of db, ai, found "bd"');
    assert.equal(refused("constructor", laneway), 'resource: expected one of db, ai, found "constructor"');
    assert.equal(refused("db", new Laneway(defaultPolicy())), 'resource: expected one of http, found "db"');
  });

  it("classifies requests", async () => {
    const laneway = await lanewayOf("classify: [{ path: /x, lane: bulk }]");
    const { lane: name, rule } = laneway.classify({ method: "GET", path: "/x", header: () => undefined });
    assert.deepEqual([name, rule], ["bulk", "laneway.yaml:1 path /x"]);
  });

  it("refuses a nested wait that could never end, without being told to", async () => {
    const laneway = await lanewayOf("resources: { db: { limit: 1 } }");
    const db = laneway.resource("db");
    await assert.rejects(
      db.run(() => db.run(() => 1)),
      { code: "LANEWAY_DEADLOCK" },
    );
  });

  it("runs the tasks of an exempt lane beside a full resource", async () => {
    const laneway = await lanewayOf(
      "lanes: [{ name: probes, exempt: true, timeout: 1s }, { name: normal }]\nresources: { db: { limit: 1 } }",
    );
    const busy = held(laneway, "db");
    assert.equal(await laneway.resource("db").run(() => 1, { lane: "probes" }), 1);
    busy.end();
    await busy.ended;
  });

  it("drains all of its resources", async () => {
    const laneway = await lanewayOf("resources: { db: { limit: 1 }, ai: { limit: 1 } }");
    const [one, other] = [held(laneway, "db"), held(laneway, "ai")];
    const drained = laneway.drain({ timeoutMs: 60_000 });
    await assert.rejects(
      laneway.resource("ai").run(() => 1),
      { code: "LANEWAY_DRAINING" },
    );
    one.end();
    other.end();
    assert.equal(await drained, true);
    assert.deepEqual(await Promise.all([one.ended, other.ended]), ["done", "done"]);
  });

  it("is not made from a policy that a resource refuses", async () => {
    const policy = await parsePolicy("resources: { db: { limit: 4 } }");
    const resources = { db: { ...policy.resources["db"]!, limit: 0 } };
    assert.throws(() => new Laneway({ ...policy, resources }), {
      code: "LANEWAY_INVALID",
      message: /resource "db": limit: expected a whole number/,
    });
  });
});

describe("a policy made in code is refused for a fallback", () => {
  const ai = (name: string, fallback: Fallback, lanes: Record<string, Fallback> = {}): NewResource => {
    const upstream = "https://h";
    return { name, provider: "openai", upstream, fallback, laneFallbacks: lanes };
  };
  const table: readonly [string, readonly NewResource[], RegExp][] = [
    ["to itself", [ai("a", { resource: "a" })], /"a": fallback: expected another .*found "a"/],
    ["to nothing", [ai("a", { resource: "toString" })], /found "toString"/],
    [
      "that leads to nothing",
      [ai("a", { resource: "b" }), ai("b", { resource: "toString" })],
      /found "toString"/,
    ],
    [
      "without an upstream of its own",
      [{ name: "a", fallback: { resource: "b" } }, { name: "b" }],
      /found "b"/,
    ],
    ["to another provider", [ai("a", { resource: "b" }), { name: "b", upstream: "http://h" }], /found "b"/],
    ["to no upstream", [ai("a", { resource: "b" }), { name: "b" }], /found "b"/],
    [
      "round in a ring",
      [ai("a", { resource: "b" }), ai("b", { resource: "c" }), ai("c", { resource: "a" })],
      /expected fallbacks that end somewhere, found "a → b → c → a"/,
    ],
    [
      "round in a ring of one lane",
      [ai("a", { resource: "b" }), ai("b", { model: "m" }, { bulk: { resource: "a" } })],
      /found "a → b → a"/,
    ],
  ];
  for (const [name, resources, message] of table) {
    it(name, () => {
      const policy = resources.reduce(withResource, defaultPolicy());
      assert.throws(() => new Laneway(policy), { code: "LANEWAY_INVALID", message });
    });
  }

  it("and not for a chain that ends", () => {
    const chain = [ai("a", { resource: "b" }), ai("b", { resource: "c" }), ai("c", { model: "m" })];
    assert.equal(new Laneway(chain.reduce(withResource, defaultPolicy())).resources.size, 3);
  });
});

describe("an update", () => {
  it("changes limits and lanes under running and waiting tasks, and drops none", async () => {
    const laneway = await lanewayOf("resources: { db: { limit: 1 } }");
    const db = laneway.resource("db");
    const [running, waiting, bulk] = [held(laneway, "db"), held(laneway, "db"), held(laneway, "db", "bulk")];
    assert.equal(db.snapshot().waiting, 2);
    laneway.update(
      await parsePolicy(
        "lanes: [{ name: critical, reservation: 1 }, { name: normal }]\nresources: { db: { limit: 3 } }",
      ),
    );
    assert.equal(laneway.resource("db"), db);
    const { limit, waiting: left, lanes } = db.snapshot();
    assert.deepEqual([limit, left, lanes.map(({ name }) => name)], [3, 0, ["critical", "normal"]]);
    for (const task of [running, waiting, bulk]) task.end();
    assert.deepEqual(await Promise.all([running.ended, waiting.ended, bulk.ended]), ["done", "done", "done"]);
  });

  it("changes what else a resource is given: its order, its queue, its default lane, whether it enforces", async () => {
    const laneway = await lanewayOf("resources: { db: { limit: 1 } }");
    laneway.update(
      await parsePolicy(
        "defaultLane: bulk\nenforce: false\nresources: { db: { limit: 1, order: weighted, queue: { max: 0 } } }",
      ),
    );
    const tasks = [held(laneway, "db"), held(laneway, "db")];
    // In shadow mode the second, for which there is neither seat nor place to wait, runs all the same.
    const { running, waiting } = lane(laneway, "db", "bulk");
    assert.deepEqual([running, waiting], [1, 0]);
    for (const task of tasks) task.end();
    assert.deepEqual(await Promise.all(tasks.map(({ ended }) => ended)), ["done", "done"]);
    laneway.update(await parsePolicy("resources: { db: { limit: 1 } }"));
    await laneway.resource("db").run(() => 1);
    assert.equal(lane(laneway, "db", "normal").finished, 1);
  });

  it("changes budgets under running and waiting tasks, and drops none", async () => {
    const laneway = await lanewayOf("resources: { db: { limit: 4, budgets: { requests: 1/min } } }");
    const first = held(laneway, "db");
    const [waiting, bulk] = [held(laneway, "db"), held(laneway, "db", "bulk")];
    // There are seats, and no budget.
    assert.deepEqual([laneway.resource("db").snapshot().waiting, seatsOf(laneway, "db")], [2, 1]);
    laneway.update(await parsePolicy("resources: { db: { limit: 4, budgets: { requests: 2/min } } }"));
    assert.equal(laneway.resource("db").budget().left.requests < 2, true);
    laneway.update(await parsePolicy("resources: { db: { limit: 4 } }"));
    assert.equal(laneway.resource("db").snapshot().waiting, 0);
    for (const task of [first, waiting, bulk]) task.end();
    assert.deepEqual(await Promise.all([first.ended, waiting.ended, bulk.ended]), ["done", "done", "done"]);
    laneway.update(await parsePolicy("resources: { db: { limit: 4, budgets: { requests: 60/min } } }"));
    assert.equal(await laneway.resource("db").run(() => 1), 1);
    assert.notEqual(laneway.resource("db").budget().left.requests, Infinity);
  });

  it("changes keys and fallbacks for who asks the policy in force", async () => {
    const text = (fields: string): string =>
      `resources: { ai: { provider: openai, upstream: "https://h", limit: 1, ${fields} } }`;
    const laneway = await lanewayOf(text("keys: [old]"));
    const tasks = [held(laneway, "ai"), held(laneway, "ai")];
    laneway.update(await parsePolicy(text("keys: [new, newer], fallback: { model: m }")));
    const { keys, fallback } = laneway.policy.resources["ai"]!;
    assert.deepEqual([keys.map((key) => key.reveal()), fallback], [["new", "newer"], { model: "m" }]);
    for (const task of tasks) task.end();
    assert.deepEqual(await Promise.all(tasks.map(({ ended }) => ended)), ["done", "done"]);
  });

  it("changes the rules at once", async () => {
    const laneway = await lanewayOf("classify: [{ path: /x, lane: bulk }]");
    laneway.update(await parsePolicy("classify: [{ path: /x, lane: high }]"));
    assert.equal(laneway.classify({ method: "GET", path: "/x", header: () => undefined }).lane, "high");
    assert.equal(laneway.policy.classify[0]!.lane, "high");
  });

  it("makes new resources, and drains those that are gone while their tasks end", async () => {
    const laneway = await lanewayOf("resources: { old: { limit: 1 } }");
    const old = laneway.resource("old");
    const [running, waiting] = [held(laneway, "old"), held(laneway, "old")];
    laneway.update(await parsePolicy("resources: { new: { limit: 1 } }"));
    assert.deepEqual([...laneway.resources.keys()], ["new"]);
    assert.throws(() => laneway.resource("old"), { code: "LANEWAY_INVALID" });
    await assert.rejects(
      old.run(() => 1),
      { code: "LANEWAY_DRAINING" },
    );
    running.end();
    waiting.end();
    assert.deepEqual(await Promise.all([running.ended, waiting.ended]), ["done", "done"]);
    assert.equal(await laneway.resource("new").run(() => 1), 1);
  });

  it("is all or nothing: what one resource refuses changes no other, nor the rules", async () => {
    const laneway = await lanewayOf("resources: { one: { limit: 1 }, two: { limit: 1 } }");
    const before = { policy: laneway.policy, snapshot: laneway.snapshot(), resources: laneway.resources };
    const policy = await parsePolicy(
      "classify: [{ path: /x, lane: bulk }]\nresources: { one: { limit: 5 }, two: { limit: 5 }, three: { limit: 5 } }",
    );
    const two = { ...policy.resources["two"]!, limit: -1 };
    assert.throws(() => laneway.update({ ...policy, resources: { ...policy.resources, two } }), {
      code: "LANEWAY_INVALID",
    });
    assert.deepEqual(laneway.snapshot(), before.snapshot);
    assert.equal(laneway.policy, before.policy);
    assert.equal(laneway.resources, before.resources);
  });

  it("is refused before anything moves: a waiter whose lane would have gone is still in it", async () => {
    const laneway = await lanewayOf("resources: { one: { limit: 1 }, two: { limit: 1 } }");
    const tasks = [held(laneway, "one"), held(laneway, "one", "low")];
    const policy = await parsePolicy(
      "lanes: [{ name: normal }, { name: batch }]\nresources: { one: { limit: 1 }, two: { limit: 1 } }",
    );
    const two = { ...policy.resources["two"]!, limit: 0 };
    assert.throws(() => laneway.update({ ...policy, resources: { ...policy.resources, two } }));
    assert.equal(lane(laneway, "one", "low").waiting, 1);
    for (const task of tasks) task.end();
    await Promise.all(tasks.map(({ ended }) => ended));
  });

  it("takes back what it changed when a resource refuses it only then", async (t) => {
    const laneway = await lanewayOf("resources: { one: { limit: 1 }, two: { limit: 1 } }");
    const refusal = new Error("not now");
    t.mock.method(
      laneway.resource("two"),
      "update",
      () => {
        throw refusal;
      },
      { times: 1 },
    );
    const policy = await parsePolicy("resources: { one: { limit: 5 }, two: { limit: 5 } }");
    assert.throws(() => laneway.update(policy), refusal);
    assert.deepEqual(
      laneway.snapshot().resources.map(({ limit }) => limit),
      [1, 1],
    );
  });
});

it("making a Laneway loads no module from outside; reading a policy file does", () => {
  const url = (path: string): string =>
    JSON.stringify(new URL(`../../src/policy/${path}`, import.meta.url).href);
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load(url, context, next) { if (url.includes("/node_modules/")) loaded.push(url); return next(url, context); } });
    const { Laneway } = await import(${url("laneway.ts")});
    const { defaultPolicy, parsePolicy } = await import(${url("policy.ts")});
    new Laneway(defaultPolicy());
    const before = loaded.length;
    await parsePolicy("");
    console.log(JSON.stringify([before, loaded.length > 0]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_V8_COVERAGE: undefined },
  });
  assert.equal(stdout.trim(), "[0,true]", stderr);
});

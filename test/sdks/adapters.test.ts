import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TestContext } from "node:test";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/clock.ts";
import type { StandInCall } from "../../src/verify/stand-in/dialect.ts";
import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";
import type { StandIn, StandInOptions } from "../../src/verify/stand-in/stand-in.ts";
import { all } from "./same-as-direct.ts";
import { Pacer, until } from "./through-gateway.ts";
import { load, WAYS } from "./ways.ts";
import type { Client, Way } from "./ways.ts";

/** An SDK with lanes in front of a stand-in, on a clock that the test turns. */
interface Scene {
  readonly client: Client;
  readonly direct: Client;
  readonly resource: Resource;
  readonly clock: TestClock;
  readonly standIn: StandIn;
  /** What the calls that the stand-in was sent asked, in order. */
  readonly asked: readonly string[];
  /** Headers that were meant for us alone, and reached it all the same. */
  readonly leaked: readonly string[];
}

const LANES = [{ name: "chat" }, { name: "batch" }];

async function setUp(
  t: TestContext,
  way: Way,
  options: StandInOptions & { readonly limit?: number; readonly queueMax?: number } = {},
): Promise<Scene | undefined> {
  const loaded = await load(t, way);
  if (loaded === undefined) return undefined;
  const asked: string[] = [];
  const leaked: string[] = [];
  const onCall = (call: StandInCall): void => {
    asked.push(promptOf(call));
    leaked.push(...["laneway-lane", "laneway-flow"].filter((name) => call.header(name) !== undefined));
  };
  const standIn = await startStandIn({ runMs: 0, ...options, onCall });
  t.after(() => standIn.close());
  const clock = new TestClock();
  const { limit = 8, queueMax = 100 } = options;
  const lanes = LANES.map((lane) => ({ ...lane, queue: { max: queueMax } }));
  const resource = new Resource({ name: "ai", limit, lanes, clock });
  // A test that failed may have left calls behind, whose SDKs would keep the process for their ten minutes.
  t.after(async () => {
    void resource.drain({ timeoutMs: 0 });
    for (let minute = 0; minute < 100 && !isQuiet(resource); minute++) await clock.advance(60_000);
  });
  return {
    client: way.client(loaded, standIn.url, resource),
    direct: way.client(loaded, standIn.url, undefined),
    resource,
    clock,
    standIn,
    asked,
    leaked,
  };
}

function promptOf({ body }: StandInCall): string {
  return /prompt \w+/.exec(body.toString("utf8"))?.[0] ?? "";
}

function finished(resource: Resource): Record<string, number> {
  return Object.fromEntries(resource.snapshot().lanes.map((lane) => [lane.name, lane.finished]));
}

/** Every seat is back and nobody waits. */
function isQuiet(resource: Resource): boolean {
  const { seatsInUse, waiting } = resource.snapshot();
  return seatsInUse === 0 && waiting === 0;
}

/** The same, and the provider works on nothing. */
async function untilQuiet({ resource, standIn, leaked }: Scene): Promise<void> {
  await until(() => isQuiet(resource) && standIn.stats().running === 0);
  assert.deepEqual(leaked, []);
}

for (const way of WAYS)
  suite(way.name, () => {
    test("a call gets what it would get without us, in its lane, and its seat comes back", async (t) => {
      const scene = await setUp(t, way);
      if (scene === undefined) return;
      assert.deepEqual(await scene.client.create(), await scene.direct.create());
      await untilQuiet(scene);
      assert.deepEqual(finished(scene.resource), { chat: 1, batch: 0 });
      await scene.client.create({ lane: "batch" });
      await untilQuiet(scene);
      assert.deepEqual(finished(scene.resource), { chat: 1, batch: 1 });
    });

    test("tools and thoughts come through", async (t) => {
      const scene = await setUp(t, way);
      if (scene === undefined) return;
      const tool = await scene.client.callTool();
      assert.deepEqual(tool, await scene.direct.callTool());
      assert.deepEqual(tool.tool, { city: "example" });
      const thoughts = await scene.client.think?.();
      assert.deepEqual(thoughts, await scene.direct.think?.());
      if (thoughts !== undefined) assert.ok((thoughts.thoughts?.length ?? 0) > 0);
      await untilQuiet(scene);
    });

    test("a stream comes piece by piece while the model is at work, and holds its seat to the end", async (t) => {
      const pacer = new Pacer();
      const scene = await setUp(t, way, { pace: pacer.pace });
      if (scene === undefined) return;
      const pieces: string[] = [];
      const reading = (async () => {
        for await (const piece of scene.client.stream()) pieces.push(piece);
      })();
      while (pieces.length === 0) {
        await until(() => pacer.held > 0 || pieces.length > 0);
        if (pieces.length === 0) pacer.goOn();
      }
      assert.equal(scene.resource.snapshot().seatsInUse, 1);
      pacer.open();
      await reading;
      assert.deepEqual(pieces.join(""), (await all(scene.direct.stream())).join(""));
      await untilQuiet(scene);
      assert.equal(finished(scene.resource)["chat"], 1);
    });

    test("aborting while queued leaves the queue, and the provider never hears of the call", async (t) => {
      const pacer = new Pacer();
      const scene = await setUp(t, way, { limit: 1, pace: pacer.pace });
      if (scene === undefined) return;
      const first = scene.client.create({ prompt: "prompt A" });
      await until(() => pacer.held === 1);
      const caller = new AbortController();
      const second = assert.rejects(scene.client.create({ prompt: "prompt B", signal: caller.signal }));
      await until(() => scene.resource.snapshot().waiting === 1);
      caller.abort();
      await second;
      assert.equal(scene.resource.snapshot().waiting, 0);
      pacer.open();
      await first;
      await untilQuiet(scene);
      assert.deepEqual(scene.asked, ["prompt A"]);
    });

    test("aborting in the middle of a stream stops the model, and the seat comes back", async (t) => {
      const pacer = new Pacer();
      const scene = await setUp(t, way, { pace: pacer.pace });
      if (scene === undefined) return;
      const caller = new AbortController();
      const reading = (async () => {
        for await (const _piece of scene.client.stream({ signal: caller.signal }));
      })().catch(() => undefined);
      await until(() => pacer.held > 0);
      pacer.goOn();
      await until(() => pacer.held > 0);
      assert.equal(scene.resource.snapshot().seatsInUse, 1);
      caller.abort();
      await reading;
      await until(() => scene.standIn.stats().abandoned === 1);
      await untilQuiet(scene);
    });

    if (way.endsWhenLeft)
      test("leaving a stream in the middle stops the model, and the seat comes back", async (t) => {
        const pacer = new Pacer();
        const scene = await setUp(t, way, { pace: pacer.pace });
        if (scene === undefined) return;
        const reading = (async () => {
          for await (const _piece of scene.client.stream()) break;
        })();
        while (scene.standIn.stats().abandoned === 0) {
          await until(() => pacer.held > 0 || scene.standIn.stats().abandoned > 0);
          pacer.goOn();
        }
        await reading;
        await untilQuiet(scene);
      });

    test("a call that failed is tried again from its own place, and its seat serves others meanwhile", async (t) => {
      const pacer = new Pacer();
      const scene = await setUp(t, way, { limit: 1, pace: pacer.pace });
      if (scene === undefined) return;
      // The first call fails only when two others are queued behind it.
      let fail = (): void => undefined;
      const failing = new Promise<void>((resolve) => (fail = resolve));
      let failures = 1;
      scene.standIn.script(async (call) => {
        if (promptOf(call) !== "prompt A" || failures-- === 0) return undefined;
        await failing;
        return { status: way.overloaded };
      });
      const replies = [scene.client.create({ prompt: "prompt A" })];
      await until(() => scene.asked.length === 1);
      for (const prompt of ["prompt B", "prompt C"]) {
        const queued = replies.push(scene.client.create({ prompt })) - 1;
        await until(() => scene.resource.snapshot().waiting === queued);
      }
      fail();
      await until(() => scene.asked.length === 2 && pacer.held === 1);
      await scene.clock.advance(10_000);
      pacer.open();
      await Promise.all(replies);
      await untilQuiet(scene);
      assert.deepEqual(scene.asked, ["prompt A", "prompt B", "prompt A", "prompt C"]);
    });

    test("a rate limit of one model holds back that model, and no other", async (t) => {
      const scene = await setUp(t, way);
      if (scene === undefined) return;
      const [model, other] = way.models;
      let failures = 1;
      scene.standIn.script(() =>
        failures-- > 0 ? { status: 429, headers: { "retry-after": "30" } } : undefined,
      );
      const first = scene.client.create({ model, prompt: "prompt A" });
      await until(() => scene.resource.snapshot().waiting === 1);
      const second = scene.client.create({ model, prompt: "prompt B" });
      await until(() => scene.resource.snapshot().waiting === 2);
      await scene.client.create({ model: other, prompt: "prompt C" });
      assert.deepEqual(scene.asked, ["prompt A", "prompt C"]);
      await scene.clock.advance(29_000);
      assert.equal(scene.resource.snapshot().waiting, 2, "nothing starts before the provider's own time");
      await scene.clock.advance(60_000);
      await Promise.all([first, second]);
      await untilQuiet(scene);
      assert.deepEqual(scene.asked, ["prompt A", "prompt C", "prompt A", "prompt B"]);
    });

    test("what is not worth another try comes back as the provider said it, and only once", async (t) => {
      const scene = await setUp(t, way);
      if (scene === undefined) return;
      scene.standIn.script(() => ({ status: 400, message: "the provider's own words" }));
      await assert.rejects(scene.client.create(), /the provider's own words/);
      await assert.rejects(scene.direct.create(), /the provider's own words/);
      await untilQuiet(scene);
      assert.equal(scene.asked.length, 2);
    });

    test("a call that a full lane refuses says so, and the provider never hears of it", async (t) => {
      const pacer = new Pacer();
      const scene = await setUp(t, way, { limit: 1, queueMax: 1, pace: pacer.pace });
      if (scene === undefined) return;
      const held = [scene.client.create({ prompt: "prompt A" })];
      await until(() => pacer.held === 1);
      held.push(scene.client.create({ prompt: "prompt B" }));
      await until(() => scene.resource.snapshot().waiting === 1);
      await assert.rejects(scene.client.create({ prompt: "prompt C" }), /lane \\?"chat/);
      pacer.open();
      await Promise.all(held);
      await untilQuiet(scene);
      assert.deepEqual(scene.asked, ["prompt A", "prompt B"]);
    });
  });

/** The behaviour that every adapter for incoming requests has, on a real server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { needsPackage } from "../needs.ts";
import { CHOOSING } from "./choosing.ts";
import { fetchText, lanewayOf, snapshotOf, until } from "./client.ts";
import { hello, ONE_SEAT } from "./fixture.ts";
import type { Framework, Start } from "./framework.ts";
import { REFUSALS } from "./refusals.ts";
import { SEATS } from "./seats.ts";

/** Runs the whole behaviour against one framework. */
export function conforms(framework: Framework): void {
  const behaves = (name: string, run: (t: TestContext, start: Start) => Promise<void>): void => {
    test(`${framework.name}: ${name}`, async (t) => {
      for (const module of framework.needs)
        if (!needsPackage(t, framework.folder ?? "test/frameworks", module)) return;
      await run(t, (laneway, app = hello, options = {}) => framework.start(t, laneway, options, app));
    });
  };
  for (const behaviours of [CHOOSING, SEATS, REFUSALS])
    for (const [name, run] of Object.entries(behaviours)) behaves(name, run);

  if (framework.routeLane) {
    behaves("a route names its own lane", async (_t, start) => {
      const url = await start(await lanewayOf(ONE_SEAT));
      assert.equal((await fetchText(`${url}/own-route`)).headers["laneway-lane"], "bulk");
    });
  }

  const { twice } = framework;
  if (twice === undefined) return;
  behaves("registered twice, it says so", async (t) => {
    // With a seat for each, so that nothing else could be the matter.
    const laneway = await lanewayOf(ONE_SEAT.replace("limit: 1", "limit: 2"));
    let url: string;
    try {
      url = await twice(t, laneway);
    } catch (error) {
      assert.match(String(error), /expected (a handler without lanes|one registration|one adapter)/);
      return;
    }
    const reply = await fetchText(`${url}/other`);
    assert.equal(reply.status, 500);
    await until(() => snapshotOf(laneway).seatsInUse === 0);
  });
}

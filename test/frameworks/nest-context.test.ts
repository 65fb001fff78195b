/** In whose lane the code of a Nest application runs: before its turn, in its handler, after its reply, and beside others. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { LanewayModule } from "../../src/adapters/nest.ts";
import type { LanewayModuleOptions } from "../../src/adapters/nest.ts";
import { currentLane } from "../../src/node/context.ts";
import type { Laneway } from "../../src/policy/laneway.ts";
import { fetchText, lanewayOf, snapshotOf, until } from "../conformance/client.ts";
import { needsPackage } from "../needs.ts";
import { FOLDERS, create, decorate, isFastify, load, onExpress, onFastify } from "./nest-app.ts";
import type { Common, Platform } from "./nest-app.ts";

const POLICY = `
classify:
  - { path: /pay/**, lane: critical }
  - { path: /export/**, lane: bulk }
lanes:
  - name: critical
  - name: normal
  - { name: bulk, queue: { max: 2 } }
resources: { http: { limit: LIMIT } }
`;

/** What a request of each path must see. */
function laneOf(path: string): string {
  return path.startsWith("/pay") ? "critical" : "bulk";
}

interface Options {
  readonly limit?: number;
  /** What the guard before the lanes' does. */
  readonly before?: () => boolean | Promise<boolean>;
  /** What the guard after it does. */
  readonly after?: () => boolean | Promise<boolean>;
  /** Called by the handler, and not awaited. */
  readonly work?: (path: string) => void;
  readonly skip?: NonNullable<LanewayModuleOptions["skip"]>;
}

interface Started {
  readonly url: string;
  readonly laneway: Laneway;
}

/** An application whose replies are the lanes that its handler was in: at its start, after a promise and after a turn. */
async function start(t: TestContext, platform: Platform, options: Options = {}): Promise<Started> {
  await load(platform, "reflect-metadata");
  const common = await load<Common>(platform, "@nestjs/common");
  const { limit = 1, before = () => true, after = () => true, work, skip } = options;
  class AppController {
    async all(req: { readonly url: string; readonly body?: unknown }): Promise<unknown> {
      const lanes = [currentLane()];
      work?.(req.url);
      await Promise.resolve();
      lanes.push(currentLane());
      await setImmediate();
      lanes.push(currentLane());
      return { path: req.url, body: JSON.stringify(req.body ?? {}).length, lanes: lanes.map(String) };
    }
  }
  common.Req()(AppController.prototype, "all", 0);
  decorate(AppController, "all", common.All(isFastify(platform) ? "*" : "*path"));
  common.Controller()(AppController);
  const laneway = await lanewayOf(POLICY.replace("LIMIT", String(limit)));
  const given = skip === undefined ? { laneway } : { laneway, skip };
  const guard = (canActivate: () => boolean | Promise<boolean>): object => ({
    // A module of Nest is a class, whatever is in it.
    // oxlint-disable-next-line typescript/no-extraneous-class
    module: class {},
    providers: [{ provide: "APP_GUARD", useValue: { canActivate } }],
  });
  const imports = [guard(before), LanewayModule.forRoot(given), guard(after)];
  return { url: await create(t, platform, [AppController], imports), laneway };
}

interface Seen {
  readonly path: string;
  readonly body: number;
  readonly lanes: readonly string[];
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
}

function post(path: string, bytes: number): string {
  const body = JSON.stringify({ text: "x".repeat(bytes) });
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json`;
  return `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** Sends packets on one connection, each after as many replies as there were requests before it; the replies' bodies. */
async function converse(url: string, packets: readonly (readonly string[])[]): Promise<string[]> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, "connect");
  let text = "";
  let ended = false;
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  socket.on("close", () => (ended = true)).on("error", () => {});
  let sent = 0;
  for (const packet of packets) {
    socket.write(packet.join(""));
    sent += packet.length;
    await until(() => ended || bodies(text).length >= sent);
  }
  socket.destroy();
  return bodies(text);
}

/** The bodies of the replies that are whole. */
function bodies(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; ;) {
    const end = text.indexOf("\r\n\r\n", at);
    const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(at, end));
    if (end === -1 || length === null) return found;
    const next = end + 4 + Number(length[1]);
    if (next > text.length) return found;
    found.push(text.slice(end + 4, next));
    at = next;
  }
}

/** All that the handlers saw, each request its own lane and nothing else. */
function assertOwnLanes(replies: readonly string[], paths: readonly string[]): void {
  const seen = replies.map((body) => JSON.parse(body) as Seen);
  assert.deepEqual(
    seen.map(({ path, lanes }) => ({ path, lanes })),
    paths.map((path) => ({ path, lanes: [laneOf(path), laneOf(path), laneOf(path)] })),
  );
}

/** Alternately of one lane and the other. */
const PATHS = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? `/pay/${n}` : `/export/${n}`));

const later = async (): Promise<boolean> => {
  await setImmediate();
  return true;
};

type Behaviour = (t: TestContext, platform: Platform) => Promise<void>;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  "requests of one connection each run in their own lane, one after the other": async (t, platform) => {
    const { url } = await start(t, platform);
    const packets = PATHS.flatMap((path) => [[get(path)], [post(path, 10)], [post(path, 90_000)]]);
    const replies = await converse(url, packets);
    assertOwnLanes(
      replies,
      PATHS.flatMap((path) => [path, path, path]),
    );
    assert.ok((JSON.parse(replies[2]!) as Seen).body > 90_000);
    assert.equal(currentLane(), undefined);
  },

  "requests that come in one packet each run in their own lane": async (t, platform) => {
    for (const limit of [1, 100]) {
      const { url } = await start(t, platform, { limit });
      const packet = PATHS.flatMap((path) => [get(path), post(path, 10)]);
      const paths = PATHS.flatMap((path) => [path, path]);
      assertOwnLanes(await converse(url, [packet, packet]), [...paths, ...paths]);
    }
  },

  "guards before and after that wait change nothing": async (t, platform) => {
    const lanes: (string | undefined)[] = [];
    const { url } = await start(t, platform, {
      limit: 100,
      before: later,
      after: async () => {
        lanes.push(currentLane());
        await setImmediate();
        lanes.push(currentLane());
        return true;
      },
    });
    const packet = PATHS.flatMap((path) => [get(path), post(path, 10)]);
    assertOwnLanes(
      await converse(url, [packet, packet]),
      [...packet, ...packet].map((text) => text.split(" ")[1]!),
    );
    assert.deepEqual(new Set(lanes), new Set(["bulk", "critical"]));
    assert.equal(lanes.length, 64);
  },

  "who waited for another's seat runs in its own lane, not in the other's": async (t, platform) => {
    const { url, laneway } = await start(t, platform);
    const permit = laneway.resource("http").tryAcquire()!;
    const waiting = ["/pay/1", "/export/1", "/pay/2"].map((path) => fetchText(url + path));
    await until(() => snapshotOf(laneway).waiting === 3);
    permit.release();
    assertOwnLanes(
      (await Promise.all(waiting)).map(({ body }) => body),
      ["/pay/1", "/export/1", "/pay/2"],
    );
  },

  "a refused request leaves its connection in no lane": async (t, platform) => {
    const { url, laneway } = await start(t, platform, { skip: ({ url: path }) => path === "/skipped" });
    const lane = laneway.resource("http");
    const permit = lane.tryAcquire()!;
    const full = [1, 2].map((n) => fetchText(`${url}/export/${n}`));
    await until(() => snapshotOf(laneway).waiting === 2);
    const [refused, skipped] = await converse(url, [[get("/export/3"), get("/skipped")]]);
    assert.match(refused!, /queue_full|full/);
    assert.deepEqual((JSON.parse(skipped!) as Seen).lanes, ["undefined", "undefined", "undefined"]);
    permit.release();
    await Promise.all(full);
    const again = await converse(url, [[get("/export/4")], [get("/skipped"), get("/pay/5")]]);
    assert.deepEqual(
      again.map((body) => (JSON.parse(body) as Seen).lanes[0]),
      ["bulk", "undefined", "critical"],
    );
  },

  "work that goes on after the reply stays in its request's lane, beside the next request": async (
    t,
    platform,
  ) => {
    const resumed: string[] = [];
    let resume = (): void => {};
    const held = new Promise<void>((resolve) => (resume = resolve));
    const work = (path: string): void => {
      if (path === "/export/0") void held.then(() => resumed.push(`${path} ${currentLane()}`));
      else resume();
    };
    const { url } = await start(t, platform, { limit: 100, work });
    assertOwnLanes(await converse(url, [[get("/export/0")], [get("/pay/0")]]), ["/export/0", "/pay/0"]);
    assert.deepEqual(resumed, ["/export/0 bulk"]);
  },
};

for (const version of Object.keys(FOLDERS)) {
  for (const platform of [onExpress(version), onFastify(version)]) {
    for (const [name, behaves] of Object.entries(BEHAVIOURS)) {
      test(`${platform.name}: ${name}`, async (t) => {
        for (const module of ["@nestjs/core", platform.module])
          if (!needsPackage(t, platform.folder, module)) return;
        await behaves(t, platform);
      });
    }
  }
}

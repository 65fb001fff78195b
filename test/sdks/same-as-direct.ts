/** The same use of a client twice: straight to the provider, and through the gateway with only the base URL changed. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { StandInOptions } from "../../src/verify/stand-in/stand-in.ts";
import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";
import { atGateway, Pacer, throughGateway, until } from "./through-gateway.ts";

/** What a stand-in makes up anew each time. */
const MADE_UP_ID = /(?<=[_-])[0-9a-f]{24}/g;
const TIME_FIELDS = /^(created|created_at|.*_at|timestamp|createdAt)$/;

/**
 * Runs `use` against a fresh stand-in and against a gateway in front of another, and holds what it gives to be equal
 * but for ids and times. Gives what came through the gateway.
 */
export async function sameAsDirect<Seen>(
  t: TestContext,
  use: (url: string) => Promise<Seen>,
  options: StandInOptions = {},
): Promise<Seen> {
  const direct = await startStandIn({ runMs: 0, ...options });
  t.after(() => direct.close());
  const expected = await use(direct.url);
  const path = await throughGateway(t, options);
  const seen = await use(path.url);
  assert.deepEqual(plain(seen, path.standIn.url), plain(expected, direct.url));
  const passed = path.laneway
    .snapshot()
    .resources.flatMap(({ lanes }) => lanes)
    .reduce((sum, lane) => sum + lane.finished, 0);
  assert.ok(passed > 0, "nothing went through the gateway");
  await until(() => atGateway(path).seats === 0);
  return seen;
}

/** As JSON, with ids and times that differ from run to run taken out. */
function plain(value: unknown, origin: string): unknown {
  const text = JSON.stringify(value, (name, inner: unknown) =>
    TIME_FIELDS.test(name) && inner !== null ? "a time" : inner,
  );
  return JSON.parse(text.replaceAll(MADE_UP_ID, "…").replaceAll(origin, "http://origin"));
}

/** A stream that is opened, given a signal to stop it by. */
export type OpenStream = (url: string, signal: AbortSignal) => Promise<AsyncIterable<unknown>>;

/** Aborts a stream after its first event: the model stops and the seat comes back. */
export async function abortsMidStream(t: TestContext, open: OpenStream): Promise<void> {
  const pacer = new Pacer();
  const path = await throughGateway(t, { pace: pacer.pace });
  const caller = new AbortController();
  const reading = (async () => {
    for await (const _event of await open(path.url, caller.signal));
  })().then(
    () => "ended",
    () => "failed",
  );
  await until(() => pacer.held > 0);
  pacer.goOn();
  // Held back again: what came before is on its way to the caller, and more will not come by itself.
  await until(() => pacer.held > 0);
  assert.equal(atGateway(path).seats, 1);
  caller.abort();
  await reading;
  await until(() => path.standIn.stats().abandoned === 1);
  await until(() => atGateway(path).seats === 0);
}

/** Aborts a call that waits behind another: the provider never hears of it. */
export async function abortsWhileQueued(
  t: TestContext,
  call: (url: string, signal?: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const pacer = new Pacer();
  const path = await throughGateway(t, { limit: 1, pace: pacer.pace });
  const first = call(path.url);
  await until(() => pacer.held === 1);
  const caller = new AbortController();
  const second = assert.rejects(call(path.url, caller.signal));
  await until(() => atGateway(path).waiting === 1);
  caller.abort();
  await second;
  await until(() => atGateway(path).waiting === 0);
  pacer.open();
  await first;
  assert.equal(path.calls.length, 1);
}

/** All that a stream brings. */
export async function all(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** What the tests of the AI adapters begin with: a stand-in provider, a resource in front of it, and ways to look. */

import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { ResourceOptions } from "../../src/core/options.ts";
import { Resource } from "../../src/node/resource.ts";
import type { StandInCall } from "../../src/verify/stand-in/dialect.ts";
import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";
import type { StandIn, StandInOptions } from "../../src/verify/stand-in/stand-in.ts";

export interface Provided {
  readonly standIn: StandIn;
  readonly resource: Resource;
  /** Every call that the stand-in has seen. */
  readonly calls: StandInCall[];
}

/** A stand-in, and a resource with two lanes whose limit is 2 unless `resource` says otherwise. */
export async function provide(
  t: TestContext,
  options: { readonly standIn?: StandInOptions; readonly resource?: Partial<ResourceOptions> } = {},
): Promise<Provided> {
  const calls: StandInCall[] = [];
  const standIn = await startStandIn({ runMs: 1, ...options.standIn, onCall: (call) => calls.push(call) });
  t.after(() => standIn.close());
  const resource = new Resource({
    name: "claude",
    limit: 2,
    lanes: [{ name: "chat" }, { name: "batch" }],
    ...options.resource,
  });
  return { standIn, resource, calls };
}

/** A question as Anthropic's API takes it. */
export const QUESTION: {
  readonly model: string;
  readonly max_tokens: number;
  readonly messages: readonly { readonly role: "user"; readonly content: string }[];
} = {
  model: "claude-sonnet-4-5",
  max_tokens: 64,
  messages: [{ role: "user", content: "What is a lane?" }],
};

/** A request as an SDK makes it. */
export function ask(body: object = QUESTION, headers: Record<string, string> = {}): RequestInit {
  return {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "anthropic-version": "2023-06-01",
      "x-api-key": "of-the-caller",
      ...headers,
    },
    body: JSON.stringify(body),
  };
}

/** Waits for an event that has no promise of its own; a bound on the runner's side ends a wait for nothing. */
export async function until(seen: () => boolean): Promise<void> {
  while (!seen()) await turn();
}

/** What of a resource is taken; all of it is zero when nothing was lost. */
export function taken(resource: Resource): { seats: number; waiting: number; running: number } {
  const { seatsInUse, waiting, lanes } = resource.snapshot();
  return { seats: seatsInUse, waiting, running: lanes.reduce((sum, { running }) => sum + running, 0) };
}

export const NOTHING: ReturnType<typeof taken> = { seats: 0, waiting: 0, running: 0 };

/** Aborts after so many turns of the event loop: early, in the queue, in flight, in the body, or too late. */
export async function abortAfter(turns: number, controller: AbortController): Promise<void> {
  for (let index = 0; index < turns; index++) await turn();
  controller.abort(new Error(`given up after ${turns} turns`));
}

/** Holds the stand-in's model back until the test lets it go on. */
export class Hold {
  held = 0;
  #release: (() => void) | undefined = undefined;
  readonly #open: Promise<void> = new Promise((resolve) => (this.#release = resolve));

  readonly pace = async (): Promise<void> => {
    this.held++;
    await this.#open;
  };

  release(): void {
    this.#release?.();
  }
}

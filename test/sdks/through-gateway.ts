import type { TestContext } from "node:test";
import { startGateway } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import type { StandInCall } from "../../src/verify/stand-in/dialect.ts";
import type { StandIn, StandInOptions } from "../../src/verify/stand-in/stand-in.ts";
import { startStandIn } from "../../src/verify/stand-in/stand-in.ts";

/** A gateway in front of a stand-in, and what the stand-in was sent. */
export interface Path {
  readonly url: string;
  readonly standIn: StandIn;
  readonly laneway: Laneway;
  readonly calls: readonly StandInCall[];
}

/**
 * One resource of each protocol in front of the same stand-in. `lane` is what a test sets of the only lane, `claude`
 * what it sets of Anthropic's resource.
 */
export async function throughGateway(
  t: TestContext,
  options: StandInOptions & {
    readonly limit?: number;
    readonly lane?: string;
    readonly claude?: string;
  } = {},
): Promise<Path> {
  const calls: StandInCall[] = [];
  const standIn = await startStandIn({ runMs: 0, ...options, onCall: (call) => calls.push(call) });
  t.after(() => standIn.close());
  const { limit = 8, lane = "", claude = "" } = options;
  const policy = await parsePolicy(`
version: 1
lanes: [ { name: normal, ${lane} } ]
resources:
  claude: { provider: anthropic, upstream: "${standIn.url}", limit: ${limit}, ${claude} }
  gpt: { provider: openai, upstream: "${standIn.url}", limit: ${limit} }
`);
  const laneway = new Laneway(policy);
  const gateway = await startGateway({ laneway, listen: "127.0.0.1:0", admin: false });
  t.after(() => gateway.close());
  return { url: gateway.url, standIn, laneway, calls };
}

/** Seats held and tasks waiting at both resources. */
export function atGateway(path: Path): { seats: number; waiting: number } {
  const all = path.laneway.snapshot().resources;
  return {
    seats: all.reduce((sum, resource) => sum + resource.seatsInUse, 0),
    waiting: all.reduce((sum, resource) => sum + resource.waiting, 0),
  };
}

const LONG_ENOUGH_MS = 10_000;

/**
 * Settles when `condition` holds; what makes it hold is under way, so turns of the event loop suffice. A test that has
 * failed must end: it rejects when the condition has not held for long.
 */
export async function until(condition: () => boolean): Promise<void> {
  const patience = performance.now() + LONG_ENOUGH_MS;
  while (!condition()) {
    if (performance.now() > patience) throw new Error(`still waiting until ${String(condition)}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Holds every part of every reply until a test lets one go on. */
export class Pacer {
  readonly #held: (() => void)[] = [];
  #open = false;

  readonly pace = (): Promise<void> =>
    this.#open ? Promise.resolve() : new Promise((resolve) => void this.#held.push(resolve));

  get held(): number {
    return this.#held.length;
  }

  goOn(): void {
    this.#held.shift()?.();
  }

  open(): void {
    this.#open = true;
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

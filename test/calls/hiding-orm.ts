/** An ORM that hides its callers from its pool, as most do: it asks for connections in async functions of its own. */

import { holds, NestedCheckouts } from "../../src/calls/nested-checkouts.ts";
import type { Held, Site } from "../../src/calls/nested-checkouts.ts";
import type { ResourceOptions } from "../../src/core/options.ts";
import { Resource } from "../../src/node/resource.ts";
import { TestClock } from "../../src/testing/index.ts";

interface Connection {
  sent: number;
}

/** What a transaction may do with its connection. */
interface Inside {
  query(): void;
}

/** Its connections do what `query` says, in the time of a `TestClock`. */
export class HidingOrm {
  readonly clock: TestClock = new TestClock();
  readonly resource: Resource;
  readonly nested: NestedCheckouts<Connection>;
  /** The transactions that go on when somebody else has answered. */
  readonly #calls: (() => void)[] = [];

  constructor(options: Partial<ResourceOptions> = {}) {
    const lanes = [{ name: "critical" }, { name: "normal" }];
    this.resource = new Resource({
      name: "db",
      limit: 1,
      lanes,
      clock: this.clock,
      detectDeadlock: true,
      ...options,
    });
    this.nested = new NestedCheckouts({
      noun: "client",
      clock: this.clock,
      siteHere,
      stackLines: ({ stack = "" }) => stack.split("\n").slice(1).join("\n"),
      quiet: (connection) => {
        let before = -1;
        return () => {
          const isSame = connection.sent === before;
          before = connection.sent;
          return isSame;
        };
      },
    });
  }

  async transaction<T>(work: (inside: Inside) => Promise<T>): Promise<T> {
    const { connection, release } = await this.#connect();
    try {
      return await work({ query: () => connection.sent++ });
    } finally {
      release();
    }
  }

  async select(): Promise<string> {
    const { release } = await this.#connect();
    release();
    return "served";
  }

  /** Begins when it is awaited: its stack ends there. */
  lazySelect(): PromiseLike<string> {
    // oxlint-disable-next-line unicorn/no-thenable
    return { then: (resolve, reject) => this.select().then(resolve, reject) };
  }

  /** Something that takes as long as it takes. */
  callElsewhere(): Promise<void> {
    return new Promise((resolve) => this.#calls.push(resolve));
  }

  async answerCalls(): Promise<void> {
    for (const answer of this.#calls.splice(0)) answer();
    await this.clock.advance(0);
  }

  async #connect(): Promise<{ connection: Connection; release: () => void }> {
    // What the checkout sets in the async context ends with this function.
    await Promise.resolve();
    const held: Held<Connection> = this.nested.begin(this.resource, siteHere());
    const permit = await this.nested.acquire(this.resource, {}, held.site);
    const connection = { sent: 0 };
    holds(held, permit, connection);
    const release = (): void => {
      holds(held);
      permit.release();
    };
    return { connection, release };
  }
}

function siteHere(): Site {
  const site: Site = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 50;
  Error.captureStackTrace(site);
  Error.stackTraceLimit = stackTraceLimit;
  return site;
}

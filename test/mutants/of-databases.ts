/** Bugs in the lanes of a database pool: the seat of each connection, and whoever is stopped for somebody else. */

import type { Mutant } from "./mutant.ts";

const CHECKOUTS = "src/adapters/pg/checkouts.ts";
const LANES = "src/adapters/pg/lanes.ts";
const NESTED = "src/adapters/pg/nested.ts";
const PREEMPT = "src/adapters/pg/preempt.ts";
const ON_LANES = "test/adapters/pg/lanes.test.ts";
const ON_FAULTS = "test/adapters/pg/faults.test.ts";
const ON_DRIVER = "test/adapters/pg/driver.test.ts";
const ON_NETWORK = "test/adapters/pg/network.test.ts";
const ON_PREEMPTION = "test/adapters/pg/preempt.test.ts";

export const OF_DATABASES: readonly Mutant[] = [
  {
    name: "the seat of a connection that is being closed is handed over at once",
    promise: 1,
    file: CHECKOUTS,
    find: "    const isClosing = !isGone && this.#pool.totalCount < before;",
    replace: "    const isClosing = !isGone && this.#pool.totalCount < before - 1;",
    killedBy: ON_FAULTS,
  },
  {
    name: "a connection that could not be opened keeps its seat",
    promise: 11,
    file: LANES,
    find: "        permit.release({ failed: true });\n",
    replace: "",
    killedBy: ON_FAULTS,
  },
  {
    name: "a second release of a client gives its seat back again",
    promise: 11,
    file: CHECKOUTS,
    find: "      release.call(client, error);\n",
    replace: "      if (checkout.permit !== undefined) release.call(client, error);\n",
    killedBy: ON_LANES,
  },
  {
    name: "a query of the pool's own waits outside of its lane",
    promise: 4,
    file: LANES,
    find: "    if (this.#querying) return this.#checkOut(how, undefined, callback!);\n",
    replace: "    if (this.#querying) return this.#checkOut({}, undefined, callback!);\n",
    killedBy: ON_LANES,
  },
  {
    name: "a pool has no seat that bulk cannot have",
    promise: 2,
    file: "src/adapters/pg/config.ts",
    find: '  if (max >= RESERVE_FROM) reserved.set("critical", 1);\n',
    replace: "",
    killedBy: ON_LANES,
  },
  {
    name: "a wait for a connection does not count against connectionTimeoutMillis",
    promise: 10,
    file: LANES,
    find: "    const timer = timeoutMs > 0 ? setTimeout(giveUp, timeoutMs).unref() : undefined;",
    replace: "    const timer = timeoutMs > 9_000 ? setTimeout(giveUp, timeoutMs).unref() : undefined;",
    killedBy: ON_LANES,
  },
  {
    name: "a client that works counts as one that waits",
    promise: 18,
    file: NESTED,
    find: "readonly readyForQuery?: unknown } | undefined)?.readyForQuery === true;",
    replace: "readonly readyForQuery?: unknown } | undefined)?.readyForQuery !== undefined;",
    killedBy: ON_LANES,
  },
  {
    name: "a checkout inside a checkout is not seen",
    promise: 18,
    file: LANES,
    find: "    nested.enter(held);\n",
    replace: "",
    killedBy: ON_LANES,
  },
  {
    name: "a limit that was raised brings no connection",
    promise: 3,
    file: LANES,
    find: "      this.#pool.options.max = this.#pool.totalCount + 1;\n",
    replace: "      this.#pool.options.max = this.#pool.totalCount;\n",
    killedBy: ON_DRIVER,
  },
  {
    name: "a query whose time is up goes on at the server",
    promise: 10,
    file: CHECKOUTS,
    find: "isCancellable(client) ? cancel(client) : Promise.resolve();",
    replace: "Promise.resolve();",
    killedBy: ON_NETWORK,
  },
  {
    name: "whoever has a slow query is not answered when its time is up",
    promise: 10,
    file: CHECKOUTS,
    find: '  client.emit("error", error);\n',
    replace: "  void error;\n",
    killedBy: ON_NETWORK,
  },
  {
    name: "a query in the clear stops one that came over TLS",
    promise: 17,
    file: "src/adapters/pg/cancel.ts",
    find: "  if (ssl === undefined || ssl === false) return socket;\n",
    replace: "  if (ssl !== null) return socket;\n",
    killedBy: ON_NETWORK,
  },
  {
    name: "a query is stopped as often as somebody waits",
    promise: 17,
    file: PREEMPT,
    find: "      if (stops < this.#most && isCancellable(client)) this.#started(attempt);",
    replace: "      if (isCancellable(client)) this.#started(attempt);",
    killedBy: ON_PREEMPTION,
  },
];

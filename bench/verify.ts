/** Does one core offer 20,000 requests a second in time, and what does a request cost beside undici's? */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { dueInstants } from "../src/verify/load/arrival.ts";
import { Http1Connections } from "../src/verify/load/http1/connections.ts";
import { LoadCrew } from "../src/verify/overload/crew.ts";
import type { LoadResult } from "../src/verify/overload/crew.ts";
import { requestBytes } from "../src/verify/overload/request-bytes.ts";
import { beside, over, under, workedMicroseconds } from "./question.ts";
import type { Question } from "./question.ts";

const PER_SECOND = 20_000;
const SECONDS = 6;
const WARM_SECONDS = 3;
const AT_ONCE = 64;
const REQUESTS = 200_000;
const HEADERS = { "x-priority": "bulk" };

export const question: Question = {
  asks: "Does `laneway verify` offer 20,000 requests a second in time, from one core?",
  unit: "",
  cases: {
    "late p99, ms": {
      measure: async () => (await offered()).lag.quantile(0.99),
    },
    "sent a second": {
      measure: async () => {
        const { sent, lanes } = await offered();
        const unsent = lanes.reduce((sum, lane) => sum + lane.total("unsent"), 0);
        return Math.round((sent - unsent) / SECONDS);
      },
    },
    "ours, µs a request": { measure: () => withServer(oursAtOnce) },
    "undici, µs a request": { measure: () => withServer(undiciAtOnce) },
  },
  rows: (of) => [
    over("requests a second from one thread, open loop", of("sent a second"), PER_SECOND, "requests/s"),
    under("how late they were sent, 99th percentile", of("late p99, ms"), 5, "ms"),
    beside({
      question: `processor time of a request, ${AT_ONCE} at once`,
      ours: of("ours, µs a request"),
      peer: "undici, dispatch of a Pool",
      theirs: of("undici, µs a request"),
      unit: "µs",
    }),
  ],
};

async function withServer<Measured>(measure: (port: number) => Promise<Measured>): Promise<Measured> {
  const server = fork(fileURLToPath(new URL("verify-server.ts", import.meta.url)), { execArgv: [] });
  const [port] = (await once(server, "message")) as [number];
  try {
    return await measure(port);
  } finally {
    server.kill();
  }
}

/**
 * The engine's own way: a worker thread, warm, evenly spaced calls. They are offered for a while first, for a server whose
 * code has not been compiled yet takes the processor that the generator needs: what is asked here is what that can do.
 */
function offered(): Promise<LoadResult> {
  return withServer(async (port) => {
    const crew = await LoadCrew.start(1);
    try {
      await offer(crew, port, WARM_SECONDS);
      return await offer(crew, port, SECONDS);
    } finally {
      await crew.stop();
    }
  });
}

function offer(crew: LoadCrew, port: number, seconds: number): Promise<LoadResult> {
  const untilMs = seconds * 1_000;
  const due = dueInstants({ kind: "steady", perSecond: PER_SECOND, fromMs: 0, untilMs }, 1);
  return crew.run(
    {
      target: { host: "127.0.0.1", port },
      lanes: [{ name: "bulk", expects: "bulk", timeoutMs: 10_000, returns: "none", returnsMax: 0 }],
      requests: [{ bytes: request(port), bodiless: false, idempotent: true }],
      due,
      lane: new Uint16Array(due.length),
      request: new Uint32Array(due.length),
      phaseEndsMs: [untilMs],
      inFlightMax: 20_000,
    },
    1,
  );
}

function request(port: number): Uint8Array {
  return requestBytes({ method: "GET", path: "/", headers: HEADERS, body: undefined }, `127.0.0.1:${port}`);
}

/** Processor time of a request while so many are always under way: neither waits for anything then. */
async function atOnce(send: (settled: () => void) => void): Promise<number> {
  const before = workedMicroseconds();
  await new Promise<void>((resolve) => {
    let sent = 0;
    let settled = 0;
    const next = (): void => {
      if (sent++ < REQUESTS) send(settle);
    };
    const settle = (): void => {
      if (++settled === REQUESTS) resolve();
      else next();
    };
    for (let at = 0; at < AT_ONCE; at++) next();
  });
  return (workedMicroseconds() - before) / REQUESTS;
}

async function oursAtOnce(port: number): Promise<number> {
  const connections = new Http1Connections({ host: "127.0.0.1", port });
  const sent = { bytes: Buffer.from(request(port)), bodiless: false, idempotent: true };
  const cost = await atOnce((settled) => {
    connections.send(sent, { replied: () => undefined, ended: settled, failed: (why) => fail(why) });
  });
  connections.close();
  return cost;
}

async function undiciAtOnce(port: number): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: AT_ONCE });
  const cost = await atOnce((settled) => {
    pool.dispatch(
      { method: "GET", path: "/", headers: HEADERS },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData: () => undefined,
        onResponseEnd: settled,
        onResponseError: (_controller, error) => fail(error.message),
      },
    );
  });
  await pool.destroy();
  return cost;
}

function fail(why: string): never {
  throw new Error(`bench/verify.ts: a request failed: ${why}`);
}

/** One gateway for as long as it takes, and callers of whom no two are the same: what it keeps of them has an end. */

import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { startGateway } from "../../src/gateway/index.ts";
import type { Gateway } from "../../src/gateway/index.ts";
import { Laneway } from "../../src/policy/laneway.ts";
import { parsePolicy } from "../../src/policy/policy.ts";
import { messageBody, messageReply } from "../../test/gateway/ai-fixture.ts";
import { isAtRest, judgeCounters } from "./counters.ts";
import type { Part, Round } from "./part.ts";
import { holdsWithin } from "./process-watch.ts";

const REQUESTS = 500;
const AT_ONCE = 32;
const AT_REST_MS = 10_000;
const LANES = ["critical", "high", "normal", "low", "bulk", "no-such-lane"];

let gatewayOf: Gateway | undefined;
let upstream: Server | undefined;
let agent: Agent | undefined;

/** The same gateway in every round. */
export const steady: Part = {
  name: "steady",
  what: "one gateway, and callers, models and paths of which no two are the same",
  unit: "requests",
  share: 2,
  warmUp: 25_000,
  // Connections are kept from round to round.
  every: Infinity,
  async open() {
    upstream = createServer((req, res) => void req.resume().on("end", () => res.end(messageReply())));
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const laneway = new Laneway(await parsePolicy(policyFor(url), { file: "laneway.yaml", env: {} }));
    gatewayOf = await startGateway({ laneway, listen: "127.0.0.1:0", admin: false });
    agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    return undefined;
  },
  async round(round: Round) {
    let left = REQUESTS;
    const caller = async (): Promise<void> => {
      while (left-- > 0) await call(round);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
    const resources = [...gatewayOf!.laneway.resources.values()];
    await holdsWithin(AT_REST_MS, () => resources.every((resource) => isAtRest(resource.snapshot())));
    for (const resource of resources) judgeCounters(round, resource);
    round.work = REQUESTS;
  },
  async close() {
    agent?.destroy();
    await gatewayOf?.drain();
    upstream?.closeAllConnections();
    upstream?.close();
    gatewayOf = upstream = agent = undefined;
  },
};

function policyFor(url: string): string {
  return JSON.stringify({
    trust: { header: "x-priority", callers: [{ cidr: "127.0.0.0/8", upTo: "critical" }] },
    flow: { header: "x-api-key" },
    resources: {
      http: { upstream: url, limit: 8, queue: { max: 20 } },
      claude: {
        provider: "anthropic",
        upstream: url,
        limit: 8,
        keys: ["sk-a"],
        budgets: { requests: "10000000/min" },
        retry: { attempts: 2 },
      },
    },
  });
}

function call(round: Round): Promise<void> {
  const { random } = round;
  const body = random.next() < 0.5 ? messageBody({ model: `claude-${random.whole(0, 1e9)}` }) : undefined;
  const path = body === undefined ? `/page/${random.whole(0, 1e9)}` : "/v1/messages";
  const leaves = random.next() < 0.05;
  return new Promise((resolve) => {
    const req = request(`${gatewayOf!.url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      agent: agent!,
      headers: { "x-api-key": `caller-${random.whole(0, 1e9)}`, "x-priority": random.pick(LANES) },
    });
    req.on("error", () => undefined);
    req.on("close", () => resolve());
    req.on("response", (res: IncomingMessage) => {
      round.count(`status ${res.statusCode}`);
      res.on("error", () => undefined);
      if (leaves) req.destroy();
      else res.resume();
    });
    req.end(body);
  });
}

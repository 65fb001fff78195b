/** Policies for a gateway under faults: everything short, so that whatever stalls is over in a second. */

import type { Random } from "../../src/testing/random.ts";

/** A valid policy as text; the same lanes in every one, so that counters go on. */
export function randomPolicy(random: Random, upstream: string): string {
  const lane = (name: string, reservation: string): object => ({
    name,
    reservation,
    timeout: random.pick(["250ms", "600ms"]),
    queue: { max: random.pick([5, 50, 1_000]), timeout: random.pick(["100ms", "400ms"]) },
  });
  return JSON.stringify({
    version: 1,
    lanes: [lane("critical", "40%"), lane("normal", "20%"), lane("bulk", "0%")],
    aging: { after: "200ms", budget: "5%" },
    trust: { header: "x-priority", callers: [{ cidr: "127.0.0.0/8", upTo: "critical" }] },
    flow: { header: "x-api-key" },
    enforce: random.next() > 0.1,
    resources: {
      http: {
        upstream,
        idleTimeout: "500ms",
        limit: random.next() < 0.3 ? { adaptive: true, min: 2, max: 30 } : random.whole(2, 12),
        order: random.pick(["strict", "weighted"]),
      },
      claude: {
        provider: "anthropic",
        upstream,
        idleTimeout: "500ms",
        limit: random.whole(2, 8),
        keys: ["sk-a", "sk-b"],
        budgets: { requests: "100000/min", inputTokens: "10000000/min", outputTokens: "10000000/min" },
        retry: { attempts: random.whole(1, 3), budget: "100%" },
        ...(random.next() < 0.3 ? { commitAfter: "20ms" } : {}),
      },
    },
    gateway: { drainTimeout: "3s", listen: "127.0.0.1:0", admin: "127.0.0.1:0" },
  });
}

/** Edits that must be refused, the policy before them staying in force. */
export const BAD_POLICIES: readonly string[] = [
  "resources: { http: { upstream: 17 } }",
  "lanes: [",
  "lanes: [{ name: critical }]\nclassify: [{ path: /a, lane: nobody }]",
  "\u0000\u0001",
];

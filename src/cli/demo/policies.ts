/** The two policies of the demo, as files that a reader can open, check and run again. */

import {
  AT_ONCE,
  BATCH_HEADER,
  CHAT_KEY,
  CHAT_SEATS,
  CHAT_WAIT_OBJECTIVE_MS,
  OUTPUT_TOKENS_PER_MINUTE,
  REQUESTS_PER_MINUTE,
} from "./scenario.ts";
import type { Scenario } from "./scenario.ts";

/** The variable that points a policy at the stand-in; without it the file means the real upstream. */
export const UPSTREAM_VARIABLE = "LANEWAY_DEMO_UPSTREAM";

/** The variable that holds the account's key; the demo's own runs send a made-up one, whatever it holds. */
export const KEY_VARIABLE = "ANTHROPIC_API_KEY";
export const ACCOUNT_KEY = "demo-account-key";

/** The name of the demo's one resource. */
export const RESOURCE = "claude";

const UPSTREAM = `"\${${UPSTREAM_VARIABLE}:-https://api.anthropic.com}"`;
const KEYS = `["\${${KEY_VARIABLE}:-${ACCOUNT_KEY}}"]`;

/** The two sides, with the file name of each one's policy. */
export const SIDES = { off: "lanes-off.yaml", on: "lanes-on.yaml" } as const;
export type SideName = keyof typeof SIDES;

/** What came through the side with lanes, for `laneway simulate` and `laneway advise`. */
export const RECORDING = "recording.jsonl";

/** A side's policy as the text of its file. */
export function policyText(side: SideName, scenario: Scenario): string {
  return side === "on" ? lanesOn(scenario) : LANES_OFF;
}

const LANES_OFF = `# Written by "laneway demo". One lane, no budgets: whoever comes first is served first, however long it takes.
version: 1
lanes:
  - { name: everyone, timeout: 1h, queue: { timeout: 1h } }
resources:
  ${RESOURCE}: { provider: anthropic, upstream: ${UPSTREAM}, keys: ${KEYS}, limit: ${AT_ONCE} }
`;

const lanesOn = ({
  inputTokensPerMinute,
}: Scenario): string => `# Written by "laneway demo". The same upstream, key and limit, shared by importance.
version: 1
lanes:                                   # most important first
  - { name: critical, objective: { wait: ${CHAT_WAIT_OBJECTIVE_MS}ms } }
  - { name: normal }
  - { name: batch }
classify:
  - { header: { ${BATCH_HEADER.name}: ${BATCH_HEADER.value} }, lane: batch }
trust:
  header: x-priority                     # a caller may claim a lane; only those listed may go up
  callers:
    - { key: ${CHAT_KEY}, flow: chat, upTo: critical }
resources:
  ${RESOURCE}:
    provider: anthropic
    upstream: ${UPSTREAM}
    keys: ${KEYS}
    limit: ${AT_ONCE}
    budgets:                             # what the upstream allows, small for a demo: write your own account's
      requests: ${REQUESTS_PER_MINUTE}/min
      inputTokens: ${inputTokensPerMinute}/min
      outputTokens: ${OUTPUT_TOKENS_PER_MINUTE}/min
    lanes: { critical: { reservation: ${CHAT_SEATS}, lendable: 0 } }   # seats and tokens that are never lent
`;

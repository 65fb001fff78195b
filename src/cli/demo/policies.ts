/** The two policies of the demo, as files that a reader can open, check and run again. */

import { AT_ONCE, CHAT_KEY, CHAT_SEATS, CHAT_WAIT_OBJECTIVE_MS } from "./scenario.ts";

/** The variable that points a policy at the stand-in; without it the file means the real upstream. */
export const UPSTREAM_VARIABLE = "LANEWAY_DEMO_UPSTREAM";

/** The name of the demo's one resource. */
export const RESOURCE = "claude";

const UPSTREAM = `"\${${UPSTREAM_VARIABLE}:-https://api.anthropic.com}"`;

/** The two sides, with the file name of each one's policy. */
export const SIDES = { off: "lanes-off.yaml", on: "lanes-on.yaml" } as const;
export type SideName = keyof typeof SIDES;

/** A side's policy as the text of its file. */
export function policyText(side: SideName): string {
  return side === "on" ? LANES_ON : LANES_OFF;
}

const LANES_OFF = `# Written by "laneway demo". One lane: whoever comes first is served first.
version: 1
lanes:
  - { name: everyone }
resources:
  ${RESOURCE}: { provider: anthropic, upstream: ${UPSTREAM}, limit: ${AT_ONCE} }
`;

const LANES_ON = `# Written by "laneway demo". The same upstream and the same limit, shared by importance.
version: 1
lanes:                                   # most important first
  - { name: critical, objective: { wait: ${CHAT_WAIT_OBJECTIVE_MS}ms } }
  - { name: normal }
  - { name: batch }
classify:
  - { model: claude-haiku-*, lane: batch }
trust:
  header: x-priority                     # a caller may claim a lane; only those listed may go up
  callers:
    - { key: ${CHAT_KEY}, flow: chat, upTo: critical }
resources:
  ${RESOURCE}:
    provider: anthropic
    upstream: ${UPSTREAM}
    limit: ${AT_ONCE}
    lanes: { critical: { reservation: ${CHAT_SEATS}, lendable: 0 } }   # seats that are never lent
`;

/** Why a task was not run, in words that end the sentence "it was refused: …". */

import type { LanewayReason } from "../core/errors.ts";

/** For every reason there is. */
export const REASON_WORDS: Readonly<Record<LanewayReason, string>> = {
  "lane-full": "the queue of its lane was full",
  "resource-full": "the queue of the resource was full",
  "flow-share": "its flow already held most of the queue of its lane",
  memory: "the process was short of memory",
  "next-service": "the service that it calls refuses this lane for now",
  outranked: "the queue was full and a higher lane took its place",
  queue: "it waited longer than its lane may wait",
  task: "it took longer than its lane allows in all",
  predicted: "it could not have been done in time",
  passed: "its deadline passed",
  draining: "it was being drained: what was accepted is finished, newcomers are refused",
  "drain-timeout": "the drain ended before its turn came",
  nested: "it waited for seats that its own caller held",
  unreachable: "the upstream could not be reached",
  reset: "the upstream broke the connection off",
  malformed: "the upstream's reply was not HTTP",
  invalid: "it was asked for wrongly",
};

/** The shape of what a policy says about the network. */

import { z } from "zod";
import { parseCodePoint } from "./code-points.ts";
import type { LaneEntry, PolicyFile } from "./file.ts";
import { leaf, yesNo } from "./leaves.ts";
import { parsePercent, PATTERNS } from "./units.ts";

const CODE_POINT =
  "a code point: a whole number from 0 to 63, or a standard name such as EF, AF21, CS5 or LE";

/** `46` or `"EF"`. */
const codePoint: z.ZodType<number | string> = leaf(CODE_POINT, (error) =>
  z.union(
    [
      z.number(error).int(error).min(0, error).max(63, error),
      z
        .string(error)
        .regex(/^[A-Za-z]/, error)
        .refine((value) => parseCodePoint(value) !== undefined, error),
    ],
    error,
  ),
);

const linkShare: z.ZodType<string> = leaf("a percentage from 1% to 100%", (error) =>
  z
    .string(error)
    .regex(PATTERNS.percent, error)
    .refine((value) => (parsePercent(value) ?? 0) >= 1, error),
);

/** `lanes[].network`. */
export const laneNetwork: z.ZodType<NonNullable<LaneEntry["network"]>> = z.strictObject({
  dscp: codePoint
    .optional()
    .describe(
      "The mark of the lane's packets: a number from 0 to 63 or a standard name. Default: by the profile and the lane's name.",
    ),
  share: linkShare
    .optional()
    .describe(
      "The part of the link that laneway network guarantees the lane. Default: by rank; 33, 26, 20, 14 and 7 % for five.",
    ),
});

/** `network`. */
export const network: z.ZodType<NonNullable<PolicyFile["network"]>> = z.strictObject({
  profile: leaf("safe or rfc4594", (error) => z.enum(["safe", "rfc4594"], error)).describe(
    "Which marks the lanes have by name. safe: marks that do no harm on any queue. rfc4594: those of RFC 4594, for hosts whose queue knows them.",
  ),
  checkQueue: yesNo
    .optional()
    .describe(
      "false: mark although this host's queues are not ready, or cannot be looked at. Default: true.",
    ),
});

/**
 * The leaves of the schema of laneway.yaml: values with a unit or a bound. Each carries the words of its own message:
 * what was expected there.
 */

import { z } from "zod";
import { parseDuration, parsePercent, parseRate, parseSize, PATTERNS } from "./units.ts";

const SEATS_MAX = 1_000_000;
const WAITING_MAX = 10_000_000;
const RATE_MAX = 1e12;

/** Lane and resource names travel in headers, metric labels and file names. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

const DURATION = "a duration from 1ms to 596h, such as 30s";
const PERCENT = "a percentage from 0% to 100%";
const SEATS = "a whole number of seats";

/** The name of a lane or a resource. */
export const name: z.ZodType<string> = leaf(
  "a name of letters, digits, - _ and ., at most 63 long",
  (error) => z.string(error).regex(NAME, error),
);

/** Text that is not empty. */
export const text: z.ZodType<string> = leaf("text", (error) => z.string(error).min(1, error));

/** A lane that is defined elsewhere. */
export const laneName: z.ZodType<string> = leaf("the name of a lane", (error) =>
  z.string(error).min(1, error),
);

/** A resource that is defined elsewhere. */
export const resourceName: z.ZodType<string> = leaf("the name of a resource", (error) =>
  z.string(error).min(1, error),
);

/** `"30s"`. */
export const duration: z.ZodType<string> = leaf(DURATION, (error) =>
  z.string(error).regex(PATTERNS.duration, error).refine(isDuration, error),
);

/** `"40%"`. */
export const percent: z.ZodType<string> = leaf(PERCENT, (error) =>
  z.string(error).regex(PATTERNS.percent, error).refine(isPercent, error),
);

/** A truth value. */
export const yesNo: z.ZodType<boolean> = leaf("true or false", (error) => z.boolean(error));

/** A share beyond reservations. */
export const weight: z.ZodType<number> = leaf("a number above 0, at most 1000000", (error) =>
  z.number(error).min(1e-6, error).max(1e6, error),
);

/** How many may wait. */
export const waiting: z.ZodType<number> = leaf(`a whole number from 0 to ${WAITING_MAX}`, (error) =>
  z.number(error).int(error).min(0, error).max(WAITING_MAX, error),
);

/** Seats of a resource. */
export const limit: z.ZodType<number> = leaf(`${SEATS} from 1 to ${SEATS_MAX}`, (error) =>
  z.number(error).int(error).min(1, error).max(SEATS_MAX, error),
);

/** `host:port`, looked at more closely elsewhere. */
export const address: z.ZodType<string> = leaf("an address such as 127.0.0.1:8080", (error) =>
  z.string(error).min(1, error),
);

/** A method of HTTP, in any case. */
export const method: z.ZodType<string> = leaf("an HTTP method such as GET", (error) =>
  z.string(error).regex(/^[A-Za-z]+$/, error),
);

/** A credential; what is wrong with one is said without showing it. */
export const key: z.ZodType<string> = leaf("a key, as text", (error) => z.string(error));

/** An http or https URL, looked at more closely elsewhere. */
export const url: z.ZodType<string> = leaf("an http:// or https:// URL", (error) => z.string(error));

/** `"500kB"`. */
export const size: z.ZodType<string> = leaf("a size such as 32MiB or 500kB", (error) =>
  z.string(error).regex(PATTERNS.size, error).refine(isSize, error),
);

/** A percentage of at most 50. */
export const halfAtMost: z.ZodType<string> = leaf("a percentage from 0% to 50%", (error) =>
  z.string(error).regex(PATTERNS.percent, error).refine(isHalfAtMost, error),
);

/** `"4000/min"`. */
export const rate: z.ZodType<string> = leaf("a rate of at least 1/min, such as 4000/min", (error) =>
  z.string(error).regex(PATTERNS.rate, error).refine(isRate, error),
);

/** What a process gets of the processor inside its session or group. */
export const nice: z.ZodType<number> = leaf("a whole number from -20 to 19", (error) =>
  z.number(error).int(error).min(-20, error).max(19, error),
);

/** A share of the processor. */
export const processorWeight: z.ZodType<number | "idle"> = leaf(
  "a whole number from 1 to 10000, or idle",
  (error) =>
    z.union([z.number(error).int(error).min(1, error).max(10_000, error), z.literal("idle", error)], error),
);

/** Who is ended first when memory runs out. */
export const oomScoreAdj: z.ZodType<number> = leaf("a whole number from -1000 to 1000", (error) =>
  z.number(error).int(error).min(-1000, error).max(1000, error),
);

/** How often a call is tried in all. */
export const attempts: z.ZodType<number> = leaf("a whole number from 1 to 10", (error) =>
  z.number(error).int(error).min(1, error).max(10, error),
);

/** A leaf with one message for all that can be wrong about it. */
export function leaf<Schema>(expected: string, make: (error: { error: string }) => Schema): Schema {
  return make({ error: expected });
}

/** Seats, or a percentage. */
export function seatsOrPercent(least: 0 | 1): z.ZodType<number | string> {
  return leaf(`a percentage such as 40%, or ${SEATS} from ${least} up`, (error) =>
    z.union(
      [
        z.number(error).int(error).min(least, error).max(SEATS_MAX, error),
        z.string(error).regex(PATTERNS.percent, error).refine(isPercent, error),
      ],
      error,
    ),
  );
}

function isDuration(value: string): boolean {
  return parseDuration(value) !== undefined;
}

function isPercent(value: string): boolean {
  return parsePercent(value) !== undefined;
}

function isHalfAtMost(value: string): boolean {
  return (parsePercent(value) ?? 100) <= 50;
}

function isSize(value: string): boolean {
  return parseSize(value) !== undefined;
}

/** A budget is a bucket of a minute's allowance: one of less than 1 would hold no request. */
function isRate(value: string): boolean {
  const perMinute = parseRate(value);
  return perMinute !== undefined && perMinute >= 1 && perMinute <= RATE_MAX;
}

/**
 * The shape of laneway.yaml, for zod and, through it, for the published JSON Schema. Each leaf carries the words of its
 * own message: what was expected there. What a field means together with other fields is checked elsewhere, in a pass
 * of its own, because zod skips its refinements as soon as the shape is wrong anywhere.
 */

import { z } from "zod";
import type { PolicyFile } from "./file.ts";
import { parseDuration, parsePercent, parseSize, PATTERNS } from "./units.ts";

const SEATS_MAX = 1_000_000;
const WAITING_MAX = 10_000_000;

/** Lane and resource names travel in headers, metric labels and file names. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

const DURATION = "a duration from 1ms to 596h, such as 30s";
const PERCENT = "a percentage from 0% to 100%";
const SEATS = "a whole number of seats";

const name = leaf("a name of letters, digits, - _ and ., at most 63 long", (error) =>
  z.string(error).regex(NAME, error),
);
const text = leaf("text", (error) => z.string(error).min(1, error));
const laneName = leaf("the name of a lane", (error) => z.string(error).min(1, error));
const resourceName = leaf("the name of a resource", (error) => z.string(error).min(1, error));
const duration = leaf(DURATION, (error) =>
  z.string(error).regex(PATTERNS.duration, error).refine(isDuration, error),
);
const percent = leaf(PERCENT, (error) =>
  z.string(error).regex(PATTERNS.percent, error).refine(isPercent, error),
);
const yesNo = leaf("true or false", (error) => z.boolean(error));
const weight = leaf("a number above 0, at most 1000000", (error) =>
  z.number(error).min(1e-6, error).max(1e6, error),
);
const waiting = leaf(`a whole number from 0 to ${WAITING_MAX}`, (error) =>
  z.number(error).int(error).min(0, error).max(WAITING_MAX, error),
);
const limit = leaf(`${SEATS} from 1 to ${SEATS_MAX}`, (error) =>
  z.number(error).int(error).min(1, error).max(SEATS_MAX, error),
);
const address = leaf("an address such as 127.0.0.1:8080", (error) => z.string(error).min(1, error));

const laneFields = {
  reservation: seatsOrPercent(0)
    .optional()
    .describe("Guaranteed to the lane: a percentage of each resource's limit, or seats. Default: 0."),
  lendable: seatsOrPercent(0)
    .optional()
    .describe(
      "The part of the idle reservation that others may use: a percentage of the reservation, or seats. Default: 50% for critical, else 100%.",
    ),
  ceiling: seatsOrPercent(1)
    .optional()
    .describe("The most the lane may hold: a percentage of the limit, or seats. Default: the limit."),
  weight: weight.optional().describe("Its share beyond reservations under order: weighted. Default: 1."),
  timeout: duration
    .optional()
    .describe(
      "The whole task: wait, run and retries. Default by name: 30s for critical and high, 60s normal, 2m low, 5m bulk.",
    ),
  queue: z
    .strictObject({
      max: waiting
        .optional()
        .describe(
          "How many may wait. Default by name: 1000 for critical and high, 2000 normal, 5000 low, 10000 bulk.",
        ),
      timeout: duration
        .optional()
        .describe(
          "How long one may wait. Default by name: 10s for critical and high, 60s normal, 2m low, 5m bulk.",
        ),
    })
    .optional()
    .describe("The bounds of the lane's queue."),
  aging: z
    .strictObject({
      after: duration.describe("The age past which a waiter of this lane may be picked out of turn."),
    })
    .optional()
    .describe("Default: the policy's own aging.after."),
};

const lane = z.strictObject({
  name: name.describe("What rules, claims and code call the lane."),
  ...laneFields,
  exempt: yesNo
    .optional()
    .describe("Takes no seat and never waits, but is counted; no claim can reach it. Default: false."),
  objective: z
    .strictObject({
      wait: duration
        .optional()
        .describe(
          "The wait that 99 of 100 tasks stay under. Default by name: 100ms critical, 1s high, 10s normal, 1m low, 5m bulk.",
        ),
      success: percent
        .optional()
        .describe("The part of the tasks that is served. Default: 99.9% for critical, none for others."),
    })
    .optional()
    .describe(
      "What the lane is meant to achieve. It is reported against, and changes nothing about who goes first.",
    ),
});

const rule = z.strictObject({
  path: text.optional().describe("A path pattern of whole segments: * stands for one, ** for any number."),
  method: leaf("an HTTP method such as GET", (error) => z.string(error).regex(/^[A-Za-z]+$/, error))
    .optional()
    .describe("An HTTP method."),
  header: z
    .record(text, text)
    .optional()
    .describe("Header names with patterns for their values; * stands for any characters."),
  model: text.optional().describe("A pattern for the model of an AI call; * stands for any characters."),
  host: text
    .optional()
    .describe(
      "A pattern for the host, without the port: * stands inside one label, ** for any number of labels.",
    ),
  lane: laneName.describe("The lane of the requests that match."),
  resource: resourceName
    .optional()
    .describe("The resource that they go to. Default: the gateway goes by the path."),
});

const caller = z.strictObject({
  key: leaf("a key, as text", (error) => z.string(error))
    .optional()
    .describe("Sent as x-api-key or as authorization: Bearer. Write ${VAR}, not the key."),
  cidr: text.optional().describe("An address range such as 10.0.0.0/8, or one address."),
  flow: text
    .optional()
    .describe("The flow of this caller's requests. Default: a short hash of the key, or the address."),
  upTo: laneName
    .optional()
    .describe("The highest lane that a claim of this caller may reach. Default: its claims raise nothing."),
});

const resource = z.strictObject({
  provider: leaf("http, anthropic or openai", (error) => z.enum(["http", "anthropic", "openai"], error))
    .optional()
    .describe("The protocol of the upstream. Default: http when there is an upstream."),
  upstream: leaf("an http:// or https:// URL", (error) => z.string(error))
    .optional()
    .describe("Where the gateway forwards to."),
  limit: limit
    .optional()
    .describe("Seats in all: how much may run at once. Default: 100 with an upstream; else required."),
  queue: z
    .strictObject({
      max: waiting
        .optional()
        .describe("How many may wait in all lanes together. Default: the sum of the lanes' own."),
      whenFull: leaf("reject or evict", (error) => z.enum(["reject", "evict"], error))
        .optional()
        .describe("evict: a newcomer may put out a waiter of a lower lane. Default: reject."),
    })
    .optional()
    .describe("A bound on all lanes' queues together."),
  order: leaf("strict or weighted", (error) => z.enum(["strict", "weighted"], error))
    .optional()
    .describe(
      "Who gets what is left beyond reservations: the highest waiting lane, or all by weight. Default: strict.",
    ),
  lanes: z
    .record(name, z.strictObject(laneFields))
    .optional()
    .describe("Lanes by name, with what differs for this resource."),
});

/** The whole file. */
export const PolicySchema: z.ZodType<PolicyFile> = z
  .strictObject({
    version: leaf("1", (error) => z.literal(1, error))
      .optional()
      .describe("The version of this format. Default: 1."),
    lanes: z
      .array(lane)
      .min(1, { error: "at least one lane, or no lanes field at all for the five default lanes" })
      .max(64, { error: "at most 64 lanes" })
      .optional()
      .describe(
        "Most important first: the order is the rank. Default: critical, high, normal, low and bulk with 40, 30, 20, 10 and 0 % reserved.",
      ),
    defaultLane: laneName
      .optional()
      .describe("The lane of what no rule matches. Default: normal where there is one, else the lowest."),
    aging: z
      .union([
        leaf("false, or a map with after and budget", (error) => z.literal(false, error)),
        z.strictObject({
          after: duration
            .optional()
            .describe("The age past which a waiter may be picked out of turn. Default: 30s."),
          budget: leaf("a percentage from 0% to 50%", (error) =>
            z.string(error).regex(PATTERNS.percent, error).refine(isHalfAtMost, error),
          )
            .optional()
            .describe("The part of the seat-time that may go to such picks, at most 50%. Default: 5%."),
        }),
      ])
      .optional()
      .describe(
        "Keeps every lane moving: part of the seat-time goes to the longest waiters. false: never out of turn.",
      ),
    classify: z
      .array(rule)
      .optional()
      .describe("Which request belongs to which lane; the first rule that matches wins. Default: no rules."),
    flow: z
      .strictObject({ header: text.describe("The header that says who shares fairly inside a lane.") })
      .optional()
      .describe("Default: the listed caller, else the client's address."),
    trust: z
      .strictObject({
        header: text.optional().describe("The header that claims a lane. Default: x-priority."),
        callers: z
          .array(caller)
          .optional()
          .describe("Who may raise its requests by a claim. Default: nobody."),
      })
      .optional()
      .describe("A claim may always lower a lane; only listed callers may raise it."),
    resources: z.record(name, resource).optional().describe("What is shared, by name. Default: none."),
    enforce: yesNo
      .optional()
      .describe("false: decide, count and explain, but hold nothing back. Default: true."),
    gateway: z
      .strictObject({
        listen: address.optional().describe("Where the gateway takes requests. Default: 127.0.0.1:8080."),
        admin: z
          .union([
            leaf("an address such as 127.0.0.1:8081, or false", (error) => z.literal(false, error)),
            address,
          ])
          .optional()
          .describe("The admin port, on a loopback address; false: none. Default: 127.0.0.1:8081."),
        probes: address
          .optional()
          .describe("A port with /healthz and /readyz only, for a kubelet. Default: none."),
        drainTimeout: duration
          .optional()
          .describe("How long accepted requests may take to finish after SIGTERM. Default: 30s."),
        maxBody: leaf("a size such as 32MiB or 500kB", (error) =>
          z.string(error).regex(PATTERNS.size, error).refine(isSize, error),
        )
          .optional()
          .describe("The largest body that the gateway reads whole. Default: 32MiB."),
      })
      .optional()
      .describe("The gateway's own settings."),
  })
  .meta({
    title: "Laneway policy",
    description: "Which work goes first on what a service shares: laneway.yaml.",
  });

/** A leaf with one message for all that can be wrong about it. */
function leaf<Schema>(expected: string, make: (error: { error: string }) => Schema): Schema {
  return make({ error: expected });
}

function seatsOrPercent(least: 0 | 1) {
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

/**
 * The shape of laneway.yaml, for zod and, through it, for the published JSON Schema. What a field means together with
 * other fields is checked elsewhere, in a pass of its own, because zod skips its refinements as soon as the shape is
 * wrong anywhere.
 */

import { z } from "zod";
import type { PolicyFile } from "./file.ts";
import {
  address,
  attempts,
  duration,
  halfAtMost,
  key,
  laneName,
  leaf,
  limit,
  method,
  name,
  nice,
  oomScoreAdj,
  percent,
  processorWeight,
  rate,
  resourceName,
  seatsOrPercent,
  size,
  text,
  url,
  waiting,
  weight,
  yesNo,
} from "./leaves.ts";
import { laneKubernetes } from "./kubernetes-schema.ts";
import { laneNetwork, network } from "./network-schema.ts";

const ADAPTIVE = "a whole number of seats, adaptive, or a map with adaptive: true";

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
  cpu: z
    .strictObject({
      nice: nice
        .optional()
        .describe("Below 0 it raises, which takes rights. Default by name: 10 for low, 19 bulk, 0 others."),
      weight: processorWeight
        .optional()
        .describe(
          "A share beside the 100 of any process; idle: what nobody else needs. Default by name: 25 for low, idle for bulk, 100 others.",
        ),
    })
    .optional()
    .describe("What processes of the lane get of the processor, for laneway run and laneway/process."),
  memory: z
    .strictObject({
      high: size
        .optional()
        .describe("Beyond it the lane's processes together are slowed down. Default: none."),
      low: size
        .optional()
        .describe("Up to it the memory of the lane's processes is taken last. Default: none."),
      max: size.optional().describe("Beyond it processes of the lane are ended. Default: none."),
      oomScoreAdj: oomScoreAdj
        .optional()
        .describe(
          "Who is ended first when memory runs out. Default by name: 0 for critical, 100 high, 200 normal, 500 low, 800 bulk.",
        ),
    })
    .optional()
    .describe("What processes of the lane get of memory, for laneway run and laneway/process."),
  network: laneNetwork
    .optional()
    .describe("What packets of the lane get, for the gateway, laneway/dscp and laneway network."),
  kubernetes: laneKubernetes
    .optional()
    .describe("What pods of the lane get, for laneway kubernetes and laneway/kubernetes."),
});

const rule = z.strictObject({
  path: text.optional().describe("A path pattern of whole segments: * stands for one, ** for any number."),
  method: method.optional().describe("An HTTP method."),
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
  key: key.optional().describe("Sent as x-api-key or as authorization: Bearer. Write ${VAR}, not the key."),
  cidr: text.optional().describe("An address range such as 10.0.0.0/8, or one address."),
  flow: text
    .optional()
    .describe("The flow of this caller's requests. Default: a short hash of the key, or the address."),
  upTo: laneName
    .optional()
    .describe("The highest lane that a claim of this caller may reach. Default: its claims raise nothing."),
});

const budgetFields = {
  requests: rate.optional().describe("Requests, as a rate such as 4000/min. Default: unlimited."),
  inputTokens: rate
    .optional()
    .describe("Tokens of what is sent, as a rate such as 400000/min. Default: unlimited."),
  outputTokens: rate
    .optional()
    .describe("Tokens of what is generated, as a rate such as 80000/min. Default: unlimited."),
};

const budgets = z.strictObject({
  ...budgetFields,
  models: z
    .record(text, z.strictObject(budgetFields))
    .optional()
    .describe(
      "By pattern for the model, * standing for any characters: what differs there. The first that matches counts, and all its models share one budget.",
    ),
});

const retry = z.strictObject({
  attempts: attempts
    .optional()
    .describe(
      "How often a call is tried in all, before the first byte of a reply. Default: 3; plain HTTP: 1.",
    ),
  budget: percent.optional().describe("The part of a lane's traffic that may be repeats. Default: 10%."),
  plainHttp: yesNo
    .optional()
    .describe(
      "Idempotent methods of plain HTTP are tried again too, 3 times in all by default. Default: false.",
    ),
});

const fallback = z.strictObject({
  resource: resourceName.optional().describe("Another resource with the same provider."),
  model: text.optional().describe("Another model of the same resource."),
});

const keys = z.array(key).min(1, { error: "at least one key" }).max(100, { error: "at most 100 keys" });

const resourceLane = z.strictObject({
  ...laneFields,
  keys: keys.optional().describe("Keys of this lane alone. Default: those of the resource."),
  fallback: fallback.optional().describe("The fallback of this lane. Default: that of the resource."),
});

const resource = z.strictObject({
  provider: leaf("http, anthropic or openai", (error) => z.enum(["http", "anthropic", "openai"], error))
    .optional()
    .describe("The protocol of the upstream. Default: http when there is an upstream."),
  upstream: url.optional().describe("Where the gateway forwards to."),
  limit: z
    .union([
      limit,
      leaf(ADAPTIVE, (error) => z.literal("adaptive", error)),
      z.strictObject({
        adaptive: leaf("true", (error) => z.literal(true, error)).describe("The limit is learned."),
        min: limit.optional().describe("Seats that it never goes below. Default: 2."),
        max: limit.optional().describe("Seats that it never passes. Default: 1000."),
        start: limit.optional().describe("Seats to begin with. Default: 20, within min and max."),
      }),
    ])
    .optional()
    .describe(
      "How much may run at once: seats, or adaptive, for a limit that is learned. Default: 100 with an upstream, adaptive for the resource http without one; else required.",
    ),
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
  memory: yesNo
    .optional()
    .describe(
      "Whether newcomers of the lowest lanes are refused while the process runs out of memory. Default: true.",
    ),
  keys: keys
    .optional()
    .describe(
      "Keys for the upstream, as ${VAR}, not the key itself; several share the load. Default: the caller's own credential passes.",
    ),
  budgets: budgets
    .optional()
    .describe("What may be used a minute, for each key and class of models. Default: unlimited."),
  retry: retry
    .optional()
    .describe("Whether a call that failed is tried again, at its own place in its lane."),
  fallback: fallback
    .optional()
    .describe("Where a call goes that this resource cannot serve, either of the two. Default: nowhere."),
  commitAfter: duration
    .optional()
    .describe(
      "After so long a waiting stream is answered 200 and kept warm; it can then fail only inside the stream. Default: never.",
    ),
  idleTimeout: duration
    .optional()
    .describe("A reply that has begun is cut after so long without a byte. Default: 5m."),
  lanes: z
    .record(name, resourceLane)
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
          budget: halfAtMost
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
        forwardTo: z
          .array(url)
          .optional()
          .describe("The origins that are told a call's lane and remaining deadline. Default: none."),
      })
      .optional()
      .describe("A claim may always lower a lane; only listed callers may raise it."),
    resources: z.record(name, resource).optional().describe("What is shared, by name. Default: none."),
    enforce: yesNo
      .optional()
      .describe("false: decide, count and explain, but hold nothing back. Default: true."),
    network: network
      .optional()
      .describe("Marks of packets by lane, for networks and queues that know them. Default: no marks."),
    gateway: z
      .strictObject({
        listen: address.optional().describe("Where the gateway takes requests. Default: 127.0.0.1:8080."),
        admin: z
          .union([
            leaf("an address such as 127.0.0.1:8081, or false", (error) => z.literal(false, error)),
            address,
          ])
          .optional()
          .describe(
            "The admin port, on a loopback address unless there is an adminToken; false: none. Default: 127.0.0.1:8081.",
          ),
        adminToken: key
          .optional()
          .describe(
            "What operators who change something must know, as ${VAR}, not the token itself; 16 characters or more. Default: the admin port is read-only.",
          ),
        probes: address
          .optional()
          .describe("A port with /healthz and /readyz only, for a kubelet. Default: none."),
        drainTimeout: duration
          .optional()
          .describe("How long accepted requests may take to finish after SIGTERM. Default: 30s."),
        maxBody: size.optional().describe("The largest body that the gateway reads whole. Default: 32MiB."),
      })
      .optional()
      .describe("The gateway's own settings."),
  })
  .meta({
    title: "Laneway policy",
    description: "Which work goes first on what a service shares: laneway.yaml.",
  });

/** The shape of a scenario, for zod. What a field means together with others is checked in `read.ts`, in a pass of its own. */

import { z } from "zod";
import { duration, laneName, leaf, method, name, text, weight, yesNo } from "../../policy/leaves.ts";
import type { ScenarioFile } from "./file.ts";
import { parseRateText } from "./rate.ts";

const rate = leaf("a rate such as 40/s, or 25% of what the service can do", (error) =>
  z.string(error).refine((value) => parseRateText(value) !== undefined, error),
);
const perSecond = leaf("a rate such as 400/s", (error) =>
  z.string(error).refine((value) => parseRateText(value)?.of === "second", error),
);
const rateOrRamp = z.union([
  rate,
  z.strictObject({
    from: rate.describe("At the start of the phase."),
    to: rate.describe("At its end."),
  }),
]);
const path = leaf("a path that begins with /", (error) => z.string(error).regex(/^\/[\x21-\x7E]*$/, error));
const headers = z.record(
  leaf("a header's name", (error) => z.string(error).regex(/^[!#$%&'*+.^_`|~\w-]+$/, error)),
  leaf("a header's value on one line", (error) => z.string(error).regex(/^[\t\x20-\x7E\x80-\xFF]*$/, error)),
);
const count = (least: number, most: number): z.ZodType<number> =>
  leaf(`a whole number from ${least} to ${most}`, (error) =>
    z.number(error).int(error).min(least, error).max(most, error),
  );

const pathEntry = z.union([
  path,
  z.strictObject({
    path: path.describe("What is asked for, with its query."),
    method: method.optional().describe("Default: GET, or POST with a body."),
    weight: weight.optional().describe("How often, beside the lane's other paths. Default: 1."),
    headers: headers.optional().describe("Beside those of the lane."),
    body: z
      .union([text, z.record(z.string(), z.unknown())])
      .optional()
      .describe("Text, or a map that is sent as JSON."),
  }),
]);

const ai = z.strictObject({
  provider: leaf("anthropic or openai", (error) => z.enum(["anthropic", "openai"], error)).describe(
    "The protocol: POST /v1/messages, or POST /v1/chat/completions.",
  ),
  model: text.optional().describe("Default: claude-haiku-4-5 or gpt-5-mini."),
  maxTokens: count(1, 1_000_000).optional().describe("Default: 100."),
  stream: yesNo.optional().describe("Default: false."),
  prompt: text.optional().describe("Default: a short sentence."),
});

const who = leaf("obey or ignore", (error) => z.enum(["obey", "ignore"], error));

const lane = z.strictObject({
  name: name.describe("What the report calls it."),
  lane: laneName
    .optional()
    .describe("The lane that its requests claim. Default: its name; so one lane may be asked by several."),
  rate: rateOrRamp.optional().describe("How often it is asked. Default: 10% of what the service can do."),
  during: z
    .record(z.string(), rateOrRamp)
    .optional()
    .describe("By phase, where the rate is another one: { flood: 240% }."),
  paths: z
    .array(pathEntry)
    .min(1, { error: "at least one path" })
    .max(100, { error: "at most 100 paths" })
    .optional()
    .describe("What it asks for. Default: the path of the URL."),
  ai: ai.optional().describe("It asks a model instead."),
  headers: headers.optional().describe("Of all its requests."),
  flows: z
    .union([
      count(1, 1_000),
      z.strictObject({
        count: count(1, 1_000).describe("How many callers there are."),
        header: text
          .optional()
          .describe("The header that tells them apart. Default: the policy's, else x-api-key."),
        prefix: text.optional().describe("They are called <prefix>-1 and so on. Default: the lane's name."),
        skew: leaf("a number from 0 to 10", (error) => z.number(error).min(0, error).max(10, error))
          .optional()
          .describe(
            "0: all ask equally often; 1: the second half as often as the first, and so on. Default: 0.",
          ),
      }),
    ])
    .optional()
    .describe("How many callers it stands for, told apart by a header. Default: none are told apart."),
  returns: z
    .union([
      leaf("obey, ignore or none", (error) => z.enum(["obey", "ignore", "none"], error)),
      z.strictObject({
        after: who.describe("obey: retry-after; ignore: about a tenth of a second."),
        most: count(1, 100).optional().describe("How often one call comes back. Default: 3."),
      }),
    ])
    .optional()
    .describe("What a refused client does. Default: none, it goes away."),
  timeout: duration.optional().describe("Default: that of the scenario."),
  objectives: z
    .array(text)
    .optional()
    .describe("What is promised: p99 < 300ms, success > 99.9% during flood."),
});

/** The whole file. */
export const ScenarioSchema: z.ZodType<ScenarioFile> = z.strictObject({
  version: leaf("1", (error) => z.literal(1, error))
    .optional()
    .describe("The version of this format. Default: 1."),
  about: text.optional().describe("What it asks, in a sentence, for the report."),
  rate: perSecond
    .optional()
    .describe("What the service can do, which percentages refer to. Default: it is found out first."),
  arrivals: leaf("poisson or steady", (error) => z.enum(["poisson", "steady"], error))
    .optional()
    .describe("By chance, as independent clients come, or evenly. Default: poisson."),
  timeout: duration.optional().describe("A reply that is not whole by then has failed. Default: 10s."),
  header: text.optional().describe("The header that claims a lane. Default: the policy's, else x-priority."),
  inFlight: count(1, 100_000)
    .optional()
    .describe("Requests in flight beyond which none is sent, and the run is invalid. Default: 20000."),
  phases: z
    .array(
      z.strictObject({
        name: name.describe("What the report calls it."),
        for: duration.describe("How long it lasts."),
      }),
    )
    .min(1, { error: "at least one phase" })
    .max(50, { error: "at most 50 phases" })
    .optional()
    .describe("The parts of the load, one after another. Default: baseline, flood and recovery, 10s each."),
  lanes: z
    .array(lane)
    .min(1, { error: "at least one lane" })
    .max(64, { error: "at most 64 lanes" })
    .optional()
    .describe("Most important first. Default: the policy's, else the five default lanes, as in spike."),
});

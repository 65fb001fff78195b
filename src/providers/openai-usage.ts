/**
 * What a reply in OpenAI's shapes used: chat, responses and embeddings name their counts differently. What comes from
 * the cache counts against the limits, so it stays in. A chat stream tells its usage only if its request asked for it
 * (`stream_options.include_usage`); one that tells none is not guessed at, for its input is not known.
 */

import { jsonPaths } from "./json-scan.ts";
import type { JsonLeaf } from "./json-scan.ts";
import type { Usage } from "./provider.ts";
import { tokensOf } from "./usage.ts";
import type { UsageShape, UsageTally } from "./usage.ts";

const PATHS = jsonPaths([
  "usage.prompt_tokens",
  "usage.completion_tokens",
  "usage.input_tokens",
  "usage.output_tokens",
  "response.usage.input_tokens",
  "response.usage.output_tokens",
]);
const INPUT = /\.(?:prompt|input)_tokens$/;

/** The length of `[DONE]`, the only event after the last count. */
const DONE_BYTES = 6;

class OpenAiTally implements UsageTally {
  private input: number | undefined = undefined;
  private output = 0;
  private counted = false;
  private countedInEvent = false;

  note(path: string, value: JsonLeaf): void {
    const tokens = tokensOf(value);
    if (tokens === undefined) return;
    if (INPUT.test(path)) this.input = tokens;
    else this.output = tokens;
    this.countedInEvent = true;
  }

  eventOver(bytes: number): void {
    if (this.countedInEvent) this.counted = true;
    else if (bytes !== DONE_BYTES) this.counted = false;
    this.countedInEvent = false;
  }

  usage(whole: boolean): Usage | undefined {
    if (this.input === undefined) return undefined;
    return { inputTokens: this.input, outputTokens: this.output, final: whole || this.counted };
  }
}

export const OPENAI_USAGE: UsageShape = { paths: PATHS, tally: () => new OpenAiTally() };

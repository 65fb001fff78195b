/**
 * What an Anthropic reply used. Input is what its limits count: what was sent and what was written to the cache. Output
 * comes cumulated with each `message_delta`; what came since the last is taken from the size of its events.
 */

import { jsonPaths } from "./json-scan.ts";
import type { JsonLeaf } from "./json-scan.ts";
import type { Usage } from "./provider.ts";
import { tokensOf } from "./usage.ts";
import type { UsageShape, UsageTally } from "./usage.ts";

/** Only a stream's first event has its counts below "message"; a whole reply has them where a `message_delta` has. */
const FIRST = "message.";
const PATHS = jsonPaths(
  ["", FIRST].flatMap((prefix) => [
    `${prefix}model`,
    `${prefix}usage.input_tokens`,
    `${prefix}usage.cache_creation_input_tokens`,
    `${prefix}usage.cache_read_input_tokens`,
    `${prefix}usage.output_tokens`,
  ]),
);

/** Models before Claude 3.7, whose limits count what is read from the cache too. */
const COUNTS_CACHE_READS = /^claude-(?:3-(?:5-)?(?:opus|sonnet|haiku)|2|instant)/;

/** The JSON around the text of a `text_delta`; of other deltas it is a little more. */
const DELTA_FRAME_BYTES = 80;
const BYTES_PER_TOKEN = 4;

class AnthropicTally implements UsageTally {
  private model = "";
  private input: number | undefined = undefined;
  private cacheWritten = 0;
  private cacheRead = 0;
  private output = 0;
  /** The output is counted up to here. */
  private counted = false;
  private bytesSince = 0;
  private countedInEvent = false;

  note(path: string, value: JsonLeaf): void {
    const first = path.startsWith(FIRST);
    const name = first ? path.slice(FIRST.length) : path;
    if (name === "model") {
      if (typeof value === "string") this.model = value;
      return;
    }
    const tokens = tokensOf(value);
    // A null keeps what an earlier event said.
    if (tokens === undefined) return;
    if (name === "usage.input_tokens") this.input = tokens;
    else if (name === "usage.cache_creation_input_tokens") this.cacheWritten = tokens;
    else if (name === "usage.cache_read_input_tokens") this.cacheRead = tokens;
    else {
      this.output = tokens;
      this.counted = !first;
      this.countedInEvent = true;
      this.bytesSince = 0;
    }
  }

  eventOver(bytes: number): void {
    if (!this.countedInEvent) this.bytesSince += Math.max(0, bytes - DELTA_FRAME_BYTES);
    this.countedInEvent = false;
  }

  usage(whole: boolean): Usage | undefined {
    if (this.input === undefined) return undefined;
    const cacheRead = COUNTS_CACHE_READS.test(this.model) ? this.cacheRead : 0;
    return {
      inputTokens: this.input + this.cacheWritten + cacheRead,
      outputTokens: this.output + Math.ceil(this.bytesSince / BYTES_PER_TOKEN),
      final: whole || (this.counted && this.bytesSince === 0),
    };
  }
}

const ANY_MODEL = Buffer.from('"claude-');
const MODEL_CHARS = 32;

/** Only a reply of one of the oldest models is read from its beginning. */
function isOfOldModel(piece: Buffer): boolean {
  const at = piece.indexOf(ANY_MODEL);
  return at === -1 || COUNTS_CACHE_READS.test(piece.toString("latin1", at + 1, at + MODEL_CHARS));
}

export const ANTHROPIC_USAGE: UsageShape = {
  paths: PATHS,
  headMatters: isOfOldModel,
  tally: () => new AnthropicTally(),
};

/**
 * What a call will use of the rate budgets, guessed before it is made: its input from the bytes of its text, its output
 * from what calls like it wrote before. Both learn from the usage that replies report. A guess that is too high leaves
 * budget unused until the call ends; one that is too low is answered with a 429: so both lean to the high side.
 */

import type { Cost } from "../core/options.ts";
import type { RequestKind, Usage } from "../providers/provider.ts";
import { BoundedMap } from "./bounded-map.ts";

/** What is known of a call before it is made. */
export interface EstimatedCall {
  readonly kind: RequestKind;
  readonly model: string;
  readonly lane: string;
  /** Bytes of text to be counted as input. */
  readonly bytes: number;
  /** The most output that was asked for. */
  readonly maxOutputTokens: number | undefined;
  /** The upstream charges `maxOutputTokens` at the start and corrects it at the end; the guess must do the same. */
  readonly chargesMaxTokens?: boolean;
}

/** English text, before any reply has told better. */
const BYTES_PER_TOKEN = 4;
const MARGIN = 1.1;
/** A reply's weight in the smoothed ratio lasts for about this many more: prompts of one application are alike. */
const INPUT_MEMORY = 32;
/** Replies of a class and lane, the newest of which decide; older ones are forgotten. */
const OUTPUT_MEMORY = 64;
/** With fewer replies than this, the 90th percentile is nothing but the largest. */
const OUTPUT_SAMPLES_MIN = 8;
const OUTPUT_UNKNOWN = 1_024;
/** Model names come from callers. */
const KNOWN_MAX = 1_024;

/**
 * Guesses the cost of calls, and learns from their usage.
 *
 * @example
 * const estimate = new TokenEstimate((model) => provider.classOf(model));
 * const cost = estimate.cost(call);
 * estimate.learn(call, usage);
 */
export class TokenEstimate {
  readonly #classOf: (model: string) => string;
  /** The model asked for last, and its class: most services ask for one model again and again. */
  #model: string | undefined = undefined;
  #class = "";
  readonly #inputs = new BoundedMap<string, InputRatio>(KNOWN_MAX);
  readonly #outputs = new BoundedMap<string, RecentOutputs>(KNOWN_MAX);

  constructor(classOf: (model: string) => string) {
    this.#classOf = classOf;
  }

  /** One request, and the tokens that a call of this kind uses; whole numbers. */
  cost(call: EstimatedCall): Cost {
    if (call.kind === "generate")
      return { requests: 1, inputTokens: this.#input(call), outputTokens: this.#output(call) };
    if (call.kind === "embed") return { requests: 1, inputTokens: this.#input(call), outputTokens: 0 };
    return { requests: 1, inputTokens: 0, outputTokens: 0 };
  }

  /** Takes in what a call really used. */
  learn(call: EstimatedCall, usage: Usage): void {
    if (call.bytes > 0 && usage.inputTokens > 0)
      this.#inputs.of(call.model, () => new InputRatio()).add(call.bytes, usage.inputTokens);
    // The output of a reply that broke off says how much of it came, not how long it would have been.
    if (call.kind === "generate" && usage.final)
      this.#outputs.of(this.#key(call), () => new RecentOutputs()).add(usage.outputTokens);
  }

  #input(call: EstimatedCall): number {
    const perByte = this.#inputs.get(call.model)?.tokensPerByte ?? 1 / BYTES_PER_TOKEN;
    return Math.ceil(call.bytes * perByte * MARGIN);
  }

  #output(call: EstimatedCall): number {
    const most = call.maxOutputTokens ?? Infinity;
    const asked = most === Infinity ? OUTPUT_UNKNOWN : most;
    const learned = call.chargesMaxTokens === true ? undefined : this.#outputs.get(this.#key(call));
    return Math.min(most, learned?.expected(asked) ?? asked);
  }

  /** A class of models writes alike; a lane is a use, and a summary is shorter than an essay by any model. */
  #key({ model, lane }: EstimatedCall): string {
    if (model !== this.#model) {
      this.#model = model;
      this.#class = this.#classOf(model);
    }
    return `${lane}\n${this.#class}`;
  }
}

/** Tokens over bytes, both smoothed: a long prompt counts for more than a short one, as it does in the budget. */
class InputRatio {
  #bytes = 0;
  #tokens = 0;

  add(bytes: number, tokens: number): void {
    const kept = 1 - 1 / INPUT_MEMORY;
    this.#bytes = this.#bytes * kept + bytes;
    this.#tokens = this.#tokens * kept + tokens;
  }

  get tokensPerByte(): number {
    return this.#tokens / this.#bytes;
  }
}

/** The newest outputs, in the order they came and by size, so that a percentile costs one look. */
class RecentOutputs {
  readonly #newest: number[] = [];
  readonly #sorted: number[] = [];
  #oldest = 0;
  #seen = 0;

  add(tokens: number): void {
    this.#seen++;
    if (this.#newest.length === OUTPUT_MEMORY) {
      this.#sorted.splice(placeOf(this.#sorted, this.#newest[this.#oldest]!), 1);
      this.#newest[this.#oldest] = tokens;
      this.#oldest = (this.#oldest + 1) % OUTPUT_MEMORY;
    } else this.#newest.push(tokens);
    this.#sorted.splice(placeOf(this.#sorted, tokens), 0, tokens);
  }

  /**
   * The 90th percentile. Of calls that began together the shortest are the first to end, so the first to be learned from
   * are too short: what was asked for keeps a part in it, which fades as replies come in.
   */
  expected(asked: number): number | undefined {
    const { length } = this.#sorted;
    if (length < OUTPUT_SAMPLES_MIN) return undefined;
    const p90 = this.#sorted[Math.ceil(length * 0.9) - 1]!;
    return Math.ceil(p90 + Math.max(0, asked - p90) * (OUTPUT_SAMPLES_MIN / this.#seen));
  }
}

/** The index of the first that is not less. */
function placeOf(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Embeddings: numbers that depend on the text and on nothing else, as base64 or as a list. */

import { createHash } from "node:crypto";
import { StandInError } from "./dialect.ts";
import type { ReplySize } from "./dialect.ts";
import { tokensOf } from "./made-up.ts";
import { modelOf } from "./openai-request.ts";

const DIMENSIONS = 8;

/** The reply, what it cost, and for which model. */
export interface EmbeddingsReply {
  readonly model: string;
  readonly promptTokens: number;
  readonly value: object;
}

/** One vector for each text. */
export function embeddings(body: Readonly<Record<string, unknown>>, size: ReplySize): EmbeddingsReply {
  const model = modelOf(body);
  const { input } = body;
  if (input === undefined || input === "")
    throw new StandInError(400, "missing_required_parameter", "Missing required parameter: 'input'.");
  const texts = textsOf(input);
  const dimensions = Number(body["dimensions"] ?? DIMENSIONS);
  const packed = body["encoding_format"] === "base64";
  const promptTokens = texts.reduce((sum, text) => sum + tokensOf(text, size.charsPerToken), 0);
  const data = texts.map((text, index) => {
    const vector = vectorOf(text, dimensions);
    const embedding = packed ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    return { object: "embedding", index, embedding };
  });
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  return { model, promptTokens, value: { object: "list", data, model, usage } };
}

/** One text, several, or either of them as token numbers. */
function textsOf(input: unknown): string[] {
  if (!Array.isArray(input)) return [String(input)];
  if (input.every((token) => typeof token === "number")) return [input.join(" ")];
  return input.map((text) => (Array.isArray(text) ? text.join(" ") : String(text)));
}

function vectorOf(text: string, dimensions: number): Float32Array {
  const bytes = createHash("sha256").update(text).digest();
  return Float32Array.from({ length: dimensions }, (_, at) => ((bytes[at % bytes.length] ?? 0) - 128) / 128);
}
